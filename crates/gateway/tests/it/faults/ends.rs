//! How a conversation ends when somebody goes away in the middle of it: what the client is told, what is finished, what is freed.

use super::newest;
use crate::protocol::until;
use crate::raw::Raw;
use crate::world::{PAIRS, World};
use bytes::BytesMut;
use tenantry_gateway::Config;
use tenantry_testkit::proxy::{Fault, Place, Plan, Proxy, Sender};
use tenantry_wire::backend::tag;
use tenantry_wire::{frame, frontend};

/// A row of 3 MiB: longer than all buffers on its way.
const LONG_ROW: &str = "SELECT repeat('x', 3 << 20)";

/// One of 64 MiB: longer than what kernels keep on the way, too, however much they are given.
const ENDLESS_ROW: &str = "SELECT repeat('x', 64 << 20)";

/// What has arrived of a row that was cut short: nothing but a beginning of it.
fn assert_is_beginning_of_row(rest: &[u8]) {
    let header = frame::peek(rest).unwrap().expect("the row's header");
    assert_eq!(header.tag, tag::DATA_ROW);
    assert!(rest.len() < header.len, "the row is whole");
    // A count of columns and a length stand in front of the value.
    let value = &rest[(frame::HEADER + 6).min(rest.len())..];
    assert!(value.iter().all(|byte| *byte == b'x'), "something else was put into the row");
}

#[tokio::test]
async fn a_row_that_is_cut_short_is_not_continued_with_an_error() {
    let world = World::narrow(newest()).await;
    let far = Proxy::to(world.postgres.host(), world.postgres.port()).await.unwrap();
    let port = far.port();
    world.change_databases(|route| route.port = port);
    for (tenant, _) in PAIRS {
        let mut raw = Raw::login(&world, tenant).await;
        frontend::query(&mut raw.out, "BEGIN");
        raw.until_ready().await;
        let place = Place::Tag(tag::DATA_ROW, 0);
        far.arm(Plan { sender: Sender::Server, place, fault: Fault::Truncate });
        frontend::query(&mut raw.out, LONG_ROW);
        raw.flush().await;
        assert_eq!(raw.message().await.unwrap().0, tag::ROW_DESCRIPTION);
        assert_is_beginning_of_row(&raw.rest().await);
        assert!(far.disarm());
    }
    world.close().await;
}

#[tokio::test]
async fn who_is_ended_in_the_middle_of_a_row_is_told_nothing_there() {
    let world = World::narrow(newest()).await;
    let mut console = Raw::console(&world).await;
    let mut raw = Raw::login(&world, "acme").await;
    frontend::query(&mut raw.out, ENDLESS_ROW);
    raw.flush().await;
    assert_eq!(raw.message().await.unwrap().0, tag::ROW_DESCRIPTION);
    // It reads no more than the beginning, so that the rest can't be on its way.
    assert_eq!(raw.next_tag().await, tag::DATA_ROW);
    frontend::query(&mut console.out, "KILL acme");
    console.until_ready().await;
    assert_is_beginning_of_row(&raw.rest().await);
    world.close().await;
}

#[tokio::test]
async fn who_leaves_while_something_of_theirs_still_waits_frees_the_connection() {
    let world = World::narrow(newest()).await;
    let admin = world.postgres.connect("postgres").await.unwrap();
    for (tenant, other) in PAIRS {
        let running = format!(
            "FROM pg_stat_activity WHERE query LIKE '%waits of {tenant}%' AND state = 'active' AND pid <> pg_backend_pid()"
        );
        let mut raw = Raw::login(&world, tenant).await;
        frontend::query(&mut raw.out, &format!("SELECT pg_sleep(300), 'waits of {tenant}'"));
        // What this means is known when the first has been answered.
        frontend::query(&mut raw.out, "SELECT 2");
        raw.flush().await;
        until(&admin, &format!("SELECT count(*) > 0 {running}")).await;
        drop(raw);
        until(&admin, &format!("SELECT count(*) = 0 {running}")).await;
        world.connect(other).await.query("SELECT 1", &[]).await.unwrap();
    }
    world.close().await;
}

#[tokio::test]
async fn what_was_sent_before_a_goodbye_is_finished() {
    let world = World::narrow(newest()).await;
    for (tenant, _) in PAIRS {
        let mut raw = Raw::login(&world, tenant).await;
        let mut goodbye = BytesMut::new();
        frontend::terminate(&mut goodbye);
        frontend::query(&mut raw.out, "SELECT pg_sleep(0.3)");
        frontend::query(&mut raw.out, "INSERT INTO notes (slug) VALUES ('said before')");
        raw.out.extend_from_slice(&goodbye);
        raw.flush().await;
        drop(raw);
        let client = world.connect(tenant).await;
        until(&client, "SELECT count(*) = 1 FROM notes WHERE slug = 'said before'").await;
    }
    world.close().await;
}

/// Kernels ask a silent peer's machine whether it is there; `/proc/net/tcp` shows the timer for it. Linux tells; the tests run
/// nowhere else.
#[tokio::test]
async fn a_peer_that_vanishes_without_a_word_is_asked_for_on_both_sides() {
    let world = World::with(newest(), 1, Config::default()).await;
    let far = Proxy::to(world.postgres.host(), world.postgres.port()).await.unwrap();
    let port = far.port();
    world.change_databases(|route| route.port = port);
    let client = world.connect("acme").await;
    client.batch_execute("SELECT 1").await.unwrap();
    let asked = |of: &dyn Fn(&str, &str) -> bool| {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let rows: Vec<Vec<String>> = sockets
            .lines()
            .skip(1)
            .map(|line| line.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .filter(|row| row[3] == "01" && of(&row[1], &row[2]))
            .collect();
        assert!(!rows.is_empty(), "no such connection");
        // 02 is the timer of a connection that is kept alive; 01 one that resends, and turns into it.
        rows.iter().all(|row| row[5].starts_with("02:"))
    };
    let hex = |port: u16| format!(":{port:04X}");
    let (near, far) = (hex(world.port()), hex(port));
    let both = async {
        while !(asked(&|local, _| local.ends_with(&near)) && asked(&|_, remote| remote.ends_with(&far))) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), both).await.expect("both sides are asked for");
    drop(client);
    world.close().await;
}
