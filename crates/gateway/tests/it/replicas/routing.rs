//! Who asks for a replica, and how: an option, a comment, or a transaction that only reads, where the plan says so.

use super::isolation::patient;
use super::{Pair, REQUIRED, is_on_replica};
use tenantry_core::Limits;
use tenantry_testkit::versions_for_tests;
use tokio_postgres::{Client, SimpleQueryMessage};

/// Sends the texts as simple queries; whether the last of them ran on a replica.
async fn simple(client: &Client, texts: &[&str]) -> bool {
    let mut answer = None;
    for text in texts {
        for message in client.simple_query(text).await.unwrap() {
            if let SimpleQueryMessage::Row(row) = message {
                answer = row.get(0).map(|cell| cell == "t");
            }
        }
    }
    answer.unwrap()
}

const WHERE: &str = "SELECT pg_is_in_recovery()";

#[tokio::test]
async fn a_transaction_goes_where_its_comment_its_option_or_its_plan_says() {
    let pair = Pair::start(*versions_for_tests().last().unwrap(), 4, patient()).await;
    for (id, tenant) in [(1, "acme"), (3, "globex"), (5, "initech")] {
        pair.world.change_limits(id, REQUIRED);
        let plain = pair.world.connect(tenant).await;
        let hinted = "SELECT pg_is_in_recovery() /*controller='x',tenantry.read='replica'*/";
        assert!(!is_on_replica(&plain).await);
        assert!(simple(&plain, &[hinted]).await, "{tenant}");
        assert!(!simple(&plain, &[WHERE]).await, "only this one");
        let prepared = plain.prepare(hinted).await.unwrap();
        for _ in 0..2 {
            assert!(plain.query_one(&prepared, &[]).await.unwrap().get::<_, bool>(0), "{tenant}");
            assert!(!is_on_replica(&plain).await);
        }
        assert!(simple(&plain, &["/*tenantry.read='replica'*/ BEGIN", WHERE]).await);
        let error = plain.batch_execute("INSERT INTO notes (body) VALUES ('x')").await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "25006");
        plain.batch_execute("ROLLBACK").await.unwrap();
        // In the middle of a transaction it is only a comment.
        assert!(!simple(&plain, &["BEGIN", WHERE, hinted]).await);
        plain.batch_execute("ROLLBACK").await.unwrap();

        let reader = pair.reader(tenant).await;
        assert!(is_on_replica(&reader).await);
        assert!(!simple(&reader, &["SELECT pg_is_in_recovery() /*tenantry.read='primary'*/"]).await);

        let read_only = ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", WHERE];
        assert!(!simple(&plain, &read_only).await, "the plan does not say so");
        plain.batch_execute("COMMIT").await.unwrap();
        pair.world.change_limits(id, Limits { replica_read_only: true, ..REQUIRED });
        for (texts, expected) in [
            (&read_only[..], true),
            (&["START TRANSACTION READ ONLY; SELECT 1", WHERE], true),
            (&["BEGIN READ WRITE", WHERE], false),
            // A replica has no serializable transactions.
            (&["BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", WHERE], false),
            (&["BEGIN READ ONLY /*tenantry.read='primary'*/", WHERE], false),
        ] {
            assert_eq!(simple(&plain, texts).await, expected, "{tenant}: {texts:?}");
            plain.batch_execute("COMMIT").await.unwrap();
        }
        // As drivers begin one: a prepared statement.
        let begin = plain.prepare("BEGIN READ ONLY").await.unwrap();
        plain.execute(&begin, &[]).await.unwrap();
        assert!(is_on_replica(&plain).await);
        plain.batch_execute("COMMIT").await.unwrap();
        let mut bound = pair.world.config(tenant);
        bound.options("-c tenantry.read=primary");
        let bound = crate::world::connect(&bound).await.unwrap();
        assert!(!simple(&bound, &read_only).await, "the client's own word goes first");
    }
    let mut odd = pair.world.config("acme");
    odd.options("-c tenantry.read=nearest");
    let error = crate::world::connect(&odd).await.map(drop).unwrap_err();
    assert!(error.as_db_error().unwrap().hint().unwrap().contains("primary or replica"));
    pair.close().await;
}
