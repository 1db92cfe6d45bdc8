//! The console, as PgBouncer's users and their tools use it.

use crate::world::{PASSWORD, World, connect};
use std::collections::HashMap;
use std::time::Duration;
use tenantry_gateway::{Config, Reloaded, Request, Shutdown};
use tenantry_testkit::versions_for_tests;
use tokio_postgres::{Client, SimpleQueryMessage};

async fn operator(world: &World) -> Client {
    let mut config = world.config("admin");
    config.user("operator");
    connect(&config).await.unwrap()
}

/// The rows of an answer, by column.
pub(crate) async fn ask(console: &Client, command: &str) -> Vec<HashMap<String, String>> {
    let messages = console.simple_query(command).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let cell = |row: &tokio_postgres::SimpleQueryRow, at: usize| row.get(at).unwrap_or("NULL").to_owned();
    rows.map(|row| {
        let columns = row.columns().iter().enumerate();
        columns.map(|(at, column)| (column.name().to_owned(), cell(row, at))).collect()
    })
    .collect()
}

fn number(row: &HashMap<String, String>, column: &str) -> u64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

async fn refused(console: &Client, command: &str) -> String {
    let error = console.simple_query(command).await.unwrap_err();
    error.code().unwrap().code().to_owned()
}

#[tokio::test]
async fn what_was_done_is_shown_in_columns_that_tools_know() {
    for version in versions_for_tests() {
        let world = World::with(version, 3, Config::default()).await;
        let console = operator(&world).await;
        let acme = world.connect("acme").await;
        for _ in 0..5 {
            acme.query("SELECT count(*) FROM notes", &[]).await.unwrap();
        }
        acme.query("SELECT 1/0", &[]).await.unwrap_err();
        // An error is there before its transaction has ended.
        acme.simple_query("").await.unwrap();
        world.connect("globex").await.simple_query("SELECT 1; SELECT 2").await.unwrap();

        let stats = ask(&console, "SHOW STATS").await;
        let pool = stats.iter().find(|row| row["database"].ends_with(&world.pool)).unwrap();
        // prepare, five executions, one failure, one of another tenant
        assert!(number(pool, "total_xact_count") >= 7, "{pool:?}");
        assert_eq!(number(pool, "total_query_count"), 7, "{pool:?}");
        for column in ["total_received", "total_sent", "total_xact_time", "avg_xact_time", "avg_wait_time"] {
            number(pool, column);
        }
        let tenants = ask(&console, "SHOW TENANTS").await;
        let of = |key: &str| tenants.iter().find(|row| row["tenant"] == key).unwrap();
        assert_eq!(number(of("acme"), "errors"), 1);
        assert_eq!((number(of("acme"), "statements"), number(of("globex"), "statements")), (5, 2));
        assert!(number(of("acme"), "bytes_received") > 0 && number(of("acme"), "bytes_sent") > 0);
        assert!(number(of("acme"), "server_share_percent") <= 100);
        assert_eq!(ask(&console, "SHOW LIMITS acme").await.len(), 1);

        let clients = ask(&console, "SHOW CLIENTS").await;
        let row = clients.iter().find(|row| row["tenant"] == "acme").unwrap();
        assert_eq!((&*row["user"], &*row["state"], &*row["type"]), ("app", "idle", "C"));
        let pools = ask(&console, "SHOW POOLS").await;
        assert!(pools.iter().any(|row| number(row, "sv_idle") >= 1 && row["maxwait"] == "0"), "{pools:?}");
        let servers = ask(&console, "SHOW SERVERS").await;
        assert!(
            servers.iter().all(|row| number(row, "remote_pid") > 0 && row["state"] == "idle"),
            "{servers:?}"
        );
        for show in [
            "STATS_TOTALS",
            "STATS_AVERAGES",
            "CONFIG",
            "DATABASES",
            "USERS",
            "LISTS",
            "VERSION",
            "STATE",
            "MEM",
            "HELP",
            "LOGINS",
        ] {
            assert!(!ask(&console, &format!("SHOW {show};")).await.is_empty(), "{show}");
        }
        assert!(ask(&console, "show moves").await.is_empty());
        world.close().await;
    }
}

#[tokio::test]
async fn the_extended_protocol_works_in_both_formats_and_fails_until_sync() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let console = operator(&world).await;
    // This driver asks for binary.
    let rows = console.query("SHOW LISTS", &[]).await.unwrap();
    let items: HashMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!((items["tenants"], items["workers"]), (6, 1));
    let statement = console.prepare("SHOW POOLS").await.unwrap();
    assert_eq!(statement.columns()[0].name(), "database");
    console.query(&statement, &[]).await.unwrap();
    assert_eq!(console.query("SELECT 1", &[]).await.unwrap_err().code().unwrap().code(), "42601");
    assert_eq!(console.execute("SET log_connections = on", &[]).await.unwrap(), 0);
    assert_eq!(console.query("SHOW VERSION", &[]).await.unwrap().len(), 1);
    world.close().await;
}

#[tokio::test]
async fn for_everybody_else_there_is_no_such_database() {
    let world = World::narrow(versions_for_tests()[0]).await;
    for database in ["admin", "pgbouncer"] {
        let error = connect(&world.config(database)).await.err().unwrap();
        assert_eq!(error.code().unwrap().code(), "3D000", "{database}");
    }
    let mut config = world.config("admin");
    config.user("operator").password("wrong");
    assert_eq!(connect(&config).await.err().unwrap().code().unwrap().code(), "28P01");
    // And whoever has the right acts for no tenant by it.
    config.password(PASSWORD).dbname("acme");
    assert_eq!(connect(&config).await.err().unwrap().code().unwrap().code(), "3D000");
    world.close().await;
}

#[tokio::test]
async fn a_pause_waits_for_what_is_open_and_holds_back_what_begins() {
    let world = World::with(versions_for_tests()[0], 3, Config::default()).await;
    let console = operator(&world).await;
    let mut acme = world.connect("acme").await;
    let umbrella = world.connect("umbrella").await;
    let open = acme.transaction().await.unwrap();
    open.query("SELECT 1", &[]).await.unwrap();
    let pausing = console.simple_query("PAUSE acme");
    tokio::pin!(pausing);
    // It is paused when the next transaction is held; until the open one is over the command is not done.
    let row = async {
        let other = operator(&world).await;
        while ask(&other, "SHOW TENANTS acme").await[0]["paused"] != "1" {}
    };
    tokio::select! {
        done = &mut pausing => panic!("paused with a transaction open: {done:?}"),
        () = row => {}
    }
    open.commit().await.unwrap();
    pausing.await.unwrap();
    umbrella.query("SELECT 1", &[]).await.unwrap();
    let held = acme.query("SELECT 1", &[]);
    tokio::pin!(held);
    let seen = async {
        while !ask(&console, "SHOW CLIENTS").await.iter().any(|row| row["state"] == "waiting") {}
        ask(&console, "RESUME acme").await
    };
    tokio::select! {
        biased;
        answered = &mut held => panic!("not held: {answered:?}"),
        _ = seen => {}
    }
    held.await.unwrap();
    assert_eq!(refused(&console, "RESUME acme").await, "55006");
    assert_eq!(refused(&console, "PAUSE nobody").await, "3D000");
    world.close().await;
}

#[tokio::test]
async fn clients_are_ended_one_by_one_or_by_tenant() {
    let world = World::with(versions_for_tests()[0], 3, Config::default()).await;
    let console = operator(&world).await;
    let (acme, other, globex) =
        (world.connect("acme").await, world.connect("acme").await, world.connect("globex").await);
    let clients = ask(&console, "SHOW CLIENTS").await;
    let id = &clients.iter().find(|row| row["tenant"] == "acme").unwrap()["id"];
    // In the middle of a statement, too, which is cancelled at the server.
    let sleeping = acme.query("SELECT pg_sleep(600)", &[]);
    let kill = async {
        while !ask(&console, "SHOW CLIENTS")
            .await
            .iter()
            .any(|row| &row["id"] == id && row["state"] == "active")
        {}
        console.simple_query(&format!("KILL_CLIENT {id}")).await.unwrap();
    };
    let (ended, ()) = tokio::join!(sleeping, kill);
    ended.unwrap_err();
    let admin = world.postgres.connect("postgres").await.unwrap();
    let running =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active'
                   AND datname = $1 AND pid <> pg_backend_pid()";
    while admin.query_one(running, &[&world.pool]).await.unwrap().get::<_, i64>(0) > 0 {}
    other.query("SELECT 1", &[]).await.unwrap();
    console.simple_query("KILL acme").await.unwrap();
    other.query("SELECT 1", &[]).await.unwrap_err();
    globex.query("SELECT 1", &[]).await.unwrap();
    console.simple_query("RESUME acme").await.unwrap();
    world.connect("acme").await.query("SELECT 1", &[]).await.unwrap();
    assert_eq!(refused(&console, "KILL_CLIENT 999999").await, "22023");
    world.close().await;
}

#[tokio::test]
async fn reconnect_replaces_server_connections() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let console = operator(&world).await;
    let acme = world.connect("acme").await;
    let pid = || async { acme.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0) };
    let before = pid().await;
    assert_eq!(pid().await, before);
    console.simple_query(&format!("RECONNECT {}", world.pool)).await.unwrap();
    assert_ne!(pid().await, before);
    world.close().await;
}

#[tokio::test]
async fn settings_change_while_it_runs_or_say_that_they_can_not() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let console = operator(&world).await;
    console.simple_query("SET max_client_conn = 1").await.unwrap();
    let error = connect(&world.config("acme")).await.err().unwrap();
    assert_eq!(error.code().unwrap().code(), "53300");
    console.simple_query("SET max_clients = 10").await.unwrap();
    world.connect("acme").await.query("SELECT 1", &[]).await.unwrap();
    assert_eq!(refused(&console, "SET workers = 3").await, "55P02");
    assert_eq!(refused(&console, "SET max_clients = many").await, "22023");
    assert_eq!(refused(&console, "SET nothing = 1").await, "42704");
    // Nobody reads a configuration here.
    assert_eq!(refused(&console, "RELOAD").await, "0A000");
    world.close().await;
}

#[tokio::test]
async fn the_owner_reloads_and_shuts_down_when_it_is_asked() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let console = operator(&world).await;
    let (gateway, rest) = world.take_gateway();
    let mut requests = gateway.requests().unwrap();
    let config = Config { max_clients: 7, workers: 9, ..Config::default() };
    let reloading = console.simple_query("RELOAD");
    let owner = async {
        let Some(Request::Reload(answer)) = requests.recv().await else { panic!("no request") };
        let reloaded = gateway.reload(&config);
        assert_eq!(reloaded.changed, ["max_clients"]);
        assert!(reloaded.needs_restart.contains(&"workers"), "{reloaded:?}");
        answer.send(Ok(Reloaded { changed: reloaded.changed, needs_restart: Vec::new() })).unwrap();
    };
    tokio::join!(async { reloading.await.unwrap() }, owner);
    let config = ask(&console, "SHOW CONFIG").await;
    assert!(config.iter().any(|row| row["key"] == "max_clients" && row["value"] == "7"));
    console.simple_query("SHUTDOWN WAIT_FOR_CLIENTS").await.unwrap();
    assert!(matches!(requests.recv().await, Some(Request::Shutdown(Shutdown::WaitForClients))));
    gateway.shutdown(Duration::from_secs(5)).await;
    rest.drop_databases().await;
}
