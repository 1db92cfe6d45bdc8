//! One of two gateways on a port is replaced by another.

use crate::world::{World, connect};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tenantry_gateway::{Config, Leaving};
use tenantry_testkit::versions_for_tests;

/// What one of many clients met: each connects, asks once and leaves, over and over.
async fn come_and_go(
    config: tokio_postgres::Config,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) -> Result<(), tokio_postgres::Error> {
    while !stop.load(Ordering::Relaxed) {
        let client = connect(&config).await?;
        client.simple_query("SELECT 1").await?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[tokio::test]
async fn replacing_one_of_two_gateways_fails_no_connection() {
    for version in versions_for_tests() {
        let config = Config { share_port: true, workers: 2, ..Config::default() };
        let world = World::with(version, 20, config.clone()).await;
        let b = world.another(config.clone());
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..8)
            .map(|_| tokio::spawn(come_and_go(world.config("acme"), Arc::clone(&stop), Arc::clone(&done))))
            .collect();
        // A client that stays quiet is closed when it is the gateway's time to leave.
        let some_done = |more: usize| {
            let done = Arc::clone(&done);
            async move {
                let until = done.load(Ordering::Relaxed) + more;
                while done.load(Ordering::Relaxed) < until {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        some_done(20).await;
        let (a, world) = world.take_gateway();
        let c = world.another(config.clone());
        for leaving in [a, b] {
            leaving.leave(Duration::from_secs(20), Leaving::QuietClients).await;
            leaving.shutdown(Duration::from_secs(20)).await;
            some_done(20).await;
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.unwrap().expect("no connection fails");
        }
        c.shutdown(Duration::from_secs(5)).await;
        world.drop_databases().await;
    }
}

#[tokio::test]
async fn a_port_is_shared_only_by_those_who_say_so() {
    let world = World::narrow(versions_for_tests()[0]).await;
    for (workers, share_port) in [(1, false), (2, false), (2, true)] {
        let config = Config { workers, share_port, ..Config::default() };
        assert!(world.try_another(config).is_err(), "{workers} workers");
    }
    world.close().await;
}

#[tokio::test]
async fn whoever_leaves_waits_for_clients_that_are_busy_or_want_to_stay() {
    let world = World::with(versions_for_tests()[0], 3, Config::default()).await;
    let client = world.connect("acme").await;
    let config = world.config("acme");
    let (gateway, rest) = world.take_gateway();
    let mut leaving = Box::pin(gateway.leave(Duration::from_mins(1), Leaving::ClientsThatWantTo));
    let refused = async { while connect(&config).await.is_ok() {} };
    tokio::select! {
        () = &mut leaving => panic!("left with a client there"),
        () = refused => {}
    }
    client.simple_query("SELECT 1").await.unwrap();
    drop(client);
    leaving.as_mut().await;
    drop(leaving);
    gateway.shutdown(Duration::from_secs(5)).await;
    rest.drop_databases().await;
}
