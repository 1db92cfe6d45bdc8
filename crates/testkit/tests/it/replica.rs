//! Streaming replicas.

use crate::{ask, version};
use tenantry_testkit::{Postgres, versions_for_tests};

#[tokio::test]
async fn a_replica_follows_its_primary_and_refuses_writes() {
    for major in versions_for_tests() {
        let primary = Postgres::start(version(major)).await.unwrap();
        let client = primary.connect("postgres").await.unwrap();
        client.batch_execute("CREATE TABLE t (v text)").await.unwrap();
        let replica = primary.replica().await.unwrap();
        assert_eq!(replica.version(), primary.version());
        assert_ne!(replica.port(), primary.port());
        // A commit waits until the replica has applied it, so the read below needs no waiting.
        client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.unwrap();
        primary.restart().await.unwrap();
        let client = primary.connect("postgres").await.unwrap();
        client.batch_execute("SET synchronous_commit = remote_apply").await.unwrap();
        client.batch_execute("INSERT INTO t VALUES ('followed')").await.unwrap();
        assert_eq!(ask(&replica, "SELECT v FROM t").await, "followed");
        let replica_client = replica.connect("postgres").await.unwrap();
        let error = replica_client.batch_execute("INSERT INTO t VALUES ('no')").await.unwrap_err();
        assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::READ_ONLY_SQL_TRANSACTION));
        // What it has received is kept over a crash, and it may take the primary's place.
        replica.crash().await;
        replica.restart().await.unwrap();
        assert_eq!(ask(&replica, "SELECT v FROM t").await, "followed");
        primary.crash().await;
        replica.promote().await.unwrap();
        let promoted = replica.connect("postgres").await.unwrap();
        promoted.batch_execute("SET synchronous_commit = local; INSERT INTO t VALUES ('led')").await.unwrap();
        let run = replica.socket_dir().to_owned();
        replica.stop().await;
        assert!(!run.exists());
    }
}
