//! What can go wrong, and what people are told.

use crate::version;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tenantry_core::ErrorKind;
use tenantry_testkit::{Postgres, PostgresError, PostgresOptions, client_bin};

async fn refusal(options: PostgresOptions) -> PostgresError {
    Postgres::start(options).await.expect_err("it can't be started")
}

/// A folder of programs that claim to be some version.
fn fake_binaries(dir: &Path, version: &str) {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["postgres", "initdb"] {
        fs::write(dir.join(name), format!("#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn a_missing_version_names_the_setup_script() {
    let error = refusal(version(99)).await;
    assert!(matches!(error, PostgresError::NotFound { version: Some(99), .. }));
    assert!(error.hint().unwrap().starts_with("run scripts/setup.sh, which installs PostgreSQL 99"));
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_old_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fake_binaries(dir.path(), "14.9");
    let bin_dir = Some(dir.path().to_owned());
    let error = refusal(PostgresOptions { bin_dir, ..PostgresOptions::default() }).await;
    assert!(error.to_string().starts_with("PostgreSQL 14.9 in"), "{error}");
    assert!(error.to_string().ends_with("is too old: 15 or newer is needed"), "{error}");
}

#[tokio::test]
async fn an_explicit_folder_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let bin_dir = Some(dir.path().to_owned());
    let options = PostgresOptions { bin_dir, version: Some(16), ..PostgresOptions::default() };
    assert!(matches!(refusal(options.clone()).await, PostgresError::NotBinaries { .. }));
    fake_binaries(dir.path(), "17.1");
    assert!(matches!(refusal(options).await, PostgresError::OtherVersion { asked: 16, .. }));
}

#[tokio::test]
async fn a_failing_initdb_is_quoted() {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fake_binaries(dir.path(), "17.1");
    fs::write(dir.path().join("initdb"), "#!/bin/sh\necho 'initdb: error: no luck' >&2\nexit 1\n").unwrap();
    let (bin_dir, cache_dir) = (Some(dir.path().to_owned()), Some(cache.path().to_owned()));
    let error = refusal(PostgresOptions { bin_dir, cache_dir, ..PostgresOptions::default() }).await;
    assert_eq!(error.to_string(), "initdb failed: initdb: error: no luck");
}

#[tokio::test]
async fn a_taken_port_is_refused_only_when_it_was_asked_for() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = refusal(PostgresOptions { port: Some(port), ..PostgresOptions::default() }).await;
    assert!(matches!(error, PostgresError::PortTaken { port: taken } if taken == port), "{error}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    drop(listener);
    let postgres =
        Postgres::start(PostgresOptions { port: Some(port), ..PostgresOptions::default() }).await.unwrap();
    assert_eq!(postgres.port(), port);
}

#[tokio::test]
async fn a_wrong_setting_shows_the_servers_own_words() {
    let settings = vec![("shared_buffers".to_owned(), "plenty".to_owned())];
    let error = refusal(PostgresOptions { settings, ..PostgresOptions::default() }).await;
    assert!(matches!(error, PostgresError::Startup { .. }));
    assert!(error.to_string().contains("shared_buffers"), "{error}");
}

#[tokio::test]
async fn an_unknown_user_or_a_closed_folder_is_refused_for_root() {
    if !rustix::process::geteuid().is_root() {
        println!("not root: the server runs as ourselves, so neither can happen");
        return;
    }
    let user = Some("nobody-of-this-name".to_owned());
    let error = refusal(PostgresOptions { user, ..PostgresOptions::default() }).await;
    assert!(matches!(error, PostgresError::NoAccount { .. }));
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let data_dir = Some(closed.path().join("cluster"));
    let error = refusal(PostgresOptions { data_dir, ..PostgresOptions::default() }).await;
    assert!(matches!(error, PostgresError::NotReachable { .. }));
    assert_eq!(error.kind(), ErrorKind::NotAllowed);
}

#[test]
fn client_programs_are_found_or_missed_clearly() {
    assert!(client_bin("psql").unwrap().is_file());
    let error = client_bin("pg_nonesuch").unwrap_err();
    assert_eq!(error.to_string(), r#"no PostgreSQL client program "pg_nonesuch" was found"#);
}
