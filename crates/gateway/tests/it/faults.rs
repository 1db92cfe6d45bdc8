//! Things break: backends, servers, gateways, and routes that are behind. Clear errors, no half-open sessions, and
//! never another tenant's connection.

mod backends;
mod ends;

use crate::protocol::until;
use crate::raw::Raw;
use crate::world::{PAIRS, TENANTS, World, connect};
use std::time::Duration;
use tenantry_core::{Epoch, TenantState};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::frontend;

const SLEEPING: &str =
    "FROM pg_stat_activity WHERE query LIKE '%leaver%' AND state = 'active' AND pid <> pg_backend_pid()";

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

#[tokio::test]
async fn a_killed_backend_ends_its_transaction_with_an_error_and_the_pool_goes_on() {
    let world = World::narrow(newest()).await;
    let admin = world.postgres.connect("postgres").await.unwrap();
    for (tenant, other) in PAIRS {
        let client = world.connect(tenant).await;
        client.batch_execute("BEGIN; INSERT INTO notes (id, body) VALUES (1, 'lost')").await.unwrap();
        let killed: i64 = admin
            .query_one(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'login_gw%'
                 AND state = 'idle in transaction' AND datname = ANY($1)",
                &[&world.databases()],
            )
            .await
            .unwrap()
            .get(0);
        assert_eq!(killed, 1);
        let error = client.batch_execute("INSERT INTO notes (id) VALUES (2)").await.unwrap_err();
        assert!(error.is_closed() || ["57P01", "08006"].contains(&error.code().unwrap().code()), "{error:?}");
        assert!(
            client.batch_execute("COMMIT").await.is_err(),
            "the session must not go on as if nothing had happened"
        );
        for tenant in [tenant, other] {
            let client = world.connect(tenant).await;
            let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
            assert_eq!(count, 0, "{tenant}");
        }
    }
    world.close().await;
}

#[tokio::test]
async fn idle_connections_that_died_cost_nobody_an_error() {
    let world = World::with(newest(), 4, Config::default()).await;
    let admin = world.postgres.connect("postgres").await.unwrap();
    for (_, tenant, _) in TENANTS {
        let client = world.connect(tenant).await;
        for _ in 0..3 {
            admin
                .execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY($1)",
                    &[&world.databases()],
                )
                .await
                .unwrap();
            let names =
                "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename LIKE 'login_gw%' AND datname IN ";
            until(&admin, &format!("{names}('{}')", world.databases().join("','"))).await;
            client.query("SELECT body FROM notes", &[]).await.unwrap();
        }
    }
    world.close().await;
}

#[tokio::test]
async fn a_gateway_that_vanishes_leaves_no_transaction_behind() {
    let world = World::narrow(newest()).await;
    let admin = world.postgres.connect("postgres").await.unwrap();
    let clients = [world.connect("acme").await, world.connect("initech").await];
    for client in &clients {
        client.batch_execute("BEGIN; INSERT INTO notes (id) VALUES (1)").await.unwrap();
    }
    let databases = world.databases();
    let (gateway, rest) = world.take_gateway();
    drop(gateway);
    for client in &clients {
        assert!(client.batch_execute("COMMIT").await.is_err());
    }
    let gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename LIKE 'login_gw%' AND datname IN ";
    until(&admin, &format!("{gone}('{}')", databases.join("','"))).await;
    for database in &databases[..2] {
        let admin = rest.postgres.connect(database).await.unwrap();
        let count: i64 = admin.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
        assert_eq!(count, 0);
    }
    rest.drop_databases().await;
}

#[tokio::test]
async fn a_route_that_is_behind_is_refused_by_the_database() {
    let world = World::narrow(newest()).await;
    for (id, tenant, model) in TENANTS {
        let client = world.connect(tenant).await;
        client.batch_execute("INSERT INTO notes (id) VALUES (1)").await.unwrap();
        let admin = world.admin_of(model, id).await;
        // A move has raised the epoch; the gateway has not heard of it, and is outside the tenant.
        world.change(id, |route| route.state = TenantState::Suspended);
        let fenced = "SELECT pg_try_advisory_xact_lock(tenancy.fence_key($1))";
        let fence = async {
            while !admin.query_one(fenced, &[&id]).await.unwrap().get::<_, bool>(0) {
                tokio::task::yield_now().await;
            }
        };
        // The idle connection that was inside the tenant has left by itself.
        tokio::time::timeout(Duration::from_secs(10), fence).await.expect("the fence becomes free");
        admin.execute("UPDATE tenancy.gate SET epoch = 2 WHERE tenant = $1", &[&id]).await.unwrap();
        world.change(id, |route| route.state = TenantState::Active);
        for sql in ["INSERT INTO notes (id) VALUES (2)", "SELECT body FROM notes"] {
            for simple in [true, false] {
                let outcome = if simple {
                    client.batch_execute(sql).await
                } else {
                    client.execute(sql, &[]).await.map(drop)
                };
                assert_eq!(outcome.unwrap_err().code().unwrap().code(), "57P03", "{model} {sql}");
            }
        }
        world.change(id, |route| route.placement.as_mut().unwrap().epoch = Epoch::new(2));
        let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
        assert_eq!(count, 1, "{model}: the stale writer wrote");
    }
    world.close().await;
}

#[tokio::test]
async fn a_fence_that_is_held_keeps_transactions_out() {
    let world = World::narrow(newest()).await;
    for (id, tenant, model) in TENANTS {
        let mut admin = world.admin_of(model, id).await;
        let tx = admin.transaction().await.unwrap();
        tx.execute("SELECT pg_advisory_xact_lock(tenancy.fence_key($1))", &[&id]).await.unwrap();
        let error = connect(&world.config(tenant)).await.map(drop).unwrap_err();
        assert_eq!(error.code().unwrap().code(), "57P03", "{model}");
        tx.rollback().await.unwrap();
        world.connect(tenant).await.query("SELECT 1", &[]).await.unwrap();
    }
    world.close().await;
}

/// A connection that goes to a waiter leaves the fence lock to the waiter's entry. Where that never comes, it must not be
/// held for as long as the connection is idle.
#[tokio::test]
async fn a_fence_that_was_left_to_a_waiter_who_went_away_is_given_up() {
    let config = Config { queue_timeout: Duration::from_millis(200), ..Config::default() };
    let world = World::with(newest(), 1, config).await;
    let (id, tenant, model) = TENANTS[0];
    let (holder, waiter) = (world.connect(tenant).await, world.connect("umbrella").await);
    holder.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let error = waiter.query("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "53400");
    holder.batch_execute("COMMIT").await.unwrap();
    let admin = world.admin_of(model, id).await;
    let fenced = "SELECT pg_try_advisory_lock(tenancy.fence_key($1))";
    let fence = async {
        while !admin.query_one(fenced, &[&id]).await.unwrap().get::<_, bool>(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), fence).await.expect("the fence becomes free");
    admin.execute("SELECT pg_advisory_unlock_all()", &[]).await.unwrap();
    // The connection is still good, for either.
    holder.query("SELECT 1", &[]).await.unwrap();
    waiter.query("SELECT 1", &[]).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn waiting_for_a_connection_is_bounded_in_time_and_number() {
    let config = Config { queue_timeout: Duration::from_millis(200), max_queue: 1, ..Config::default() };
    let world = World::with(newest(), 1, config).await;
    let (holder, waiter, third) =
        (world.connect("acme").await, world.connect("umbrella").await, world.connect("globex").await);
    holder.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let (waited, refused) = tokio::join!(waiter.query("SELECT 1", &[]), third.query("SELECT 1", &[]));
    for error in [waited.unwrap_err(), refused.unwrap_err()] {
        assert_eq!(error.code().unwrap().code(), "53400");
    }
    holder.batch_execute("COMMIT").await.unwrap();
    waiter.query("SELECT 1", &[]).await.unwrap();
    third.query("SELECT 1", &[]).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn a_shutdown_lets_transactions_finish_and_sends_idle_clients_away() {
    let world = World::with(newest(), 4, Config::default()).await;
    let (busy, idle) = (world.connect("acme").await, world.connect("globex").await);
    busy.batch_execute("BEGIN; INSERT INTO notes (id, body) VALUES (1, 'kept')").await.unwrap();
    idle.query("SELECT 1", &[]).await.unwrap();
    let port = world.port();
    let databases = world.databases();
    let (gateway, rest) = world.take_gateway();
    let stopping = tokio::spawn(gateway.shutdown(Duration::from_secs(20)));
    let error = loop {
        if let Err(error) = idle.query("SELECT 1", &[]).await {
            break error;
        }
    };
    assert!(error.is_closed() || error.code().unwrap().code() == "57P01", "{error:?}");
    // Whoever was knocking already is let in; nobody else is.
    let closed = async { while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(15), closed).await.expect("it stops listening");
    busy.batch_execute("COMMIT").await.unwrap();
    drop(busy);
    stopping.await.unwrap();
    let admin = rest.postgres.connect(&databases[0]).await.unwrap();
    let count: i64 =
        admin.query_one("SELECT count(*) FROM notes WHERE body = 'kept'", &[]).await.unwrap().get(0);
    assert_eq!(count, 1);
    drop(admin);
    rest.drop_databases().await;
}

#[tokio::test]
async fn a_server_that_goes_down_and_comes_back_is_used_again() {
    let postgres = tenantry_testkit::Postgres::start(tenantry_testkit::PostgresOptions {
        version: Some(newest()),
        ..Default::default()
    })
    .await
    .unwrap();
    let postgres: &'static tenantry_testkit::Postgres = Box::leak(Box::new(postgres));
    let world = World::on(postgres, 2, Config::default()).await;
    let client = world.connect("acme").await;
    let busy = world.connect("umbrella").await;
    client.batch_execute("INSERT INTO notes (id) VALUES (1)").await.unwrap();
    busy.batch_execute("BEGIN; INSERT INTO notes (id) VALUES (1)").await.unwrap();
    postgres.crash().await;
    assert!(busy.batch_execute("COMMIT").await.is_err(), "a commit that did not happen");
    let error = client.query("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "08006");
    assert!(error.as_db_error().unwrap().hint().is_some());
    postgres.restart().await.unwrap();
    // The session that was idle goes on as if nothing had been.
    let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
    assert_eq!(count, 1);
    let count: i64 =
        world.connect("umbrella").await.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
    assert_eq!(count, 0);
    world.close().await;
}

#[tokio::test]
async fn one_client_too_many_is_told_so() {
    let config = Config { max_clients: 2, ..Config::default() };
    let world = World::with(newest(), 2, config).await;
    let clients = [world.connect("acme").await, world.connect("globex").await];
    let error = connect(&world.config("initech")).await.map(drop).unwrap_err();
    assert_eq!(error.code().unwrap().code(), "53300");
    drop(clients);
    let retry = async {
        while connect(&world.config("initech")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), retry).await.expect("places become free");
    world.close().await;
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_statement_stops_it_and_frees_its_connection() {
    let world = World::narrow(newest()).await;
    let admin = world.postgres.connect("postgres").await.unwrap();
    for (tenant, other) in PAIRS {
        let mut raw = Raw::login(&world, tenant).await;
        frontend::query(&mut raw.out, "SELECT pg_sleep(60), 'leaver'");
        raw.flush().await;
        until(&admin, &format!("SELECT count(*) > 0 {SLEEPING}")).await;
        drop(raw);
        // The next tenant is not kept waiting for the statement's end, and the server is rid of it.
        world.connect(other).await.query("SELECT 1", &[]).await.unwrap();
        until(&admin, &format!("SELECT count(*) = 0 {SLEEPING}")).await;
    }
    world.close().await;
}
