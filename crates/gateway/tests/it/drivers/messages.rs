//! Sequences of messages that drivers have sent, cut down to what mattered.

use super::in_every_model;
use super::peer::Pair;
use crate::raw::{Raw, sqlstate};
use crate::world::World;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::frontend;

in_every_model!(failed_pipelines, deallocations, half_pipelines);

/// Two statements fit on the one server connection.
async fn tiny() -> World {
    let config = Config { max_server_statements: 2, ..Config::default() };
    World::with(versions_for_tests()[0], 1, config).await
}

fn use_of(raw: &mut Raw, name: &[u8]) {
    frontend::bind_text(&mut raw.out, b"", name, &[]);
    frontend::execute(&mut raw.out, b"", 0);
}

/// Sync, and the tags of the replies.
async fn synced(raw: &mut Raw) -> String {
    frontend::sync(&mut raw.out);
    raw.tags().await
}

/// pgx names a statement after its text, so the name that a failed batch did not get to comes again.
async fn failed_pipelines(pair: &Pair) {
    let world = tiny().await;
    let mut first = Raw::login(&world, pair.tenant()).await;
    for (name, sql) in [(b"a", "SELECT 'a'"), (b"b", "SELECT 'b'")] {
        frontend::parse(&mut first.out, name, sql, &[]);
    }
    assert_eq!(synced(&mut first).await, "11Z");
    let mut second = Raw::login(&world, pair.tenant()).await;
    for _ in 0..2 {
        // The server has b, and would have to drop one for c.
        frontend::parse(&mut second.out, b"", "SELECT nonsense", &[]);
        frontend::parse(&mut second.out, b"b", "SELECT 'b'", &[]);
        frontend::parse(&mut second.out, b"c", "SELECT 'c'", &[]);
        assert_eq!(synced(&mut second).await, "EZ");
    }
    for name in [b"a", b"b"] {
        use_of(&mut first, name);
        assert_eq!(synced(&mut first).await, "2DCZ");
    }
    for (name, sql) in [(b"b", "SELECT 'b'"), (b"c", "SELECT 'c'")] {
        frontend::parse(&mut second.out, name, sql, &[]);
        use_of(&mut second, name);
    }
    assert_eq!(synced(&mut second).await, "12DC12DCZ");
    use_of(&mut first, b"a");
    assert_eq!(synced(&mut first).await, "2DCZ");
    world.close().await;
}

/// psycopg's pipelines with a libpq before 17.
async fn deallocations(pair: &Pair) {
    let world = tiny().await;
    let mut first = Raw::login(&world, pair.tenant()).await;
    let mut second = Raw::login(&world, pair.tenant()).await;
    for raw in [&mut first, &mut second] {
        frontend::parse(&mut raw.out, b"_pg3_0", "SELECT 'same'", &[]);
        assert_eq!(synced(raw).await, "1Z");
    }
    for (sql, tag) in [("DEALLOCATE _pg3_0", "DEALLOCATE"), ("DEALLOCATE ALL", "DEALLOCATE ALL")] {
        frontend::parse(&mut first.out, b"", sql, &[]);
        use_of(&mut first, b"");
        frontend::parse(&mut first.out, b"_pg3_0", "SELECT 'another'", &[]);
        use_of(&mut first, b"_pg3_0");
        frontend::sync(&mut first.out);
        let replies = first.until_ready().await;
        let kinds: String = replies.iter().map(|(kind, _)| char::from(*kind)).collect();
        assert_eq!(kinds, "12C12DCZ", "{sql}");
        // JDBC forgets what it has prepared when it is told so.
        assert_eq!(replies[2].1, format!("{tag}\0").as_bytes(), "{sql}");
        // What is one's name is the other's too.
        use_of(&mut second, b"_pg3_0");
        assert_eq!(synced(&mut second).await, "2DCZ", "{sql}");
    }
    frontend::parse(&mut first.out, b"", "DEALLOCATE never_was", &[]);
    use_of(&mut first, b"");
    frontend::sync(&mut first.out);
    assert_eq!(sqlstate(&first.until_ready().await).as_deref(), Some("26000"));
    world.close().await;
}

/// asyncpg prepares with Flush and leaves the Sync to the statement's first use, which may never come.
async fn half_pipelines(pair: &Pair) {
    let world = tiny().await;
    let mut raw = Raw::login(&world, pair.tenant()).await;
    for (query, replies) in [
        ("SELECT 1", "TDCZ"),
        ("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;", "TDCCCCZ"),
    ] {
        frontend::parse(&mut raw.out, b"", "SELECT 2", &[]);
        frontend::flush(&mut raw.out);
        raw.flush().await;
        assert_eq!(raw.message().await.unwrap().0, b'1');
        frontend::query(&mut raw.out, query);
        assert_eq!(raw.tags().await, replies);
        // It holds nothing any more.
        let other = world.connect(pair.other()).await;
        other.query_one("SELECT 1", &[]).await.unwrap();
    }
    world.close().await;
}
