//! Several workers keep to one limit, and a client gets a connection that is free whatever worker it came to: the kernel spreads
//! clients as it likes.

use crate::fairness::{limit, the_quiet_one_goes_first};
use crate::world::{PAIRS, TENANTS, World};
use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::time::Duration;
use tenantry_core::Limits;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tokio_postgres::Client;

const WORKERS: usize = 4;

fn several() -> Config {
    Config { workers: WORKERS, ..Config::default() }
}

async fn clients(world: &World, tenant: &str, count: usize) -> Vec<Client> {
    join_all((0..count).map(|_| world.connect(tenant))).await
}

async fn run(client: &Client, simple: bool, sql: &str) -> Result<(), tokio_postgres::Error> {
    if simple { client.simple_query(sql).await.map(drop) } else { client.query(sql, &[]).await.map(drop) }
}

fn tenants() -> impl Iterator<Item = &'static str> {
    PAIRS.into_iter().map(|(tenant, _)| tenant)
}

/// An administrator's connection to the tenant's database.
async fn database_of(world: &World, tenant: &str) -> Client {
    let (id, _, model) = TENANTS.into_iter().find(|(_, key, _)| *key == tenant).unwrap();
    world.admin_of(model, id).await
}

/// Of 16 clients each four that come one after the other are on whatever workers; there are four connections.
#[tokio::test]
async fn as_many_transactions_run_as_the_limit_says_wherever_their_clients_are() {
    for version in versions_for_tests() {
        let world = World::with(version, 4, several()).await;
        for tenant in tenants() {
            let database = database_of(&world, tenant).await;
            let clients = clients(&world, tenant, 16).await;
            limit(&world, tenant, Limits { queue_wait_ms: 2_000, ..Limits::UNLIMITED });
            for (index, four) in clients.chunks(4).enumerate() {
                let simple = index % 2 == 0;
                for client in four {
                    client.simple_query("BEGIN").await.unwrap();
                    run(client, simple, "SELECT 1")
                        .await
                        .unwrap_or_else(|error| panic!("{tenant}: {error:?}"));
                }
                limit(&world, tenant, Limits { queue_wait_ms: 20, ..Limits::UNLIMITED });
                let fifth = &clients[(index * 4 + 5) % 16];
                let refused = run(fifth, simple, "SELECT 1").await.unwrap_err();
                assert_eq!(refused.code().unwrap().code(), "53400", "{tenant}");
                limit(&world, tenant, Limits { queue_wait_ms: 2_000, ..Limits::UNLIMITED });
                let open = "SELECT count(*) FROM pg_stat_activity
                            WHERE usename LIKE 'login_gw%' AND datname = current_database()";
                assert_eq!(database.query_one(open, &[]).await.unwrap().get::<_, i64>(0), 4, "{tenant}");
                for client in four {
                    client.simple_query("COMMIT").await.unwrap();
                }
            }
        }
        world.close().await;
    }
}

/// The statements are prepared once on the one connection, whoever runs them.
#[tokio::test]
async fn one_connection_serves_everybody_in_turn_and_keeps_what_is_prepared_on_it() {
    for version in versions_for_tests() {
        let config = Config { queue_timeout: Duration::from_mins(1), ..several() };
        let world = World::with(version, 1, config).await;
        for tenant in tenants() {
            // Nobody may look at them, but for this test.
            let look = "GRANT SELECT ON pg_prepared_statements TO PUBLIC;
                        GRANT EXECUTE ON FUNCTION pg_prepared_statement() TO PUBLIC";
            database_of(&world, tenant).await.batch_execute(look).await.unwrap();
            let clients = clients(&world, tenant, 8).await;
            let served = join_all(clients.iter().map(async |client| {
                let sql = format!(
                    "SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements \
                     WHERE statement LIKE '%once for {tenant}%')"
                );
                let statement = client.prepare(&sql).await.unwrap();
                let mut seen = BTreeSet::<(i32, i64)>::new();
                for _ in 0..25 {
                    let row = client.query_one(&statement, &[]).await.unwrap();
                    seen.insert((row.get(0), row.get(1)));
                }
                seen
            }))
            .await;
            let seen: BTreeSet<(i32, i64)> = served.into_iter().flatten().collect();
            assert_eq!(
                seen.len(),
                1,
                "{tenant}: it moved, and nothing was opened or prepared anew: {seen:?}"
            );
            assert_eq!(seen.first().unwrap().1, 1, "{tenant}");
        }
        world.close().await;
    }
}

#[tokio::test]
async fn a_quiet_tenant_goes_before_a_flood_on_whatever_worker() {
    for version in versions_for_tests() {
        let world = World::with(version, 1, several()).await;
        for _ in 0..4 {
            the_quiet_one_goes_first(&world).await;
            limit(&world, "acme", Limits::UNLIMITED);
            limit(&world, "umbrella", Limits::UNLIMITED);
        }
        world.close().await;
    }
}

/// A tenant that has all it may have: whoever gives one back lets others of its clients go, wherever they wait.
#[tokio::test]
async fn a_tenant_at_its_limit_is_served_on_every_worker() {
    for version in versions_for_tests() {
        let config = Config { queue_timeout: Duration::from_mins(1), ..several() };
        let world = World::with(version, 4, config).await;
        for tenant in tenants() {
            limit(&world, tenant, Limits { connections: 2, ..Limits::UNLIMITED });
            let clients = clients(&world, tenant, 12).await;
            join_all(clients.iter().enumerate().map(async |(index, client)| {
                for _ in 0..20 {
                    client.simple_query("BEGIN").await.unwrap();
                    run(client, index % 2 == 0, "SELECT count(*) FROM notes").await.unwrap();
                    client.simple_query("COMMIT").await.unwrap();
                }
            }))
            .await;
        }
        world.close().await;
    }
}

#[tokio::test]
async fn a_connection_that_broke_on_its_way_is_replaced() {
    for version in versions_for_tests() {
        let world = World::with(version, 1, several()).await;
        let admin = world.postgres.connect("postgres").await.unwrap();
        let clients = clients(&world, "initech", 8).await;
        for client in clients.iter().cycle().take(24) {
            let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
            admin.execute("SELECT pg_terminate_backend($1, 10000)", &[&pid]).await.unwrap();
        }
        world.close().await;
    }
}
