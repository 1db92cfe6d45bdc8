//! Attempts to make the gateway believe that a server connection is done while the server still has answers to give,
//! so that the next client takes them for its own. The sleeps in SQL keep the server busy past the point where the
//! gateway might hand the connection on.

use super::{ask, describe_wide, newest, rows, tags, to_the_end, unnamed};
use crate::raw::{Raw, sqlstate};
use crate::world::{PAIRS, World};
use bytes::BytesMut;
use tenantry_core::TenancyModel;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::frontend;

/// Queries whose answers pass for those of a handover: a reset, its nonce, the entry into a tenant.
const FORGED_HANDOVER: [&str; 3] =
    ["SELECT pg_sleep(1)", "SELECT 'nonce'", "SELECT 'entered' FROM pg_sleep(0.3)"];

/// A Flush that has a body: the server answers with an error and skips to the next Sync.
const FLUSH_WITH_BODY: &[u8] = b"H\0\0\0\x05x";

#[tokio::test]
async fn statements_of_the_next_client_never_run_in_the_tenant_of_the_last() {
    let world = World::narrow(newest()).await;
    let mut evil = Raw::login(&world, "acme").await;
    let mut victim = Raw::login(&world, "umbrella").await;
    unnamed(&mut evil, "SELECT 1");
    frontend::copy_done(&mut evil.out);
    frontend::query(&mut evil.out, "SELECT nonsense");
    for sql in FORGED_HANDOVER {
        frontend::query(&mut evil.out, sql);
    }
    frontend::query(&mut evil.out, "INSERT INTO notes (body) VALUES ('bait')");
    frontend::query(&mut evil.out, "SELECT pg_sleep(1)");
    frontend::sync(&mut evil.out);
    evil.out.extend_from_slice(FLUSH_WITH_BODY);
    assert_eq!(evil.tags().await, "12DCEZ");
    let answer = ask(&mut victim, "INSERT INTO notes (body) VALUES ('secret') RETURNING body").await;
    assert_eq!((tags(&answer).as_str(), rows(&answer)), ("TDCZ", vec!["secret".to_owned()]));
    // The attacker has the answers to its own queries and nothing else; then the Flush ends its session.
    let answers = to_the_end(&mut evil).await;
    assert_eq!(tags(&answers), "TDCZTDCZTDCZCZTDCZE");
    assert_eq!(sqlstate(&answers).as_deref(), Some("08P01"));
    let admin = world.postgres.connect(&world.pool).await.unwrap();
    let notes = admin.query("SELECT tenant_id, body FROM notes ORDER BY tenant_id", &[]).await.unwrap();
    let notes: Vec<(i64, String)> = notes.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(notes, [(1, "bait".to_owned()), (2, "secret".to_owned())]);
    world.close().await;
}

/// PostgreSQL 18 says that it is idle while it is not, and what comes next fails and takes the transaction with it.
#[tokio::test]
async fn a_query_inside_a_pipeline_leaves_no_transaction_behind() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        for (tenant, other) in PAIRS {
            let mut evil = Raw::login(&world, tenant).await;
            let mut victim = Raw::login(&world, other).await;
            for call in [false, true] {
                unnamed(&mut evil, "INSERT INTO notes (body) VALUES ('in the pipeline')");
                if call {
                    // pi()
                    evil.out.extend_from_slice(b"F\0\0\0\x0e\0\0\x06\x4a\0\0\0\0\0\0");
                } else {
                    frontend::query(&mut evil.out, "INSERT INTO notes (body) VALUES ('by a query')");
                }
                frontend::sync(&mut evil.out);
                let answers = [evil.tags().await, evil.tags().await];
                assert_eq!(answers, [if call { "12CVZ" } else { "12CCZ" }, "Z"], "{tenant}, {version}");
                let answer = ask(&mut victim, "SELECT count(*) FROM notes").await;
                assert_eq!(rows(&answer), ["0"], "{tenant}, {version}");
            }
            let answer = ask(&mut evil, "DELETE FROM notes RETURNING body").await;
            assert_eq!(
                rows(&answer),
                ["in the pipeline", "by a query", "in the pipeline"],
                "{tenant}, {version}"
            );
        }
        world.close().await;
    }
}

#[tokio::test]
async fn answers_queued_by_one_client_never_reach_the_next() {
    let world = World::narrow(newest()).await;
    let mut evil = Raw::login(&world, "acme").await;
    let mut victim = Raw::login(&world, "umbrella").await;
    describe_wide(&mut evil);
    frontend::query(&mut evil.out, "SELECT nonsense");
    for sql in FORGED_HANDOVER {
        frontend::query(&mut evil.out, sql);
    }
    frontend::query(&mut evil.out, "SELECT 'forged'");
    frontend::query(&mut evil.out, "SELECT pg_sleep(1)");
    frontend::sync(&mut evil.out);
    assert_eq!(evil.tags().await, "1tTEZ");
    let answer = ask(&mut victim, "SELECT 'mine'").await;
    assert_eq!((tags(&answer).as_str(), rows(&answer)), ("TDCZ", vec!["mine".to_owned()]));
    for expected in ["", "nonce", "entered", "forged", ""] {
        assert_eq!(rows(&evil.until_ready().await), [expected]);
    }
    assert_eq!(evil.tags().await, "Z");
    world.close().await;
}

#[tokio::test]
async fn a_flush_with_a_body_ends_the_session_and_spares_the_connection() {
    let world = World::narrow(newest()).await;
    let mut evil = Raw::login(&world, "acme").await;
    let mut victim = Raw::login(&world, "umbrella").await;
    frontend::query(&mut evil.out, "SELECT 1");
    evil.out.extend_from_slice(FLUSH_WITH_BODY);
    // And half a message, which the next bytes on the connection would complete.
    evil.out.extend_from_slice(b"d\0\0\0\x08ab");
    assert_eq!(evil.tags().await, "TDCZ");
    let end = to_the_end(&mut evil).await;
    assert_eq!((tags(&end).as_str(), sqlstate(&end).as_deref()), ("E", Some("08P01")));
    assert_eq!(rows(&ask(&mut victim, "SELECT 'mine'").await), ["mine"]);
    world.close().await;
}

#[tokio::test]
async fn a_copy_that_fails_in_a_pipeline_keeps_its_later_answers_from_others() {
    let world = World::narrow(newest()).await;
    let mut evil = Raw::login(&world, "initech").await;
    let mut other = Raw::login(&world, "initech").await;
    unnamed(&mut evil, "COPY notes (id, body) FROM STDIN");
    frontend::copy_data(&mut evil.out, b"not a number\tx\n");
    frontend::sync(&mut evil.out);
    frontend::copy_done(&mut evil.out);
    frontend::query(&mut evil.out, "SELECT 'answer to evil' FROM pg_sleep(1)");
    frontend::query(&mut evil.out, "SELECT pg_sleep(1)");
    frontend::sync(&mut evil.out);
    let failed = evil.until_ready().await;
    assert_eq!((tags(&failed).as_str(), sqlstate(&failed).as_deref()), ("12GEZ", Some("22P02")));
    let answer = ask(&mut other, "SELECT 'answer to other'").await;
    assert_eq!((tags(&answer).as_str(), rows(&answer)), ("TDCZ", vec!["answer to other".to_owned()]));
    // A Sync inside a COPY does not count: the queries behind it were skipped, up to the next one.
    let next = ask(&mut evil, "SELECT 'next answer to evil'").await;
    assert_eq!((tags(&next).as_str(), rows(&next)), ("TDCZ", vec!["next answer to evil".to_owned()]));
    world.close().await;
}

#[tokio::test]
async fn a_copy_refused_after_its_start_is_answered_once() {
    let world = World::narrow(newest()).await;
    let admin = world.admin_of(TenancyModel::Database, 5).await;
    // PostgreSQL finds out that a view takes no rows only after it has asked for them.
    admin.batch_execute("CREATE VIEW v AS SELECT id FROM notes; GRANT INSERT ON v TO PUBLIC").await.unwrap();
    let mut raw = Raw::login(&world, "initech").await;
    unnamed(&mut raw, "COPY v FROM STDIN");
    frontend::sync(&mut raw.out);
    let refused = raw.until_ready().await;
    assert_eq!((tags(&refused).as_str(), sqlstate(&refused).as_deref()), ("12GEZ", Some("42809")));
    assert_eq!(rows(&ask(&mut raw, "SELECT 'next'").await), ["next"]);
    world.close().await;
}

#[tokio::test]
async fn a_sync_inside_the_copy_of_a_query_is_not_waited_for() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "initech").await;
    frontend::query(&mut raw.out, "COPY notes (id, body) FROM STDIN");
    frontend::sync(&mut raw.out);
    frontend::copy_data(&mut raw.out, b"1\tx\n");
    frontend::copy_done(&mut raw.out);
    assert_eq!(raw.tags().await, "GCZ");
    assert_eq!(tags(&ask(&mut raw, "DISCARD ALL").await), "CZ");
    assert_eq!(rows(&ask(&mut raw, "SELECT body FROM notes").await), ["x"]);
    world.close().await;
}

#[tokio::test]
async fn a_copy_done_that_nobody_asked_for_holds_up_nothing() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    unnamed(&mut raw, "SELECT 1");
    frontend::sync(&mut raw.out);
    frontend::query(&mut raw.out, "COPY (SELECT 1) TO STDOUT");
    frontend::copy_done(&mut raw.out);
    assert_eq!(raw.tags().await, "12DCZ");
    assert_eq!(raw.tags().await, "HdcCZ");
    assert_eq!(tags(&ask(&mut raw, "DISCARD ALL").await), "CZ");
    world.close().await;
}

#[tokio::test]
async fn copy_data_behind_a_refused_entry_is_never_read_as_messages() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    let mut other = Raw::login(&world, "umbrella").await;
    // The connection is another tenant's now, so that acme has to enter, and is refused.
    assert_eq!(rows(&ask(&mut other, "SELECT 1").await), ["1"]);
    let admin = world.postgres.connect(&world.pool).await.unwrap();
    admin.execute("UPDATE tenancy.gate SET epoch = 2 WHERE tenant = 1", &[]).await.unwrap();
    let mut inner = BytesMut::new();
    frontend::query(&mut inner, "SELECT 'smuggled'");
    let padding = b"0123456789";
    frontend::query(&mut raw.out, "COPY notes FROM STDIN");
    raw.out.extend_from_slice(b"d");
    raw.out.extend_from_slice(&u32::try_from(4 + padding.len() + inner.len()).unwrap().to_be_bytes());
    raw.out.extend_from_slice(padding);
    let refused = raw.until_ready().await;
    assert_eq!((tags(&refused).as_str(), sqlstate(&refused).as_deref()), ("EZ", Some("57P03")));
    admin.execute("UPDATE tenancy.gate SET epoch = 1 WHERE tenant = 1", &[]).await.unwrap();
    raw.out.extend_from_slice(&inner);
    assert_eq!(rows(&ask(&mut raw, "SELECT 'real'").await), ["real"]);
    world.close().await;
}

#[tokio::test]
async fn a_statement_runs_although_a_terminate_follows_at_once() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    frontend::query(&mut raw.out, "INSERT INTO notes (body) VALUES ('parting word')");
    frontend::terminate(&mut raw.out);
    raw.flush().await;
    to_the_end(&mut raw).await;
    let mut next = Raw::login(&world, "acme").await;
    assert_eq!(rows(&ask(&mut next, "SELECT body FROM notes").await), ["parting word"]);
    world.close().await;
}
