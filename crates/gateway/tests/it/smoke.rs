//! Every model answers over every protocol.

use crate::world::{PAIRS, TENANTS, World};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tokio_postgres::SimpleQueryMessage;

#[tokio::test]
async fn every_model_answers_over_every_protocol() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        for (id, tenant, model) in TENANTS {
            let client = world.connect(tenant).await;
            // The same primary key and the same unique value in every tenant, and nobody names the tenant.
            client
                .batch_execute("INSERT INTO notes (id, slug, body) VALUES (1, 'same', 'simple')")
                .await
                .unwrap();
            let inserted = client
                .execute("INSERT INTO notes (id, body) VALUES ($1, $2)", &[&2_i64, &format!("extended {id}")])
                .await
                .unwrap();
            assert_eq!(inserted, 1);
            let statement = client.prepare("SELECT count(*) FROM notes WHERE id <= $1").await.unwrap();
            for _ in 0..3 {
                let row = client.query_one(&statement, &[&10_i64]).await.unwrap();
                assert_eq!(row.get::<_, i64>(0), 2, "{model} {version}");
            }
            let rows = client.simple_query("SELECT body FROM notes ORDER BY id").await.unwrap();
            let bodies: Vec<_> = rows
                .iter()
                .filter_map(|m| if let SimpleQueryMessage::Row(row) = m { row.get(0) } else { None })
                .collect();
            assert_eq!(bodies, ["simple", &format!("extended {id}")]);
        }
        world.close().await;
    }
}

#[tokio::test]
async fn transactions_commit_roll_back_and_fail_as_they_do_in_postgres() {
    let world = World::narrow(versions_for_tests()[0]).await;
    for (tenant, _) in PAIRS {
        let mut client = world.connect(tenant).await;
        let tx = client.transaction().await.unwrap();
        tx.execute("INSERT INTO notes (id) VALUES (1)", &[]).await.unwrap();
        tx.rollback().await.unwrap();
        let tx = client.transaction().await.unwrap();
        tx.execute("INSERT INTO notes (id) VALUES (2)", &[]).await.unwrap();
        let error = tx.execute("INSERT INTO notes (id) VALUES (2)", &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "23505");
        let error = tx.query("SELECT 1", &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "25P02");
        tx.rollback().await.unwrap();
        let tx = client.transaction().await.unwrap();
        tx.execute("INSERT INTO notes (id) VALUES (3)", &[]).await.unwrap();
        tx.commit().await.unwrap();
        let ids = client.query("SELECT id FROM notes", &[]).await.unwrap();
        assert_eq!(ids.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [3]);
    }
    world.close().await;
}

#[tokio::test]
async fn many_clients_of_many_tenants_on_few_connections_each_see_their_own() {
    let world = World::with(versions_for_tests()[0], 2, Config::default()).await;
    let mut clients = Vec::new();
    for (id, tenant, _) in TENANTS {
        for _ in 0..4 {
            clients.push((id, world.connect(tenant).await));
        }
    }
    let running = clients.into_iter().enumerate().map(|(n, (id, mut client))| async move {
        let mine = format!("of {id}");
        for round in 0..25_i64 {
            let key = i64::try_from(n).unwrap() * 1_000 + round;
            let tx = client.transaction().await.unwrap();
            tx.execute("INSERT INTO notes (id, body) VALUES ($1, $2)", &[&key, &mine]).await.unwrap();
            let seen = tx.query("SELECT DISTINCT body FROM notes", &[]).await.unwrap();
            assert_eq!(seen.iter().map(|row| row.get(0)).collect::<Vec<String>>(), [mine.as_str()]);
            if round % 3 == 0 {
                tx.rollback().await.unwrap();
            } else {
                tx.commit().await.unwrap();
            }
            let inside: i64 = client.query_one("SELECT tenancy.tenant_id()", &[]).await.unwrap().get(0);
            assert_eq!(inside, id);
        }
    });
    futures_util::future::join_all(running).await;
    for (id, tenant, _) in TENANTS {
        let client = world.connect(tenant).await;
        let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
        assert_eq!(count, 4 * 16, "tenant {id}");
    }
    world.close().await;
}

#[tokio::test]
async fn two_gateways_live_in_one_process() {
    let one = World::narrow(versions_for_tests()[0]).await;
    let two = World::narrow(versions_for_tests()[0]).await;
    let clients = [one.connect("acme").await, two.connect("acme").await];
    clients[0].batch_execute("INSERT INTO notes (id) VALUES (1)").await.unwrap();
    let counts = [1, 0];
    for (client, expected) in clients.iter().zip(counts) {
        let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
        assert_eq!(count, expected);
    }
    one.close().await;
    // The other does not notice.
    clients[1].query("SELECT 1", &[]).await.unwrap();
    two.close().await;
}

/// Small results leave with those of other clients, large ones by themselves, and some are both in turn.
#[tokio::test]
async fn everybody_is_sent_its_own_with_io_uring_and_without() {
    for io_uring in [true, false] {
        let config = Config { io_uring, ..Config::default() };
        let world = World::with(*versions_for_tests().last().unwrap(), 8, config).await;
        let clients = TENANTS.iter().cycle().take(36).map(async |(id, tenant, _)| {
            let client = world.connect(tenant).await;
            for round in 0..30 {
                let length = [1, 100, 20_000, 7, 300_000][round % 5];
                let sql = format!("SELECT tenancy.tenant_id(), repeat('{tenant}', {length})");
                let row = client.query_one(&sql, &[]).await.unwrap();
                assert_eq!(row.get::<_, i64>(0), *id);
                assert!(row.get::<_, &str>(1) == tenant.repeat(length), "{tenant}, {length}");
                let two = client.simple_query("SELECT 1; SELECT 2").await.unwrap();
                assert!(two.len() >= 4);
            }
        });
        futures_util::future::join_all(clients).await;
        world.close().await;
    }
}

#[tokio::test]
async fn several_workers_serve_one_address() {
    let config = Config { workers: 3, ..Config::default() };
    let world = World::with(versions_for_tests()[0], 1, config).await;
    for _ in 0..8 {
        for (id, tenant, _) in TENANTS {
            let inside: i64 = world
                .connect(tenant)
                .await
                .query_one("SELECT tenancy.tenant_id()", &[])
                .await
                .unwrap()
                .get(0);
            assert_eq!(inside, id);
        }
    }
    world.close().await;
}
