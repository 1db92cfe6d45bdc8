//! Who is served next, against a real server: by order and by count, never by the clock.

use crate::protocol::until;
use crate::raw::{Raw, sqlstate};
use crate::world::{TENANTS, World};
use std::sync::Arc;
use tenantry_core::{DatabaseId, DatabaseRoute, Limits, RouteChange, TenancyModel};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{DataRow, tag};
use tenantry_wire::frontend;

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

pub(crate) fn limit(world: &World, tenant: &str, limits: Limits) {
    let id = TENANTS.iter().find(|(_, key, _)| *key == tenant).unwrap().0;
    world.change(id, |route| route.limits = limits);
}

/// The ids of shared tables come from one sequence: they tell in which order the rows were written.
const WRITE: &str = "INSERT INTO notes DEFAULT VALUES RETURNING id";

/// Lets so many of a tenant's clients write, while the one connection is in use, until all but one wait: of a queue of that
/// length, the one too many is refused. Returns those that wait.
async fn crowd(world: &World, tenant: &str, waiting: u32) -> Vec<Raw> {
    let mut clients = Vec::new();
    for _ in 0..=waiting {
        clients.push(Raw::login(world, tenant).await);
    }
    limit(world, tenant, Limits { queue_length: waiting, ..Limits::UNLIMITED });
    clients
}

/// Sends the statement from all of them, and takes out the one that was refused.
async fn write(clients: &mut Vec<Raw>) {
    for client in &mut *clients {
        frontend::query(&mut client.out, WRITE);
        client.flush().await;
    }
    let refusals: Vec<_> = clients.iter_mut().map(|client| Box::pin(client.message())).collect();
    let ((first, body), index, rest) = {
        let (message, index, rest) = futures_util::future::select_all(refusals).await;
        (message.unwrap(), index, rest)
    };
    drop(rest);
    assert_eq!(sqlstate(&[(first, body)]).as_deref(), Some("53400"));
    clients.remove(index);
}

async fn written(client: &mut Raw) -> i64 {
    let messages = client.until_ready().await;
    let (_, row) = messages.iter().find(|(tag, _)| *tag == tag::DATA_ROW).expect("it was written");
    std::str::from_utf8(DataRow::decode(row).unwrap().get(0).unwrap()).unwrap().parse().unwrap()
}

/// While a flood and a quiet tenant wait for the one connection.
pub(crate) async fn the_quiet_one_goes_first(world: &World) {
    let mut flood = crowd(world, "acme", 12).await;
    let mut quiet = crowd(world, "umbrella", 1).await;
    let holder = world.connect("acme").await;
    // It has had more of the server than a tenant may get ahead for the sake of a connection that is inside it.
    holder.batch_execute("BEGIN; SELECT pg_sleep(0.5)").await.unwrap();
    write(&mut flood).await;
    write(&mut quiet).await;
    holder.batch_execute("COMMIT").await.unwrap();
    let quiet = written(&mut quiet[0]).await;
    for client in &mut flood {
        assert!(written(client).await > quiet, "the one of the quiet tenant goes before all 12");
    }
}

#[tokio::test]
async fn a_flood_waits_behind_itself() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        the_quiet_one_goes_first(&world).await;
        world.close().await;
    }
}

#[tokio::test]
async fn who_leaves_while_waiting_is_forgotten_unless_it_said_goodbye() {
    let world = World::narrow(newest()).await;
    let mut crowd = crowd(&world, "acme", 4).await;
    let holder = world.connect("acme").await;
    holder.batch_execute("BEGIN; SELECT 1").await.unwrap();
    write(&mut crowd).await;
    let mut polite = crowd.pop().unwrap();
    frontend::terminate(&mut polite.out);
    polite.flush().await;
    drop((polite, crowd));
    world.until_clients(2).await;
    holder.batch_execute("COMMIT").await.unwrap();
    world.until_clients(1).await;
    let written: i64 = holder.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
    assert_eq!(written, 1, "what the polite one wrote, and nothing of the three that were lost");
    world.close().await;
}

#[tokio::test]
async fn one_that_uses_nothing_gets_the_next_connection() {
    let world = World::with(newest(), 8, Config::default()).await;
    let mut flood = Vec::new();
    for _ in 0..7 {
        let client = world.connect("acme").await;
        client.batch_execute("BEGIN; SELECT 1").await.unwrap();
        flood.push(client);
    }
    // The eighth is kept for tenants without any.
    limit(&world, "acme", Limits { queue_wait_ms: 50, ..Limits::UNLIMITED });
    let eighth = crate::world::connect(&world.config("acme")).await.map(drop).unwrap_err();
    assert_eq!(eighth.code().unwrap().code(), "53400");
    for tenant in ["umbrella", "globex", "hooli"] {
        world.connect(tenant).await.query("SELECT 1", &[]).await.unwrap();
    }
    world.close().await;
}

#[tokio::test]
async fn a_tenant_s_own_database_keeps_nothing_back() {
    let world = World::with(newest(), 8, Config::default()).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let client = world.connect("initech").await;
        client.batch_execute("BEGIN; SELECT 1").await.unwrap();
        clients.push(client);
    }
    world.close().await;
}

fn change_database(world: &World, id: i32, change: impl Fn(&mut DatabaseRoute)) {
    world.routes.send_modify(|table| {
        let mut route = DatabaseRoute::clone(table.database(DatabaseId::new(id)).unwrap());
        change(&mut route);
        let change = RouteChange::Database(Arc::new(route));
        *table = Arc::new(table.with_changes(table.revision() + 1, [change]));
    });
}

#[tokio::test]
async fn a_server_s_connections_are_shared_by_its_databases() {
    let world = World::with(newest(), 4, Config::default()).await;
    let clients =
        [world.connect("acme").await, world.connect("initech").await, world.connect("tyrell").await];
    for id in 1..=3 {
        change_database(&world, id, |route| route.cluster_connections = 2);
    }
    let admin = world.postgres.connect("postgres").await.unwrap();
    let open = format!(
        "FROM pg_stat_activity WHERE usename LIKE 'login_gw%' AND datname IN ('{}')",
        world.databases().join("','")
    );
    // Each in turn: idle connections of the others make room.
    for _ in 0..3 {
        for client in &clients {
            client.query("SELECT 1", &[]).await.unwrap();
            until(&admin, &format!("SELECT count(*) <= 2 {open}")).await;
        }
    }
    // With both in use the third waits, and gets the first that is given back, of whichever database.
    for client in &clients[..2] {
        client.batch_execute("BEGIN; SELECT 1").await.unwrap();
    }
    limit(&world, "tyrell", Limits { queue_wait_ms: 50, ..Limits::UNLIMITED });
    assert_eq!(clients[2].query("SELECT 1", &[]).await.unwrap_err().code().unwrap().code(), "53400");
    limit(&world, "tyrell", Limits::UNLIMITED);
    let (waited, ()) = tokio::join!(clients[2].query("SELECT 1", &[]), async {
        clients[0].batch_execute("COMMIT").await.unwrap();
    });
    waited.unwrap();
    clients[1].batch_execute("COMMIT").await.unwrap();
    until(&admin, &format!("SELECT count(*) <= 2 {open}")).await;
    world.close().await;
}

#[tokio::test]
async fn a_pool_is_resized_without_a_new_connection() {
    let world = World::with(newest(), 2, Config::default()).await;
    let client = world.connect("acme").await;
    let pid = async || client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
    let before = pid().await;
    change_database(&world, 1, |route| route.max_connections = 7);
    assert_eq!(pid().await, before);
    let mut busy = Vec::new();
    for _ in 0..7 {
        let client = world.connect("umbrella").await;
        client.batch_execute("BEGIN; SELECT 1").await.unwrap();
        busy.push(client);
    }
    change_database(&world, 1, |route| route.max_connections = 1);
    for client in busy {
        client.batch_execute("COMMIT").await.unwrap();
    }
    client.query("SELECT 1", &[]).await.unwrap();
    let admin = world.admin_of(TenancyModel::Shared, 1).await;
    let open = "SELECT count(*) <= 1 FROM pg_stat_activity WHERE datname = current_database() \
                AND usename LIKE 'login_gw%'";
    until(&admin, open).await;
    world.close().await;
}

#[tokio::test]
async fn who_waits_already_gets_what_a_pool_has_more_of() {
    let world = World::with(newest(), 1, Config::default()).await;
    let mut waiting = crowd(&world, "acme", 1).await;
    let holder = world.connect("acme").await;
    holder.batch_execute("BEGIN; SELECT 1").await.unwrap();
    // That one of the two is refused says that the other waits. Nobody else comes and has the pool looked at.
    write(&mut waiting).await;
    change_database(&world, 1, |route| route.max_connections = 2);
    written(&mut waiting[0]).await;
    holder.batch_execute("COMMIT").await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn a_backend_that_has_seen_too_many_tenants_tables_is_replaced() {
    for (most, replaced) in [(1, true), (100, false)] {
        let config = Config { max_server_schemas: most, ..Config::default() };
        let world = World::with(newest(), 1, config).await;
        let (globex, hooli) = (world.connect("globex").await, world.connect("hooli").await);
        let mut pids = Vec::new();
        for _ in 0..2 {
            for client in [&globex, &hooli] {
                let row =
                    client.query_one("SELECT pg_backend_pid(), count(*) FROM notes", &[]).await.unwrap();
                pids.push(row.get::<_, i32>(0));
            }
        }
        assert_eq!(pids[0] != pids[3], replaced, "{pids:?}");
        world.close().await;
    }
}
