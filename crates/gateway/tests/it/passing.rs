//! Settings that end with their transaction: nothing is left of them, and the server is not asked whether something is.

use crate::raw::{Raw, sqlstate};
use crate::world::World;
use bytes::BytesMut;
use tenantry_gateway::Config;
use tenantry_testkit::proxy::{Proxy, Sender};
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{DataRow, tag};
use tenantry_wire::frontend;

const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

const PASSING: [&str; 5] = [
    "SET LOCAL app.user_id = '7'",
    "SET LOCAL statement_timeout = 12345;",
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET CONSTRAINTS ALL DEFERRED",
    "SELECT set_config('app.user_id', '7', true)",
];

/// In one message with others, or by another way: the server is asked.
const DOUBTFUL: [&str; 4] = [
    "SET app.user_id = '8'",
    "SET LOCAL app.user_id = '7'; SET app.user_id = '8'",
    "/* SET LOCAL */ SET app.user_id = '8'",
    "SELECT set_config('app.user_id', '8', false)",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Simple,
    Unnamed,
    Named,
}

async fn say(raw: &mut Raw, way: Way, sql: &str) -> Vec<(u8, BytesMut)> {
    let name = if way == Way::Named { sql.as_bytes() } else { b"" };
    match way {
        Way::Simple => frontend::query(&mut raw.out, sql),
        Way::Unnamed | Way::Named => {
            // In a pipeline with others, whose tags are not SET.
            frontend::parse(&mut raw.out, name, sql, &[]);
            frontend::bind_text(&mut raw.out, b"", name, &[]);
            frontend::execute(&mut raw.out, b"", 0);
            frontend::close(&mut raw.out, frontend::STATEMENT, name);
            frontend::sync(&mut raw.out);
        }
    }
    let told = raw.until_ready().await;
    assert_eq!(sqlstate(&told), None, "{way:?}: {sql}");
    told
}

async fn ask(raw: &mut Raw, sql: &str) -> String {
    let told = say(raw, Way::Simple, sql).await;
    let row = told.iter().find(|(kind, _)| *kind == tag::DATA_ROW);
    row.and_then(|(_, body)| DataRow::decode(body).unwrap().get(0).map(|v| String::from_utf8_lossy(v).into()))
        .unwrap_or_default()
}

/// Whether the server was asked what a transaction left. Nobody else uses the extended protocol while this is watched.
fn was_asked(proxy: &Proxy) -> bool {
    let seen = proxy.seen();
    let sent: String =
        seen.iter().filter(|seen| seen.sender == Sender::Client).map(|seen| char::from(seen.tag)).collect();
    sent.contains(LOOKS)
}

/// Parse, Bind, Execute, Close, Sync: the question, in a flight of its own.
const LOOKS: &str = "PBECS";

#[tokio::test]
async fn a_setting_that_ends_with_its_transaction_leaves_no_question() {
    for version in versions_for_tests() {
        let world = World::with(version, 1, Config { workers: 1, ..Config::default() }).await;
        let proxy = Proxy::to(world.postgres.host(), world.postgres.port()).await.unwrap();
        world.change_databases(|route| route.port = proxy.port());
        for tenant in TENANTS {
            let mut raw = Raw::login(&world, tenant).await;
            for way in [Way::Simple, Way::Unnamed, Way::Named] {
                for sql in PASSING {
                    let place = format!("{version}, {tenant}, {way:?}: {sql}");
                    say(&mut raw, Way::Simple, "BEGIN").await;
                    say(&mut raw, way, sql).await;
                    if sql.contains("user_id") {
                        assert_eq!(ask(&mut raw, "SHOW app.user_id").await, "7", "{place}");
                    }
                    proxy.watch();
                    say(&mut raw, Way::Simple, "COMMIT").await;
                    let left =
                        ask(&mut raw, "SELECT coalesce(current_setting('app.user_id', true), '')").await;
                    assert!(!was_asked(&proxy), "{place}");
                    assert_eq!(left, "", "{place}");
                }
            }
            for way in [Way::Simple, Way::Unnamed, Way::Named] {
                for sql in DOUBTFUL.iter().filter(|sql| way == Way::Simple || !sql.contains(';')) {
                    let place = format!("{version}, {tenant}, {way:?}: {sql}");
                    say(&mut raw, Way::Simple, "BEGIN").await;
                    say(&mut raw, way, "SET LOCAL app.user_id = '7'").await;
                    say(&mut raw, way, sql).await;
                    proxy.watch();
                    say(&mut raw, Way::Simple, "COMMIT").await;
                    assert_eq!(ask(&mut raw, "SHOW app.user_id").await, "8", "{place}: it follows");
                    assert!(was_asked(&proxy), "{place}");
                    say(&mut raw, Way::Simple, "RESET app.user_id").await;
                }
            }
        }
        world.close().await;
    }
}

/// One that fails is answered by no tag: what is set behind it is asked about.
#[tokio::test]
async fn one_that_fails_excuses_no_other() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        for tenant in TENANTS {
            let mut raw = Raw::login(&world, tenant).await;
            for end in ["SET LOCAL no_such_setting = 1", "SET LOCAL statement_timeout = 'long'"] {
                frontend::parse(&mut raw.out, b"", end, &[]);
                frontend::bind_text(&mut raw.out, b"", b"", &[]);
                frontend::execute(&mut raw.out, b"", 0);
                frontend::sync(&mut raw.out);
                // Never executed.
                frontend::parse(&mut raw.out, b"", "SET LOCAL app.user_id = '7'", &[]);
                frontend::bind_text(&mut raw.out, b"", b"", &[]);
                frontend::parse(&mut raw.out, b"", "SET app.user_id = '9'", &[]);
                frontend::bind_text(&mut raw.out, b"", b"", &[]);
                frontend::execute(&mut raw.out, b"", 0);
                frontend::sync(&mut raw.out);
                assert!(sqlstate(&raw.until_ready().await).is_some(), "{version}, {tenant}: {end}");
                assert_eq!(sqlstate(&raw.until_ready().await), None, "{version}, {tenant}");
                // Somebody else has the connection in between.
                assert_ne!(
                    ask(
                        &mut Raw::login(&world, tenant).await,
                        "SELECT coalesce(current_setting('app.user_id', true), '')"
                    )
                    .await,
                    "9"
                );
                assert_eq!(ask(&mut raw, "SHOW app.user_id").await, "9", "{version}, {tenant}: {end}");
                say(&mut raw, Way::Simple, "RESET app.user_id").await;
            }
        }
        world.close().await;
    }
}
