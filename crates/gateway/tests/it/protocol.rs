//! The protocol's corners: pipelines, statements over pooled connections, COPY, cancel, hostile bytes.

use crate::raw::{Raw, sqlstate};
use crate::world::{PAIRS, World};
use futures_util::{SinkExt, TryStreamExt, pin_mut};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::{frontend, startup};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

/// Parse, Bind, Describe, Execute of the unnamed statement.
fn extended(raw: &mut Raw, sql: &str) {
    frontend::parse(&mut raw.out, b"", sql, &[]);
    frontend::bind_text(&mut raw.out, b"", b"", &[]);
    frontend::describe(&mut raw.out, frontend::PORTAL, b"");
    frontend::execute(&mut raw.out, b"", 0);
}

#[tokio::test]
async fn pipelines_answer_in_order_and_skip_to_sync_after_an_error() {
    let world = World::narrow(newest()).await;
    for tenant in PAIRS.map(|(first, _)| first) {
        let mut raw = Raw::login(&world, tenant).await;
        // Two pipelines and a simple Query in one write.
        extended(&mut raw, "SELECT 1");
        frontend::sync(&mut raw.out);
        frontend::query(&mut raw.out, "SELECT 2; SELECT 3");
        extended(&mut raw, "SELECT 4");
        frontend::sync(&mut raw.out);
        assert_eq!(raw.tags().await, "12TDCZ", "{tenant}");
        assert_eq!(raw.tags().await, "TDCTDCZ", "{tenant}");
        assert_eq!(raw.tags().await, "12TDCZ", "{tenant}");
        // Everything behind an error is skipped, also what only the gateway would have answered.
        extended(&mut raw, "SELECT nonsense");
        frontend::parse(&mut raw.out, b"later", "SELECT 1", &[]);
        frontend::close(&mut raw.out, frontend::STATEMENT, b"never");
        frontend::sync(&mut raw.out);
        let messages = raw.until_ready().await;
        assert_eq!(sqlstate(&messages).as_deref(), Some("42703"));
        assert_eq!(messages.len(), 2, "{messages:?}");
        // The statement that was skipped does not exist; the session goes on.
        frontend::bind_text(&mut raw.out, b"", b"later", &[]);
        frontend::sync(&mut raw.out);
        assert_eq!(sqlstate(&raw.until_ready().await).as_deref(), Some("26000"));
        extended(&mut raw, "SELECT 5");
        frontend::sync(&mut raw.out);
        assert_eq!(raw.tags().await, "12TDCZ");
    }
    world.close().await;
}

#[tokio::test]
async fn statements_outlive_the_connection_they_were_prepared_on() {
    // Two statements fit on a server connection, one connection for all clients.
    let config = Config { max_server_statements: 2, ..Config::default() };
    let world = World::with(newest(), 1, config).await;
    for (one, other) in PAIRS {
        let mut first = Raw::login(&world, one).await;
        let mut second = Raw::login(&world, other).await;
        for (raw, offset) in [(&mut first, 0), (&mut second, 100)] {
            for n in 0..4 {
                let sql = format!("SELECT {}", offset + n);
                frontend::parse(&mut raw.out, format!("s{n}").as_bytes(), &sql, &[]);
                frontend::sync(&mut raw.out);
                assert_eq!(raw.tags().await, "1Z");
            }
            // The unnamed statement too is the client's own until it sends another.
            frontend::parse(&mut raw.out, b"", &format!("SELECT {}", offset + 50), &[]);
            frontend::sync(&mut raw.out);
            assert_eq!(raw.tags().await, "1Z");
        }
        for round in 0..2 {
            for (raw, offset) in [(&mut first, 0), (&mut second, 100)] {
                for (name, value) in [("s0", 0), ("s1", 1), ("s2", 2), ("s3", 3), ("", 50)] {
                    frontend::describe(&mut raw.out, frontend::STATEMENT, name.as_bytes());
                    frontend::bind_text(&mut raw.out, b"", name.as_bytes(), &[]);
                    frontend::execute(&mut raw.out, b"", 0);
                    frontend::sync(&mut raw.out);
                    let messages = raw.until_ready().await;
                    let tags: String = messages.iter().map(|(tag, _)| char::from(*tag)).collect();
                    assert_eq!(tags, "tT2DCZ", "{name} in round {round} of {one}");
                    let row = tenantry_wire::backend::DataRow::decode(&messages[3].1).unwrap();
                    assert_eq!(row.get(0).unwrap(), (offset + value).to_string().as_bytes());
                }
            }
        }
        // Closed means gone, for this client only; a second of the same name is refused.
        frontend::close(&mut first.out, frontend::STATEMENT, b"s0");
        frontend::bind_text(&mut first.out, b"", b"s0", &[]);
        frontend::sync(&mut first.out);
        assert_eq!(sqlstate(&first.until_ready().await).as_deref(), Some("26000"));
        frontend::parse(&mut first.out, b"s1", "SELECT 9", &[]);
        frontend::sync(&mut first.out);
        assert_eq!(sqlstate(&first.until_ready().await).as_deref(), Some("42P05"));
        frontend::bind_text(&mut second.out, b"", b"s0", &[]);
        frontend::execute(&mut second.out, b"", 0);
        frontend::sync(&mut second.out);
        assert_eq!(second.tags().await, "2DCZ");
    }
    world.close().await;
}

#[tokio::test]
async fn copy_goes_out_everywhere_and_in_where_postgres_lets_it() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        for (tenant, other) in PAIRS {
            let client = world.connect(tenant).await;
            client
                .batch_execute("INSERT INTO notes (id, body) SELECT g, 'x' FROM generate_series(1, 5000) g")
                .await
                .unwrap();
            let rows = client.copy_out("COPY notes (id, body) TO STDOUT").await.unwrap();
            let bytes: Vec<_> = rows.try_collect().await.unwrap();
            let lines = bytes.concat().split(|byte| *byte == b'\n').count();
            assert_eq!(lines, 5_000 + 1, "{tenant}");
            let outcome = match client.copy_in("COPY notes (id, body) FROM STDIN").await {
                Ok(sink) => {
                    pin_mut!(sink);
                    for n in 10_001..10_501 {
                        sink.send(bytes::Bytes::from(format!("{n}\t{}\n", "y".repeat(1_000)))).await.unwrap();
                    }
                    sink.finish().await
                }
                Err(error) => Err(error),
            };
            match outcome {
                Ok(copied) => assert_eq!((copied, tenant), (500, "initech")),
                // PostgreSQL's own word: COPY FROM is not supported with row-level security.
                Err(error) => assert_eq!(error.code().map(SqlState::code), Some("0A000"), "{tenant}"),
            }
            // COPY data that goes wrong in the middle leaves a usable session.
            if tenant == "initech" {
                let sink = client.copy_in("COPY notes (id, body) FROM STDIN").await.unwrap();
                pin_mut!(sink);
                sink.send(bytes::Bytes::from("not a number\tz\n")).await.unwrap();
                assert_eq!(sink.finish().await.unwrap_err().code().unwrap().code(), "22P02");
                let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
                assert_eq!(count, 5_500);
            }
            let theirs: i64 =
                world.connect(other).await.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
            assert_eq!(theirs, 0, "{other}");
        }
        world.close().await;
    }
}

#[tokio::test]
async fn a_cancel_stops_its_own_statement_and_no_other() {
    let world = World::narrow(newest()).await;
    for (tenant, other) in PAIRS {
        let client = world.connect(tenant).await;
        let token = client.cancel_token();
        let sleeping =
            tokio::spawn(async move { (client.batch_execute("SELECT pg_sleep(30)").await, client) });
        let admin = world.postgres.connect("postgres").await.unwrap();
        until(&admin, "SELECT count(*) > 0 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'").await;
        token.cancel_query(NoTls).await.unwrap();
        let (result, client) = sleeping.await.unwrap();
        assert_eq!(result.unwrap_err().code().unwrap().code(), "57014");
        // Late: the session is idle, and the connection may be somebody else's.
        token.cancel_query(NoTls).await.unwrap();
        let others = world.connect(other).await;
        others.query("SELECT pg_sleep(0.05)", &[]).await.unwrap();
        client.query("SELECT 1", &[]).await.unwrap();
    }
    world.close().await;
}

/// Polls a condition that the server decides; each poll is a round trip.
pub(crate) async fn until(admin: &tokio_postgres::Client, condition: &str) {
    let polling = async {
        while !admin.query_one(condition, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), polling).await.expect(condition);
}

#[tokio::test]
async fn hostile_bytes_are_refused_and_nobody_else_notices() {
    let config = Config { max_message_bytes: 1 << 20, ..Config::default() };
    let world = World::with(newest(), 1, config).await;
    let neighbour = world.connect("acme").await;
    // Plain text behind an encryption request.
    let mut raw = Raw::open(&world).await;
    startup::ssl_request(&mut raw.out);
    startup::startup(&mut raw.out, 0, [("user", "app"), ("database", "acme")]);
    raw.flush().await;
    assert_eq!(sqlstate(&[raw.message().await.unwrap()]).as_deref(), Some("08P01"));
    // The request alone is answered.
    let mut raw = Raw::open(&world).await;
    startup::ssl_request(&mut raw.out);
    raw.flush().await;
    assert_eq!(raw.byte().await, b'N');
    // No startup packet at all.
    let mut raw = Raw::open(&world).await;
    raw.out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
    raw.flush().await;
    assert!(raw.message().await.is_none_or(|message| sqlstate(&[message]).is_some()));
    // A driver that is stopped at once says goodbye before anything else, and is owed no answer.
    let mut raw = Raw::open(&world).await;
    frontend::terminate(&mut raw.out);
    raw.flush().await;
    assert!(raw.message().await.is_none());
    for bytes in
        [&b"?\0\0\0\x04"[..], b"Q\0\0\0\x01", b"Q\x7f\xff\xff\xff", b"B\0\0\0\x05\xff", b"P\0\0\0\x04"]
    {
        let mut raw = Raw::login(&world, "umbrella").await;
        raw.out.extend_from_slice(bytes);
        raw.flush().await;
        let message = raw.message().await.unwrap();
        assert!(["08P01", "54000"].contains(&sqlstate(&[message]).unwrap().as_str()), "{bytes:?}");
        assert!(raw.message().await.is_none(), "{bytes:?}");
    }
    neighbour.query("SELECT 1", &[]).await.unwrap();
    world.close().await;
}
