//! Starting, connecting, crashing, stopping.

use crate::{ask, version};
use std::process::Command;
use std::time::Instant;
use tenantry_testkit::{Postgres, PostgresOptions, fixture, fresh_database, shared, versions_for_tests};
use tokio_postgres::NoTls;

#[tokio::test]
async fn every_version_starts_and_leaves_nothing() {
    for major in versions_for_tests() {
        let begun = Instant::now();
        let postgres = Postgres::start(version(major)).await.unwrap();
        println!("PostgreSQL {} started in {:?}", postgres.version(), begun.elapsed());
        assert_eq!(postgres.version().major, major);
        assert_eq!(ask(&postgres, "SHOW wal_level").await, "logical");
        assert_eq!(ask(&postgres, "SHOW fsync").await, "off");
        assert_eq!(ask(&postgres, "SHOW listen_addresses").await, "127.0.0.1");
        let run = postgres.socket_dir().to_owned();
        assert!(run.join(format!(".s.PGSQL.{}", postgres.port())).exists());
        let config = postgres.config("postgres");
        postgres.stop().await;
        assert!(!run.exists());
        config.connect(NoTls).await.err().unwrap();
    }
}

#[tokio::test]
async fn clusters_stand_side_by_side() {
    let mut clusters = Vec::new();
    for major in versions_for_tests() {
        let (one, two) = tokio::join!(Postgres::start(version(major)), Postgres::start(version(major)));
        clusters.extend([one.unwrap(), two.unwrap()]);
    }
    for (i, cluster) in clusters.iter().enumerate() {
        ask(cluster, &format!("SELECT set_config('cluster_name.n', '{i}', false)")).await;
        let others = clusters.iter().filter(|other| other.password() == cluster.password());
        assert_eq!(others.count(), 1, "each has a password of its own");
    }
}

#[tokio::test]
async fn both_ways_in_ask_for_the_password() {
    let postgres = Postgres::start(PostgresOptions::default()).await.unwrap();
    let mut by_tcp = postgres.config("postgres");
    by_tcp.password("wrong");
    let mut by_socket = tokio_postgres::Config::new();
    by_socket
        .host_path(postgres.socket_dir())
        .port(postgres.port())
        .user(postgres.superuser())
        .password("wrong");
    for config in [&by_tcp, &by_socket] {
        let error = config.connect(NoTls).await.err().unwrap();
        assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::INVALID_PASSWORD));
    }
    drop(by_socket.password(postgres.password().expose()).connect(NoTls).await.unwrap());
}

#[tokio::test]
async fn settings_go_over_defaults_and_alter_system_over_both() {
    let settings = [("max_connections", "31"), ("tenancy.quoted", r"it's a \ 'quote'"), ("work_mem", "5MB")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let postgres = Postgres::start(PostgresOptions { settings, ..PostgresOptions::default() }).await.unwrap();
    assert_eq!(ask(&postgres, "SHOW max_connections").await, "31");
    assert_eq!(ask(&postgres, "SHOW tenancy.quoted").await, r"it's a \ 'quote'");
    let client = postgres.connect("postgres").await.unwrap();
    client.batch_execute("ALTER SYSTEM SET work_mem = '6MB'").await.unwrap();
    postgres.restart().await.unwrap();
    assert_eq!(ask(&postgres, "SHOW work_mem").await, "6MB");
}

#[tokio::test]
async fn a_crash_breaks_connections_and_a_restart_keeps_what_was_committed() {
    for major in versions_for_tests() {
        let postgres = Postgres::start(version(major)).await.unwrap();
        let client = postgres.connect("postgres").await.unwrap();
        client.batch_execute("CREATE TABLE t AS SELECT 'kept' AS v").await.unwrap();
        let (port, pid) = (postgres.port(), postgres.pid());
        postgres.crash().await;
        client.query_one("SELECT 1", &[]).await.unwrap_err();
        postgres.restart().await.unwrap();
        assert_eq!(postgres.port(), port);
        assert_ne!(postgres.pid(), pid);
        assert_eq!(ask(&postgres, "SELECT v FROM t").await, "kept");
        let run = postgres.socket_dir().to_owned();
        drop(postgres);
        assert!(!run.exists());
    }
}

#[tokio::test]
async fn a_shared_cluster_serves_many_tests() {
    for major in versions_for_tests() {
        let postgres = shared(major).await;
        let (one, two) = (fresh_database(postgres, "t").await, fresh_database(postgres, "t").await);
        assert_ne!(one, two);
        postgres.connect(&one).await.unwrap();
        assert!(std::ptr::eq(postgres, shared(major).await));
    }
}

#[test]
fn drivers_of_other_languages_are_there() {
    let drivers = Command::new(fixture::python()).args(["-c", "import psycopg, asyncpg"]).status().unwrap();
    assert!(drivers.success());
    let driver =
        Command::new("node").args(["-e", "require('pg')"]).env("NODE_PATH", fixture::node_modules()).status();
    assert!(driver.unwrap().success());
}

#[tokio::test]
async fn two_may_make_the_same_template_at_once() {
    let cache = tempfile::tempdir().unwrap();
    std::fs::set_permissions(cache.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let options = PostgresOptions { cache_dir: Some(cache.path().to_owned()), ..PostgresOptions::default() };
    let (one, two) = tokio::join!(Postgres::start(options.clone()), Postgres::start(options));
    for postgres in [one.unwrap(), two.unwrap()] {
        assert_eq!(ask(&postgres, "SELECT 'up'").await, "up");
    }
    let root = std::fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_dir(root).unwrap().count(), 1, "one template, and nothing half-made");
}
