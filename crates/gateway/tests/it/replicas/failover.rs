//! Servers go away and come back, and another one takes the primary's place.

use super::isolation::patient;
use super::{Pair, count, is_on_replica};
use crate::protocol::until;
use crate::world::TENANTS;
use std::collections::BTreeSet;
use std::time::Duration;
use tenantry_core::ServerAddress;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

#[tokio::test]
async fn a_replica_that_is_lost_costs_no_read_and_is_used_again_when_it_is_back() {
    let pair = Pair::start(newest(), 4, Config::default()).await;
    let (reader, waiting) = (pair.reader("acme").await, pair.reader("hooli").await);
    for client in [&reader, &waiting] {
        pair.until_on_replica(client).await;
    }
    let open = pair.reader("globex").await;
    pair.until_on_replica(&open).await;
    open.batch_execute("BEGIN; SELECT 1").await.unwrap();
    pair.replica.crash().await;
    assert!(open.batch_execute("SELECT 1").await.is_err(), "its transaction is gone");
    for client in [&reader, &waiting] {
        assert!(!is_on_replica(client).await, "no error, and no wait");
    }
    assert!(!is_on_replica(&pair.reader("initech").await).await);
    pair.replica.restart().await.unwrap();
    for client in [&reader, &waiting] {
        pair.until_on_replica(client).await;
    }
    pair.close().await;
}

/// The primary dies in mid-commit of many; the replica takes its place.
#[tokio::test]
async fn clients_go_on_at_the_new_primary_and_what_they_were_told_is_there() {
    for version in versions_for_tests() {
        let config = Config { connect_timeout: Duration::from_mins(1), ..patient() };
        let pair = Pair::start(version, 4, config).await;
        let other = ServerAddress::new(pair.replica.host(), pair.replica.port());
        pair.world.change_databases(|route| route.more_hosts = [other.clone()].into());
        // What is committed is on the replica, or the commit does not return: else a failover may lose it, whoever reports.
        let admin = pair.primary.connect("postgres").await.unwrap();
        let sql = "ALTER SYSTEM SET synchronous_standby_names = '*'";
        admin.batch_execute(sql).await.unwrap();
        admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        until(&admin, "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'").await;

        let idle = pair.world.connect("acme").await;
        idle.batch_execute("INSERT INTO notes (id, body) VALUES (1000000, 'before')").await.unwrap();
        let reader = pair.reader("umbrella").await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut writers = Vec::new();
        for (_, tenant, _) in TENANTS {
            let (client, stopped) = (pair.world.connect(tenant).await, stopped.clone());
            let config = pair.world.config(tenant);
            writers.push(tokio::spawn(write(client, config, stopped)));
        }
        for (_, tenant, _) in TENANTS {
            until(&pair.world.connect(tenant).await, "SELECT count(*) > 10 FROM notes").await;
        }
        pair.primary.crash().await;
        pair.replica.promote().await.unwrap();
        // A session that did nothing meanwhile has noticed nothing.
        idle.batch_execute("INSERT INTO notes (id, body) VALUES (1000001, 'behind')").await.unwrap();
        let _reads_on: i64 = count(&reader).await;
        pair.world
            .connect("umbrella")
            .await
            .batch_execute("INSERT INTO notes (id) VALUES (1000000)")
            .await
            .unwrap();
        stop.send(true).unwrap();
        for (writer, (_, tenant, _)) in writers.into_iter().zip(TENANTS) {
            let told: BTreeSet<i64> = writer.await.unwrap();
            let rows = pair.world.connect(tenant).await.query("SELECT id FROM notes", &[]).await.unwrap();
            let there: BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
            let lost: Vec<_> = told.difference(&there).collect();
            assert!(lost.is_empty(), "{tenant} was told of commits that did not happen: {lost:?}");
            assert!(told.len() >= 10, "{tenant}");
        }
        let there = pair.replica.connect(&pair.world.pool).await.unwrap();
        let row = there.query_one("SELECT count(*) FROM notes WHERE body IN ('before', 'behind')", &[]).await;
        assert_eq!(row.unwrap().get::<_, i64>(0), 2);

        // The old one comes back as it was: it still takes writes, and gets none.
        pair.primary.restart().await.unwrap();
        pair.until_role(pair.primary.port(), "stale").await;
        pair.reconnect().await;
        for n in 0..4 {
            let client = pair.world.connect("acme").await;
            let sql = format!("INSERT INTO notes (id, body) VALUES ({}, 'new')", 2_000_000 + n);
            client.batch_execute(&sql).await.unwrap();
        }
        let row = there.query_one("SELECT count(*) FROM notes WHERE body = 'new'", &[]).await;
        assert_eq!(row.unwrap().get::<_, i64>(0), 4);
        pair.close().await;
    }
}

/// Writes until told to stop, reconnecting whenever its session ended. Returns what it was told is committed.
async fn write(
    mut client: tokio_postgres::Client,
    config: tokio_postgres::Config,
    stopped: tokio::sync::watch::Receiver<bool>,
) -> BTreeSet<i64> {
    let mut told = BTreeSet::new();
    let mut id = 0;
    while !*stopped.borrow() {
        id += 1;
        let sql = match id % 2 {
            0 => format!("INSERT INTO notes (id) VALUES ({id})"),
            _ => format!("BEGIN; INSERT INTO notes (id) VALUES ({id}); COMMIT"),
        };
        if client.batch_execute(&sql).await.is_ok() {
            told.insert(id);
        } else if client.is_closed() {
            client = loop {
                if let Ok(client) = crate::world::connect(&config).await {
                    break client;
                }
            };
        }
    }
    told
}
