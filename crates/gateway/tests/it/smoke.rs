//! Every model answers over every protocol.

use crate::world::{PAIRS, TENANTS, World};
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
