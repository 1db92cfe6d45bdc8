//! Cancel requests that reach another gateway than the one whose client they are for.

use crate::protocol::until;
use crate::raw::{Raw, sqlstate};
use crate::world::World;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tenantry_gateway::{CancelConfig, Config};
use tenantry_testkit::versions_for_tests;
use tenantry_wire::startup::{self, CancelKey};
use tenantry_wire::{frontend, startup::NEWEST_MINOR};
use tokio::net::TcpStream;
use tokio_postgres::Client;

/// Waits until the statement runs, and nothing has stopped it.
async fn until_it_sleeps(world: &World, admin: &Client) {
    let running = format!(
        "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND datname = '{}'",
        world.pool
    );
    until(admin, &running).await;
}

fn listener() -> (Arc<TcpListener>, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (Arc::new(listener), address)
}

fn numbered(number: u16, listener: Arc<TcpListener>) -> Config {
    let cancel = CancelConfig { number, listener: Some(listener), peers: BTreeMap::new() };
    Config { cancel, ..Config::default() }
}

/// Sends a cancel request, and waits until the gateway has done with it.
pub(crate) async fn cancel(port: u16, key: &CancelKey) {
    let mut raw = Raw::over(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    startup::cancel_request(&mut raw.out, key);
    raw.flush().await;
    assert!(raw.message().await.is_none());
}

#[tokio::test]
async fn a_cancel_finds_its_session_at_another_gateway_and_a_forged_one_does_not() {
    let (first, first_peer) = listener();
    let (second, second_peer) = listener();
    let world = World::with(versions_for_tests()[0], 2, numbered(1, first)).await;
    world.routes.send_modify(|table| {
        *table = Arc::new(table.with_peers(BTreeMap::from([(1, first_peer), (2, second_peer)])));
    });
    let config = Config { listen: vec!["127.0.0.1:0".parse().unwrap()], ..numbered(2, second) };
    let other = world.beside(config);
    let other_port = other.local_addrs()[0].port();
    let admin = world.postgres.connect("postgres").await.unwrap();
    for (minor, secret_bytes) in [(0, 4), (NEWEST_MINOR, 32)] {
        let mut raw = Raw::login_speaking(&world, "acme", minor).await;
        assert_eq!(raw.key.secret.len(), secret_bytes);
        frontend::query(&mut raw.out, "SELECT pg_sleep(60)");
        raw.flush().await;
        until_it_sleeps(&world, &admin).await;
        let mut forged = vec![raw.key.clone(), raw.key.clone()];
        *forged[0].secret.last_mut().unwrap() ^= 1;
        forged[1].pid ^= 1;
        if minor > 0 {
            // The part that is as long as an old key is not one.
            let short = raw.key.secret[..4].into();
            forged.push(CancelKey { pid: raw.key.pid, secret: short });
        }
        for key in &forged {
            for port in [world.port(), other_port] {
                cancel(port, key).await;
            }
        }
        until_it_sleeps(&world, &admin).await;
        cancel(other_port, &raw.key).await;
        assert_eq!(sqlstate(&raw.until_ready().await).as_deref(), Some("57014"), "3.{minor}");
        // A late one finds nothing to hit, and what follows is not hit.
        cancel(other_port, &raw.key).await;
        frontend::query(&mut raw.out, "SELECT 1");
        assert_eq!(sqlstate(&raw.until_ready().await), None);
    }
    other.shutdown(Duration::from_secs(5)).await;
    world.close().await;
}

/// Whoever connects to where gateways take each other's requests, and does not know the deployment's secret, gets nowhere.
#[tokio::test]
async fn a_stranger_is_not_taken_for_a_gateway() {
    let (own, peer) = listener();
    let world = World::with(versions_for_tests()[0], 2, numbered(1, own)).await;
    let mut raw = Raw::login(&world, "acme").await;
    let admin = world.postgres.connect("postgres").await.unwrap();
    frontend::query(&mut raw.out, "SELECT pg_sleep(60)");
    raw.flush().await;
    until_it_sleeps(&world, &admin).await;
    for garbage in [&[0; 36][..], &[0xff; 4_096], &[]] {
        let mut stranger = Raw::over(TcpStream::connect(peer).await.unwrap());
        stranger.out.extend_from_slice(&raw.key.pid.to_be_bytes());
        stranger.out.extend_from_slice(garbage);
        stranger.flush().await;
        stranger.end().await;
    }
    until_it_sleeps(&world, &admin).await;
    cancel(world.port(), &raw.key).await;
    assert_eq!(sqlstate(&raw.until_ready().await).as_deref(), Some("57014"));
    world.close().await;
}
