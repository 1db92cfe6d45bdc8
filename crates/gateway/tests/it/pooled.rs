//! What can't be had where tenants share a database is refused with a reason, over every protocol and in every model; where a
//! tenant has a database of its own it works.

use crate::raw::{Raw, sqlstate};
use crate::world::{PAIRS, World, connect, id_of};
use tenantry_core::Limits;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{ErrorFields, tag};
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
                let code = locked.map(|error| error.code().code().to_owned());
                // The role that tenants with schemas share may lock each other's tables: refused there too.
                assert_eq!(code.as_deref(), [Some("0A000"), Some("42501"), None][number], "{tenant}");
                let after = error(&client, simple, "SELECT 1").await;
                assert_eq!(
                    after.map(|error| error.code().code().to_owned()).as_deref(),
                    pooled.then_some("25P02")
                );
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
        world.change_limits(id_of(tenant), Limits { explain: true, ..Limits::UNLIMITED });
        for simple in [true, false] {
            assert_eq!(error(&client, simple, "EXPLAIN SELECT * FROM notes").await, None, "{tenant}");
        }
    }
    world.close().await;
}

/// In the middle of a text most of it is seen by its command tag, which is too late to refuse it.
#[tokio::test]
async fn what_is_hidden_in_a_text_is_told_or_refused() {
    let world = World::narrow(*versions_for_tests().last().unwrap()).await;
    for tenant in ["acme", "globex"] {
        let mut raw = Raw::login(&world, tenant).await;
        frontend::query(&mut raw.out, "SELECT 1; LISTEN news; SELECT repeat('x', 40000)");
        let messages = raw.until_ready().await;
        let warned = messages.iter().position(|(name, _)| *name == tag::NOTICE).unwrap();
        let said = ErrorFields::decode(&messages[warned].1).unwrap();
        assert!(said.text(b'M').starts_with("LISTEN is not possible"), "{tenant}");
        let tags: String = messages.iter().map(|(name, _)| char::from(*name)).collect();
        assert_eq!(tags, "TDCNCTDCZ", "the rest of the conversation is whole");
    }
    let mut raw = Raw::login(&world, "acme").await;
    frontend::query(&mut raw.out, "SELECT 1; LOCK TABLE notes IN ACCESS EXCLUSIVE MODE; SELECT 2");
    let messages = raw.until_ready().await;
    assert_eq!(sqlstate(&messages).as_deref(), Some("42501"), "a lock is found there, too");
    // Nobody waits for it.
    let other = world.connect("umbrella").await;
    other.simple_query("SELECT count(*) FROM notes").await.unwrap();
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
