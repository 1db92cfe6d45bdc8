//! COPY … TO STDOUT by plan: which go to a replica, what they show there, and where they go when none will do.

use super::isolation::patient;
use super::{Pair, REQUIRED, eventually};
use crate::raw::{Raw, sqlstate};
use crate::world::id_of;
use bytes::BytesMut;
use std::time::Duration;
use tenantry_core::Limits;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{ErrorFields, tag};
use tenantry_wire::frontend;

const WHERE: &str = "COPY (SELECT pg_is_in_recovery()) TO STDOUT";
const COUNT: &str = "COPY (SELECT count(*), pg_is_in_recovery() FROM notes) TO STDOUT";
const COPIES: Limits = Limits { replica_copy_to: true, ..Limits::UNLIMITED };
const COPIES_THERE: Limits = Limits { replica_copy_to: true, ..REQUIRED };

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

/// What was copied, and nothing failed.
fn copied(messages: &[(u8, BytesMut)]) -> String {
    assert_eq!(sqlstate(messages), None, "{messages:?}");
    let rows = messages.iter().filter(|(name, _)| *name == tag::COPY_DATA);
    rows.map(|(_, row)| std::str::from_utf8(row).unwrap()).collect()
}

/// The answer to a simple query.
async fn copy(raw: &mut Raw, sql: &str) -> String {
    frontend::query(&mut raw.out, sql);
    copied(&raw.until_ready().await)
}

async fn fails(raw: &mut Raw, sql: &str) -> (String, String) {
    frontend::query(&mut raw.out, sql);
    let messages = raw.until_ready().await;
    let (_, body) = messages.iter().find(|(name, _)| *name == tag::ERROR).expect("an error");
    let fields = ErrorFields::decode(body).unwrap();
    (fields.text(b'C').into_owned(), fields.text(b'H').into_owned())
}

/// Of a pipeline, up to its Sync.
fn execute(raw: &mut Raw, sql: &str) {
    frontend::parse(&mut raw.out, b"", sql, &[]);
    frontend::bind_text(&mut raw.out, b"", b"", &[]);
    frontend::describe(&mut raw.out, frontend::PORTAL, b"");
    frontend::execute(&mut raw.out, b"", 0);
}

#[tokio::test]
async fn a_copy_goes_to_a_replica_where_the_plan_says_so() {
    let pair = Pair::start(newest(), 4, patient()).await;
    for tenant in ["acme", "globex", "initech"] {
        pair.world.change_limits(id_of(tenant), REQUIRED);
        let mut raw = Raw::login(&pair.world, tenant).await;
        assert_eq!(copy(&mut raw, WHERE).await, "f\n", "the plan does not say so");
        pair.world.change_limits(id_of(tenant), COPIES_THERE);
        for (sql, expected) in [
            (WHERE, "t\n"),
            ("COPY (SELECT pg_is_in_recovery()) TO STDOUT (FORMAT csv); -- all", "t\n"),
            ("COPY (SELECT pg_is_in_recovery()) TO STDOUT /*tenantry.read='primary'*/", "f\n"),
            ("COPY (SELECT pg_is_in_recovery()) TO STDOUT; SELECT 1", "f\n"),
            ("SELECT 1; COPY (SELECT pg_is_in_recovery()) TO STDOUT", "f\n"),
            // What writes, or may, is never sent there.
            (
                "COPY (WITH new AS (INSERT INTO notes (body) VALUES ('x') RETURNING pg_is_in_recovery()) TABLE new) TO STDOUT",
                "f\n",
            ),
            ("COPY (SELECT pg_is_in_recovery() FROM notes LIMIT 1 FOR UPDATE) TO STDOUT", "f\n"),
            ("COPY (SELECT pg_catalog.pg_is_in_recovery()) TO STDOUT", "f\n"),
        ] {
            assert_eq!(copy(&mut raw, sql).await, expected, "{tenant}: {sql}");
        }
        assert_eq!(copy(&mut raw, "COPY notes (body) TO STDOUT").await, "x\n", "{tenant}");

        // As drivers send it: prepared, and both prepared and executed at once.
        execute(&mut raw, WHERE);
        frontend::sync(&mut raw.out);
        assert_eq!(copied(&raw.until_ready().await), "t\n");
        frontend::parse(&mut raw.out, b"named", WHERE, &[]);
        frontend::sync(&mut raw.out);
        raw.until_ready().await;
        for expected in ["t\n", "t\n"] {
            frontend::bind_text(&mut raw.out, b"", b"named", &[]);
            frontend::execute(&mut raw.out, b"", 0);
            frontend::sync(&mut raw.out);
            assert_eq!(copied(&raw.until_ready().await), expected, "{tenant}");
        }

        // Not where something else is in its transaction.
        for (begin, end) in
            [("BEGIN", "COMMIT"), ("BEGIN; INSERT INTO notes (body) VALUES ('y')", "ROLLBACK")]
        {
            copy(&mut raw, begin).await;
            assert_eq!(copy(&mut raw, WHERE).await, "f\n", "{tenant}: behind {begin}");
            copy(&mut raw, end).await;
        }
        execute(&mut raw, WHERE);
        execute(&mut raw, "INSERT INTO notes (body) VALUES ('same transaction')");
        frontend::sync(&mut raw.out);
        assert_eq!(copied(&raw.until_ready().await), "f\n", "{tenant}");
    }
    pair.close().await;
}

/// What is sent behind a copy, without waiting for it, is another transaction, and not the replica's.
#[tokio::test]
async fn what_follows_a_copy_does_not_follow_it_to_the_replica() {
    let pair = Pair::start(newest(), 4, patient()).await;
    for tenant in ["acme", "globex", "initech"] {
        pair.world.change_limits(id_of(tenant), COPIES_THERE);
        let mut raw = Raw::login(&pair.world, tenant).await;
        let write = "INSERT INTO notes (body) VALUES ('behind')";
        for _ in 0..2 {
            frontend::query(&mut raw.out, WHERE);
            frontend::query(&mut raw.out, write);
            for expected in ["t\n", ""] {
                assert_eq!(copied(&raw.until_ready().await), expected, "{tenant}");
            }
            execute(&mut raw, WHERE);
            frontend::sync(&mut raw.out);
            execute(&mut raw, write);
            frontend::sync(&mut raw.out);
            for expected in ["t\n", ""] {
                assert_eq!(copied(&raw.until_ready().await), expected, "{tenant}");
            }
        }
        assert_eq!(copy(&mut raw, COUNT).await, "4\tt\n", "{tenant}");
    }
    pair.close().await;
}

/// A connection that is kept for a client is not opened where nothing can be written; and of serializable transactions a replica
/// has none.
#[tokio::test]
async fn a_plan_moves_neither_a_session_nor_a_serializable_transaction() {
    let pair = Pair::start(newest(), 4, patient()).await;
    let limits = Limits { replica_read_only: true, ..COPIES_THERE };
    for tenant in ["acme", "globex", "initech"] {
        pair.world.change_limits(id_of(tenant), limits);
        let options = [("options", "-c tenantry.pool_mode=session")];
        let hinted = "SELECT 1 /*tenantry.read='replica'*/";
        for first in [WHERE, "BEGIN READ ONLY; COMMIT", hinted] {
            let mut kept = Raw::try_login_with(&pair.world, tenant, &options).await.unwrap();
            copy(&mut kept, first).await;
            assert_eq!(copy(&mut kept, WHERE).await, "f\n", "{tenant}: behind {first}");
            copy(&mut kept, "INSERT INTO notes (body) VALUES ('x')").await;
        }
        let mut raw = Raw::login(&pair.world, tenant).await;
        copy(&mut raw, "SET default_transaction_isolation = serializable").await;
        assert_eq!(copy(&mut raw, WHERE).await, "f\n", "{tenant}");
        copy(&mut raw, "RESET default_transaction_isolation").await;
        assert_eq!(copy(&mut raw, WHERE).await, "t\n", "{tenant}");
    }
    pair.close().await;
}

/// No text tells what a view's function does. The replica refuses it, and the client is told what to do.
#[tokio::test]
async fn a_copy_that_writes_where_no_word_tells_is_refused_with_the_way_out() {
    let pair = Pair::start(newest(), 4, patient()).await;
    let database = pair.world.databases()[1].clone();
    let admin = pair.primary.connect(&database).await.unwrap();
    let made = "CREATE FUNCTION noted() RETURNS boolean LANGUAGE sql AS
                  'INSERT INTO notes (body) VALUES (''by a function'') RETURNING pg_is_in_recovery()';
                GRANT EXECUTE ON FUNCTION noted() TO PUBLIC;
                CREATE VIEW loud AS SELECT noted();
                GRANT SELECT ON loud TO PUBLIC";
    admin.batch_execute(made).await.unwrap();
    pair.world.change_limits(id_of("initech"), COPIES_THERE);
    let mut raw = Raw::login(&pair.world, "initech").await;
    // The replica knows the view by then: the gateway knows of no write of its own to wait for.
    eventually(async || {
        let replica = pair.replica.connect(&database).await.unwrap();
        replica.query_one("SELECT to_regclass('loud') IS NOT NULL", &[]).await.unwrap().get(0)
    })
    .await;
    let (code, hint) = fails(&mut raw, "COPY (SELECT * FROM loud) TO STDOUT").await;
    assert_eq!(code, "25006");
    assert!(hint.contains("/*tenantry.read='primary'*/"), "{hint}");
    assert_eq!(copy(&mut raw, COUNT).await, "0\tt\n", "nothing was written");
    let there = copy(&mut raw, "COPY (SELECT * FROM loud) TO STDOUT /*tenantry.read='primary'*/").await;
    assert_eq!(there, "f\n");
    assert_eq!(copy(&mut raw, COUNT).await, "1\tt\n");
    pair.close().await;
}

#[tokio::test]
async fn a_copy_sees_what_its_tenant_wrote_or_goes_to_the_primary_or_is_refused() {
    let config = Config { replica_wait: Duration::from_millis(200), ..Config::default() };
    let pair = Pair::start(newest(), 4, config).await;
    for tenant in ["acme", "globex", "initech"] {
        pair.world.change_limits(id_of(tenant), COPIES_THERE);
        let mut raw = Raw::login(&pair.world, tenant).await;
        for n in 1..=10 {
            copy(&mut raw, "INSERT INTO notes (body) VALUES ('x')").await;
            assert_eq!(copy(&mut raw, COUNT).await, format!("{n}\tt\n"), "{tenant}");
        }
    }
    let (mut acme, mut globex) =
        (Raw::login(&pair.world, "acme").await, Raw::login(&pair.world, "globex").await);
    pair.pause_replay().await;
    copy(&mut acme, "INSERT INTO notes (body) VALUES ('unseen')").await;
    assert_eq!(copy(&mut globex, COUNT).await, "10\tt\n", "it has written nothing since");
    // The replica has not what was written: the primary has, unless the plan keeps reads off it.
    pair.world.change_limits(id_of("acme"), COPIES);
    assert_eq!(copy(&mut acme, COUNT).await, "11\tf\n");
    pair.world.change_limits(id_of("acme"), Limits { queue_wait_ms: 300, ..COPIES_THERE });
    let (code, hint) = fails(&mut acme, COUNT).await;
    assert_eq!(code, "08006");
    assert!(hint.contains("the tenant's plan"), "{hint}");
    assert_eq!(copy(&mut acme, "COPY (SELECT 1) TO STDOUT; SELECT 2").await, "1\n", "the session goes on");
    // Nor is a replica read that is too far behind, whoever wrote.
    pair.world.change_limits(id_of("globex"), Limits { replica_lag_ms: 500, ..COPIES });
    eventually(async || {
        let mut globex = Raw::login(&pair.world, "globex").await;
        copy(&mut globex, COUNT).await == "10\tf\n"
    })
    .await;
    pair.resume_replay().await;
    pair.world.change_limits(id_of("acme"), COPIES_THERE);
    assert_eq!(copy(&mut acme, COUNT).await, "11\tt\n");
    pair.close().await;
}
