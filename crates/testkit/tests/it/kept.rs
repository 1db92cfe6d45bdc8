//! Clusters whose directory is kept and found again.

use crate::ask;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;
use tenantry_core::ErrorKind;
use tenantry_testkit::{Postgres, PostgresError, PostgresOptions, versions_for_tests};

/// A place that the server's user can reach, whoever that is.
fn place() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn kept(dir: &Path, version: Option<u32>) -> PostgresOptions {
    PostgresOptions { version, data_dir: Some(dir.to_owned()), ..PostgresOptions::default() }
}

#[tokio::test]
async fn a_kept_cluster_is_found_again_and_refused_to_other_versions() {
    let place = place();
    let versions = versions_for_tests();
    let (old, new) = (versions[0], versions[versions.len() - 1]);
    let dir = place.path().join("kept");
    let postgres = Postgres::start(kept(&dir, Some(old))).await.unwrap();
    assert_eq!(ask(&postgres, "SHOW fsync").await, "on");
    let client = postgres.connect("postgres").await.unwrap();
    client.batch_execute("CREATE TABLE t AS SELECT 'here' AS v").await.unwrap();
    let (password, run) = (postgres.password().clone(), postgres.socket_dir().to_owned());
    postgres.stop().await;
    assert!(!run.exists());

    // Not asked for a version, it takes the cluster's.
    let postgres = Postgres::start(kept(&dir, None)).await.unwrap();
    assert_eq!(postgres.version().major, old);
    assert_eq!(*postgres.password(), password);
    assert_eq!(ask(&postgres, "SELECT v FROM t").await, "here");
    let running = Postgres::start(kept(&dir, None)).await.unwrap_err();
    assert!(matches!(running, PostgresError::Locked { .. }), "{running}");
    assert_eq!(ask(&postgres, "SELECT v FROM t").await, "here");
    postgres.stop().await;

    if old != new {
        let error = Postgres::start(kept(&dir, Some(new))).await.unwrap_err();
        assert!(matches!(error, PostgresError::OtherDataVersion { found, .. } if found == old), "{error}");
        assert_eq!(error.kind(), ErrorKind::WouldLoseData);
        assert!(error.hint().unwrap().contains(&format!("install PostgreSQL {old}")));
    }
}

#[tokio::test]
async fn whoever_died_while_changing_the_password_is_survived() {
    let place = place();
    let dir = place.path().join("kept");
    let postgres = Postgres::start(kept(&dir, None)).await.unwrap();
    assert!(!dir.join("password.initial").exists());
    let own = postgres.password().clone();
    postgres.stop().await;
    // Died after the change: the initial password no longer works.
    fs::write(dir.join("password.initial"), "no longer valid").unwrap();
    Postgres::start(kept(&dir, None)).await.unwrap().stop().await;
    // Died before it: the server still has the initial one.
    fs::write(dir.join("password.initial"), own.expose()).unwrap();
    fs::write(dir.join("password"), "chosen but not set").unwrap();
    let postgres = Postgres::start(kept(&dir, None)).await.unwrap();
    assert_eq!(postgres.password().expose(), "chosen but not set");
    assert_eq!(ask(&postgres, "SELECT 'in'").await, "in");
    assert!(!dir.join("password.initial").exists());
}

#[tokio::test]
async fn somebody_elses_directory_is_left_alone() {
    let place = place();
    fs::write(place.path().join("letter"), "dear").unwrap();
    let error = Postgres::start(kept(place.path(), None)).await.unwrap_err();
    assert!(matches!(error, PostgresError::NotACluster { .. }), "{error}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}
