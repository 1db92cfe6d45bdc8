//! Attempts to reach other clients' prepared statements on a shared server connection, or to make the gateway's
//! count of what is prepared there wrong.

use super::{ask, describe_wide, fail_pipeline, newest, prepare, rows, run, tags};
use crate::raw::{Raw, sqlstate};
use crate::world::World;
use tenantry_gateway::Config;
use tenantry_wire::backend::ErrorFields;
use tenantry_wire::frontend;

/// A client's statement under its name on the server, as PostgreSQL's own error tells it.
async fn server_name(raw: &mut Raw, sql: &str) -> String {
    frontend::parse(&mut raw.out, b"e", sql, &[]);
    frontend::bind_text(&mut raw.out, b"", b"e", &[Some(b"one too many")]);
    frontend::sync(&mut raw.out);
    let messages = raw.until_ready().await;
    assert_eq!(tags(&messages), "1EZ");
    let text = ErrorFields::decode(&messages[1].1).unwrap().text(b'M').into_owned();
    text.split('"').nth(1).expect("the error quotes the name").to_owned()
}

/// A world whose server connections keep no more than `max_server_statements`.
async fn forgetful(max_server_statements: usize) -> World {
    World::with(newest(), 1, Config { max_server_statements, ..Config::default() }).await
}

#[tokio::test]
async fn the_gateways_own_statement_can_not_be_deallocated() {
    let world = World::narrow(newest()).await;
    let mut evil = Raw::login(&world, "acme").await;
    let mut victim = Raw::login(&world, "umbrella").await;
    let refused = ask(&mut evil, "DEALLOCATE tenantry_enter").await;
    assert_eq!(sqlstate(&refused).as_deref(), Some("26000"));
    assert_eq!(rows(&ask(&mut victim, "SELECT 'entered'").await), ["entered"]);
    world.close().await;
}

#[tokio::test]
async fn one_statements_name_does_not_tell_anothers() {
    let world = World::narrow(newest()).await;
    let mut evil = Raw::login(&world, "acme").await;
    let mut victim = Raw::login(&world, "umbrella").await;
    prepare(&mut victim, "s", "SELECT 'secret of umbrella'").await;
    let name = server_name(&mut evil, "SELECT 2").await;
    let (prefix, _) = name.rsplit_once('_').unwrap();
    for n in 0..4 {
        let answer = ask(&mut evil, &format!("EXECUTE {prefix}_{n}")).await;
        assert_eq!((tags(&answer).as_str(), sqlstate(&answer).as_deref()), ("EZ", Some("26000")), "{n}");
    }
    world.close().await;
}

#[tokio::test]
async fn deallocating_everything_leaves_the_statements_of_others_usable() {
    let world = World::narrow(newest()).await;
    let mut evil = Raw::login(&world, "acme").await;
    let mut victim = Raw::login(&world, "umbrella").await;
    prepare(&mut victim, "v", "SELECT count(*) FROM notes").await;
    assert_eq!(tags(&ask(&mut evil, "DEALLOCATE ALL; SELECT 1").await), "CTDCZ");
    // The same text behind it in the same packet: it must be prepared anew.
    frontend::query(&mut evil.out, "DEALLOCATE ALL; SELECT 1");
    frontend::parse(&mut evil.out, b"x", "SELECT count(*) FROM notes", &[]);
    frontend::sync(&mut evil.out);
    assert_eq!(evil.tags().await, "CTDCZ");
    assert_eq!(evil.tags().await, "1Z");
    for _ in 0..2 {
        let answer = run(&mut victim, "v").await;
        assert_eq!((tags(&answer).as_str(), rows(&answer)), ("2DCZ", vec!["0".to_owned()]));
    }
    assert_eq!(rows(&run(&mut evil, "x").await), ["0"]);
    world.close().await;
}

#[tokio::test]
async fn deallocating_a_shared_statement_by_its_server_name_harms_nobody() {
    let world = World::narrow(newest()).await;
    let mut evil = Raw::login(&world, "acme").await;
    let mut victim = Raw::login(&world, "umbrella").await;
    prepare(&mut victim, "s", "SELECT 7").await;
    let name = server_name(&mut evil, "SELECT 7").await;
    assert_eq!(tags(&ask(&mut evil, &format!("DEALLOCATE {name}")).await), "CZ");
    for _ in 0..2 {
        let answer = run(&mut victim, "s").await;
        assert_eq!((tags(&answer).as_str(), rows(&answer)), ("2DCZ", vec!["7".to_owned()]));
    }
    world.close().await;
}

#[tokio::test]
async fn an_eviction_that_a_failed_pipeline_skipped_is_undone() {
    let world = forgetful(2).await;
    let mut raw = Raw::login(&world, "acme").await;
    prepare(&mut raw, "s0", "SELECT 0").await;
    prepare(&mut raw, "s1", "SELECT 1").await;
    fail_pipeline(&mut raw);
    frontend::parse(&mut raw.out, b"s2", "SELECT 2", &[]);
    frontend::sync(&mut raw.out);
    let failed = raw.until_ready().await;
    assert_eq!((tags(&failed).as_str(), sqlstate(&failed).as_deref()), ("EZ", Some("34000")));
    // The statement that was to make room is still there, under the name that is taken.
    let mut other = Raw::login(&world, "umbrella").await;
    prepare(&mut other, "mine", "SELECT 0").await;
    assert_eq!(rows(&run(&mut other, "mine").await), ["0"]);
    assert_eq!(rows(&run(&mut raw, "s0").await), ["0"]);
    assert_eq!(rows(&run(&mut raw, "s1").await), ["1"]);
    world.close().await;
}

#[tokio::test]
async fn names_taken_and_freed_behind_an_error_stay_as_they_were() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    prepare(&mut raw, "a", "SELECT 1").await;
    fail_pipeline(&mut raw);
    frontend::parse(&mut raw.out, b"b", "SELECT 1", &[]);
    frontend::close(&mut raw.out, frontend::STATEMENT, b"a");
    frontend::sync(&mut raw.out);
    assert_eq!(raw.tags().await, "EZ");
    assert_eq!(tags(&run(&mut raw, "a").await), "2DCZ");
    assert_eq!(sqlstate(&run(&mut raw, "b").await).as_deref(), Some("26000"));
    prepare(&mut raw, "b", "SELECT 1").await;
    assert_eq!(tags(&run(&mut raw, "b").await), "2DCZ");
    world.close().await;
}

#[tokio::test]
async fn a_name_that_is_closed_is_free_for_what_is_behind() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    for name in ["a", ""] {
        for sql in ["SELECT 'first'", "SELECT 'second'"] {
            frontend::parse(&mut raw.out, name.as_bytes(), sql, &[]);
            frontend::bind_text(&mut raw.out, b"", name.as_bytes(), &[]);
            frontend::execute(&mut raw.out, b"", 0);
            if sql.contains("first") {
                frontend::close(&mut raw.out, frontend::STATEMENT, name.as_bytes());
            }
        }
        frontend::sync(&mut raw.out);
        let answer = raw.until_ready().await;
        assert_eq!(tags(&answer), "12DC312DCZ", "{name:?}");
        assert_eq!(rows(&answer), ["first", "second"]);
        assert_eq!(rows(&run(&mut raw, name).await), ["second"]);
    }
    // Skipped, together with what would have taken the name, in one pipeline and over two.
    for synced in [false, true] {
        fail_pipeline(&mut raw);
        frontend::close(&mut raw.out, frontend::STATEMENT, b"a");
        if synced {
            frontend::sync(&mut raw.out);
        }
        frontend::parse(&mut raw.out, b"a", "SELECT 'third'", &[]);
        frontend::sync(&mut raw.out);
        assert_eq!(raw.tags().await, "EZ");
        if synced {
            assert_eq!(sqlstate(&raw.until_ready().await).as_deref(), Some("42P05"));
        }
        assert_eq!(rows(&run(&mut raw, "a").await), ["second"], "{synced}");
    }
    world.close().await;
}

#[tokio::test]
async fn an_unnamed_statement_is_never_the_last_clients() {
    let world = World::narrow(newest()).await;
    let mut one = Raw::login(&world, "acme").await;
    let mut two = Raw::login(&world, "acme").await;
    frontend::parse(&mut one.out, b"", "SELECT 'statement of one'", &[]);
    frontend::close(&mut one.out, frontend::STATEMENT, b"");
    frontend::sync(&mut one.out);
    assert_eq!(one.tags().await, "13Z");
    for raw in [&mut two, &mut one] {
        let answer = run(raw, "").await;
        assert_eq!((tags(&answer).as_str(), sqlstate(&answer).as_deref()), ("EZ", Some("26000")));
    }
    world.close().await;
}

#[tokio::test]
async fn a_statement_whose_preparation_an_error_skipped_is_there_for_the_next_pipeline() {
    let world = forgetful(1).await;
    let mut raw = Raw::login(&world, "acme").await;
    prepare(&mut raw, "a", "SELECT 'a'").await;
    prepare(&mut raw, "b", "SELECT 'b'").await;
    // "a" is no longer on the server. Both pipelines arrive before the first has failed.
    fail_pipeline(&mut raw);
    frontend::bind_text(&mut raw.out, b"", b"a", &[]);
    frontend::sync(&mut raw.out);
    frontend::bind_text(&mut raw.out, b"", b"a", &[]);
    frontend::execute(&mut raw.out, b"", 0);
    frontend::sync(&mut raw.out);
    assert_eq!(raw.tags().await, "EZ");
    let answer = raw.until_ready().await;
    assert_eq!((tags(&answer).as_str(), rows(&answer)), ("2DCZ", vec!["a".to_owned()]));
    world.close().await;
}

#[tokio::test]
async fn answers_of_the_gateway_keep_their_place_behind_a_long_row_description() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    prepare(&mut raw, "k", "SELECT 1").await;
    describe_wide(&mut raw);
    // Neither of these goes to the server.
    frontend::parse(&mut raw.out, b"k2", "SELECT 1", &[]);
    frontend::close(&mut raw.out, frontend::STATEMENT, b"k");
    frontend::sync(&mut raw.out);
    assert_eq!(raw.tags().await, "1tT13Z");
    assert_eq!(tags(&run(&mut raw, "k2").await), "2DCZ");
    world.close().await;
}
