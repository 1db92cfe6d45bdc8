//! Starting, connecting, stopping.

use std::path::Path;
use std::time::Instant;
use tenantry_testkit::{Postgres, PostgresOptions, fresh_database, shared, versions_for_tests};

fn version(major: u32) -> PostgresOptions {
    PostgresOptions { version: Some(major), ..PostgresOptions::default() }
}

#[tokio::test]
async fn every_version_starts_and_leaves_nothing() {
    for major in versions_for_tests() {
        let begun = Instant::now();
        let postgres = Postgres::start(version(major)).await.unwrap();
        println!("PostgreSQL {} started in {:?}", postgres.version(), begun.elapsed());
        assert_eq!(postgres.version().major, major);
        let client = postgres.connect("postgres").await.unwrap();
        let row = client
            .query_one("SELECT current_setting('wal_level'), current_setting('fsync')", &[])
            .await
            .unwrap();
        assert_eq!((row.get(0), row.get(1)), ("logical", "off"));
        let (run, pid) = (postgres.socket_dir().to_owned(), postgres.pid());
        assert!(run.join(format!(".s.PGSQL.{}", postgres.port())).exists());
        postgres.stop().await;
        assert!(!run.exists());
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
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
