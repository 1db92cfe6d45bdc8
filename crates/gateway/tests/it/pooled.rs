//! What can't be had where tenants share a database is refused with a reason, over every protocol and in every model; where a
//! tenant has a database of its own it works.

use crate::raw::{Raw, sqlstate};
use crate::world::{PAIRS, World, connect, id_of};
use tenantry_core::Limits;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::frontend;
use tokio_postgres::Client;

async fn error(client: &Client, simple: bool, sql: &str) -> Option<tokio_postgres::error::DbError> {
    let outcome = if simple {
        client.simple_query(sql).await.map(drop)
    } else {
        client.query(sql, &[]).await.map(drop)
    };
    outcome.err().map(|error| error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error}")).clone())
}

#[tokio::test]
async fn what_reaches_beyond_a_tenant_is_refused_in_a_pool_and_works_in_a_database_of_its_own() {
    let world = World::narrow(*versions_for_tests().last().unwrap()).await;
    for mode in ["transaction", "session"] {
        for (number, (tenant, _)) in PAIRS.into_iter().enumerate() {
            let pooled = number < 2;
            let mut config = world.config(tenant);
            let client = connect(config.options(format!("-c tenantry.pool_mode={mode}"))).await.unwrap();
            for simple in [true, false] {
                for sql in ["LISTEN news", "NOTIFY news, 'x'"] {
                    let refused = error(&client, simple, sql).await;
                    let code = refused.as_ref().map(|error| error.code().code().to_owned());
                    assert_eq!(code.as_deref(), pooled.then_some("0A000"), "{tenant}, {mode}: {sql}");
                    if let Some(refused) = refused {
                        assert!(refused.hint().unwrap().contains("a database of its own"), "{refused:?}");
                    }
                }
                let two_phase = error(&client, simple, "COMMIT PREPARED 'theirs'").await.unwrap();
                // PostgreSQL itself knows no such transaction, or is not set up for any.
                assert_eq!(two_phase.code().code() == "0A000", pooled, "{tenant}: {two_phase:?}");
                // In a transaction it fails as any error would.
                client.simple_query("BEGIN; SELECT 1").await.unwrap();
                let locked = error(&client, simple, "LOCK TABLE notes IN SHARE MODE").await;
                // The role that tenants with schemas share may lock each other's tables: refused there too.
                let code = locked.map(|error| error.code().code().to_owned());
                assert_eq!(code.as_deref(), pooled.then_some("42501"), "{tenant}");
                let after = error(&client, simple, "SELECT 1").await;
                assert_eq!(
                    after.map(|error| error.code().code().to_owned()).as_deref(),
                    pooled.then_some("25P02")
                );
                client.simple_query("ROLLBACK").await.unwrap();
                // A lock that stops nobody's writing is one that any INSERT takes.
                client.simple_query("BEGIN").await.unwrap();
                assert_eq!(error(&client, simple, "LOCK TABLE notes IN ROW EXCLUSIVE MODE").await, None);
                client.simple_query("ROLLBACK").await.unwrap();
                if pooled {
                    let denied = error(&client, simple, "DO $$ BEGIN PERFORM 1; END $$").await.unwrap();
                    assert_eq!(denied.code().code(), "42501");
                    assert!(denied.hint().unwrap().contains("a database of its own"), "{denied:?}");
                    let denied = error(&client, simple, "SELECT pg_notify('news', 'x')").await.unwrap();
                    assert!(denied.hint().unwrap().contains("notifications"), "{denied:?}");
                }
                assert_eq!(error(&client, simple, "UNLISTEN *").await, None);
            }
        }
    }
    world.close().await;
}

/// Estimates tell of values that other tenants have: who may see them is the operator's to say, on open sessions too.
#[tokio::test]
async fn explain_in_a_pool_is_the_plans_to_allow() {
    let world = World::narrow(*versions_for_tests().last().unwrap()).await;
    for (number, (tenant, _)) in PAIRS.into_iter().enumerate() {
        let client = world.connect(tenant).await;
        for simple in [true, false] {
            let code = error(&client, simple, "EXPLAIN SELECT * FROM notes")
                .await
                .map(|e| e.code().code().to_owned());
            assert_eq!(code.as_deref(), (number < 2).then_some("42501"), "{tenant}");
        }
        // An error comes before the end of its pipeline: until then the session keeps the limits that it began with.
        client.simple_query("SELECT 1").await.unwrap();
        world.change_limits(id_of(tenant), Limits { explain: true, ..Limits::UNLIMITED });
        for simple in [true, false] {
            assert_eq!(error(&client, simple, "EXPLAIN SELECT * FROM notes").await, None, "{tenant}");
        }
    }
    world.close().await;
}

/// Wherever it stands in a text, nothing of that text is done, and the conversation goes on.
#[tokio::test]
async fn what_is_hidden_in_a_text_is_refused_with_it() {
    let world = World::narrow(*versions_for_tests().last().unwrap()).await;
    for tenant in ["acme", "globex"] {
        let mut raw = Raw::login(&world, tenant).await;
        for (hidden, code) in [
            ("LISTEN news", "0A000"),
            ("/* to all */ NOTIFY news, 'x'", "0A000"),
            ("ROLLBACK PREPARED 'theirs'", "0A000"),
            ("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE", "42501"),
        ] {
            frontend::query(
                &mut raw.out,
                &format!("INSERT INTO notes (body) VALUES ('x'); {hidden}; SELECT 2"),
            );
            let messages = raw.until_ready().await;
            assert_eq!(sqlstate(&messages).as_deref(), Some(code), "{tenant}: {hidden}");
            assert_eq!(messages.len(), 2, "{tenant}: {messages:?}");
        }
        frontend::query(&mut raw.out, "SELECT FROM notes");
        assert_eq!(raw.tags().await, "TCZ", "{tenant}: nothing was written");
    }
    world.close().await;
}

/// The end of the pipeline before it must not be taken for that of the one that is refused.
#[tokio::test]
async fn a_refusal_is_told_behind_other_pipelines() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let mut raw = Raw::login(&world, "acme").await;
    for sql in ["SELECT 1", "NOTIFY news", "SELECT 2", "LISTEN news"] {
        frontend::parse(&mut raw.out, b"", sql, &[]);
        frontend::bind_text(&mut raw.out, b"", b"", &[]);
        frontend::execute(&mut raw.out, b"", 0);
        frontend::sync(&mut raw.out);
    }
    for refused in [false, true, false, true] {
        let messages = raw.until_ready().await;
        assert_eq!(sqlstate(&messages).as_deref(), refused.then_some("0A000"));
    }
    world.close().await;
}
