//! The limits of a tenant: what happens at each, that it can be changed while it is in force, and that nobody else feels it.

use crate::raw::{Raw, sqlstate};
use crate::world::{PAIRS, TENANTS, World};
use std::time::Duration;
use tenantry_core::Limits;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::frontend;
use tokio_postgres::{Client, Error};

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

fn id_of(tenant: &str) -> i64 {
    TENANTS.iter().find(|(_, key, _)| *key == tenant).unwrap().0
}

impl World {
    fn limit(&self, tenant: &str, limits: Limits) {
        self.change(id_of(tenant), |route| route.limits = limits);
    }
}

fn code(error: &Error) -> &str {
    error.code().map_or("none", |code| code.code())
}

async fn pid(client: &Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cancelled_whatever_the_client_sets() {
    let world = World::narrow(newest()).await;
    for (tenant, other) in PAIRS {
        world.limit(tenant, Limits { statement_timeout_ms: 150, ..Limits::UNLIMITED });
        let client = world.connect(tenant).await;
        let before = pid(&client).await;
        for sql in ["SELECT pg_sleep(60)", "SET statement_timeout = 0; SELECT pg_sleep(60)"] {
            let error = client.batch_execute(sql).await.unwrap_err();
            let error = error.as_db_error().unwrap();
            assert_eq!(
                (error.code().code(), error.message()),
                ("57014", "canceling statement due to statement timeout"),
                "{tenant}"
            );
        }
        // A cancel was sent to it: nobody gets that connection again.
        assert_ne!(pid(&client).await, before);
        // The next statement has its own time, and the extended protocol the same limit; a transaction can be ended.
        client.batch_execute("BEGIN; SELECT 1").await.unwrap();
        assert_eq!(code(&client.query("SELECT pg_sleep(60)", &[]).await.unwrap_err()), "57014");
        assert_eq!(code(&client.query("SELECT 1", &[]).await.unwrap_err()), "25P02");
        client.batch_execute("ROLLBACK").await.unwrap();
        client.query("SELECT 1", &[]).await.unwrap();
        // Lower than the limit is the client's own business.
        world.limit(tenant, Limits { statement_timeout_ms: 60_000, ..Limits::UNLIMITED });
        let error =
            client.batch_execute("SET statement_timeout = 20; SELECT pg_sleep(60)").await.unwrap_err();
        assert_eq!(code(&error), "57014");
        // Another tenant has another limit.
        world.connect(other).await.query("SELECT pg_sleep(0.3)", &[]).await.unwrap();
    }
    world.close().await;
}

#[tokio::test]
async fn a_transaction_that_waits_for_its_client_too_long_is_rolled_back_with_its_session() {
    let world = World::narrow(newest()).await;
    for (tenant, other) in PAIRS {
        world.limit(tenant, Limits { idle_in_transaction_ms: 100, ..Limits::UNLIMITED });
        let mut raw = Raw::login(&world, tenant).await;
        frontend::query(&mut raw.out, "BEGIN; INSERT INTO notes (id) VALUES (7)");
        assert_eq!(sqlstate(&raw.until_ready().await), None);
        let (tag, body) = raw.message().await.expect("the client is told");
        assert_eq!(sqlstate(&[(tag, body)]).as_deref(), Some("25P03"), "{tenant}");
        assert!(raw.message().await.is_none(), "the session has ended");
        // The one connection is free again, and nothing was kept.
        world.connect(other).await.query("SELECT 1", &[]).await.unwrap();
        let count = world.connect(tenant).await.query_one("SELECT count(*) FROM notes", &[]).await.unwrap();
        assert_eq!(count.get::<_, i64>(0), 0, "{tenant}");
        // Outside a transaction a client may be idle for as long as it likes.
        let idle = world.connect(tenant).await;
        idle.query("SELECT pg_sleep(0.3)", &[]).await.unwrap();
        idle.query("SELECT 1", &[]).await.unwrap();
    }
    world.close().await;
}

#[tokio::test]
async fn a_transaction_of_many_short_statements_ends_too() {
    let world = World::narrow(newest()).await;
    let limits = Limits { transaction_timeout_ms: 200, ..Limits::UNLIMITED };
    world.limit("acme", limits);
    let client = world.connect("acme").await;
    client.batch_execute("BEGIN").await.unwrap();
    let endless = async {
        loop {
            if let Err(error) = client.batch_execute("SELECT pg_sleep(0.01)").await {
                break error;
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), endless).await.expect("an end");
    assert!(error.is_closed() || ["57014", "25P04"].contains(&code(&error)), "{error:?}");
    world.connect("umbrella").await.query("SELECT 1", &[]).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn over_the_rate_a_transaction_waits_or_is_told_for_how_long() {
    let world = World::with(newest(), 4, Config::default()).await;
    let rate = Limits { transactions_per_minute: 1, transaction_burst: 3, ..Limits::UNLIMITED };
    world.limit("acme", Limits { queue_wait_ms: 1, ..rate });
    let (client, other) = (world.connect("acme").await, world.connect("umbrella").await);
    // To connect was the first of three.
    for _ in 0..2 {
        client.batch_execute("SELECT 1").await.unwrap();
    }
    for _ in 0..2 {
        let error = client.batch_execute("SELECT 1").await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "53400");
        assert!(error.message().contains("try again in "), "{error:?}");
        other.query("SELECT 1", &[]).await.unwrap();
    }
    // A reconnect does not begin a new minute.
    drop(client);
    let refused = crate::world::connect(&world.config("acme")).await.map(drop).unwrap_err();
    assert_eq!(code(&refused), "53400");
    // A raised limit counts at once: what is over it waits for a turn that comes soon.
    world
        .limit("acme", Limits { transactions_per_minute: 60_000, transaction_burst: 1, ..Limits::UNLIMITED });
    let client = world.connect("acme").await;
    for _ in 0..5 {
        client.batch_execute("SELECT 1").await.unwrap();
    }
    world.close().await;
}

#[tokio::test]
async fn who_leaves_before_its_turn_is_forgotten() {
    let world =
        World::with(newest(), 4, Config { queue_timeout: Duration::from_mins(2), ..Config::default() }).await;
    let limits = Limits { transactions_per_minute: 1, transaction_burst: 1, ..Limits::UNLIMITED };
    world.limit("acme", limits);
    let mut raw = Raw::login(&world, "acme").await;
    frontend::query(&mut raw.out, "SELECT 1");
    raw.flush().await;
    drop(raw);
    // Long before the minute is over.
    world.until_clients(0).await;
    world.close().await;
}

#[tokio::test]
async fn a_pipeline_of_many_transactions_counts_as_many() {
    let world = World::with(newest(), 4, Config::default()).await;
    let limits =
        Limits { transactions_per_minute: 1, transaction_burst: 20, queue_wait_ms: 1, ..Limits::UNLIMITED };
    world.limit("acme", limits);
    let mut raw = Raw::login(&world, "acme").await;
    for _ in 0..40 {
        frontend::parse(&mut raw.out, b"", "SELECT 1", &[]);
        frontend::bind_text(&mut raw.out, b"", b"", &[]);
        frontend::execute(&mut raw.out, b"", 0);
        frontend::sync(&mut raw.out);
    }
    for _ in 0..40 {
        raw.until_ready().await;
    }
    frontend::query(&mut raw.out, "SELECT 1");
    assert_eq!(sqlstate(&raw.until_ready().await).as_deref(), Some("53400"));
    world.close().await;
}

#[tokio::test]
async fn a_tenant_waits_for_its_own_connections_alone_and_a_raised_limit_lets_it_go_on() {
    let world = World::with(newest(), 4, Config::default()).await;
    for (tenant, other) in PAIRS {
        let one = Limits { connections: 1, queue_wait_ms: 50, ..Limits::UNLIMITED };
        world.limit(tenant, one);
        let (holder, waiter) = (world.connect(tenant).await, world.connect(tenant).await);
        let other = world.connect(other).await;
        holder.batch_execute("BEGIN; SELECT 1").await.unwrap();
        let error = waiter.query("SELECT 1", &[]).await.unwrap_err();
        assert_eq!(code(&error), "53400");
        assert!(error.as_db_error().unwrap().hint().unwrap().contains("all 1 connections"), "{error:?}");
        other.query("SELECT 1", &[]).await.unwrap();
        // Who waits when the limit is raised does not wait on.
        world.limit(tenant, Limits { connections: 1, ..Limits::UNLIMITED });
        let (waited, ()) = tokio::join!(waiter.query("SELECT 1", &[]), async {
            other.query("SELECT 1", &[]).await.unwrap();
            world.limit(tenant, Limits { connections: 2, ..Limits::UNLIMITED });
        });
        waited.unwrap();
        holder.batch_execute("COMMIT").await.unwrap();
    }
    world.close().await;
}

#[tokio::test]
async fn results_and_messages_have_a_size() {
    let world = World::narrow(newest()).await;
    for (tenant, other) in PAIRS {
        world.limit(tenant, Limits { result_bytes: 100_000, message_bytes: 10_000, ..Limits::UNLIMITED });
        let client = world.connect(tenant).await;
        let rows = |n: u32| format!("SELECT repeat('x', 1000) FROM generate_series(1, {n})");
        // Each statement has the whole of it.
        client.batch_execute(&[rows(50), rows(50), rows(50)].join(";")).await.unwrap();
        let error = client.batch_execute(&rows(1_000)).await.unwrap_err();
        assert_eq!(code(&error), "54000", "{tenant}");
        assert!(client.is_closed() || client.query("SELECT 1", &[]).await.is_err());
        let client = world.connect(tenant).await;
        client.batch_execute(&format!("SELECT '{}'", "y".repeat(9_000))).await.unwrap();
        let error = client.batch_execute(&format!("SELECT '{}'", "y".repeat(11_000))).await.unwrap_err();
        assert_eq!(code(&error), "54000", "{tenant}");
        world.connect(other).await.batch_execute(&rows(1_000)).await.unwrap();
    }
    world.close().await;
}
