//! Many clients, slow clients, clients that do not read, and lengths that can't be.

use super::newest;
use crate::protocol::until;
use crate::raw::{Raw, sqlstate};
use crate::world::{World, connect};
use std::net::SocketAddr;
use std::time::Duration;
use tenantry_gateway::{Config, LoginLimits};
use tenantry_wire::{frame, frontend, startup};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

/// Both ends of each connection are in this process, which may have few files.
const CROWD: usize = 2_000;
/// What is kept for everything else in it.
const SPARE_FILES: u64 = 600;

/// As many as there can be.
fn crowd() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What is there must do, then.
    setrlimit(Resource::Nofile, limit).ok();
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX).saturating_sub(SPARE_FILES) / 2;
    CROWD.min(usize::try_from(files).unwrap_or(CROWD))
}

async fn from(address: &str, port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap()
}

/// A login may take little time in these tests; on a busy machine it is tried again.
async fn patiently(world: &World) -> tokio_postgres::Client {
    let trying = async {
        loop {
            if let Ok(client) = connect(&world.config("acme")).await {
                return client;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), trying).await.expect("a login")
}

#[tokio::test]
async fn thousands_who_never_log_in_are_let_go_in_time_and_others_are_served() {
    let crowd = crowd();
    let logins = LoginLimits { max_unauthenticated: 2 * crowd, ..LoginLimits::default() };
    let config =
        Config { login_timeout: Duration::from_secs(3), logins, max_clients: 2 * crowd, ..Config::default() };
    let world = World::with(newest(), 2, config).await;
    let mut held = Vec::with_capacity(crowd);
    for n in 0..crowd {
        let mut stream = from("127.0.0.3", world.port()).await;
        // Some say nothing, others begin.
        if n % 2 == 0 {
            // A slow machine may have let it go already.
            stream.write_all(&[0, 0, 1]).await.ok();
        }
        held.push(Raw::over(stream));
    }
    let client = patiently(&world).await;
    client.batch_execute("SELECT 1").await.unwrap();
    for raw in &mut held {
        raw.end().await;
    }
    client.batch_execute("SELECT 1").await.unwrap();
    drop(held);
    world.until_clients(1).await;
    world.close().await;
}

/// The deadline is for the login, not for each byte of it.
#[tokio::test]
async fn who_sends_a_byte_now_and_then_has_no_more_time_than_others() {
    let config = Config { login_timeout: Duration::from_millis(500), ..Config::default() };
    let world = World::with(newest(), 1, config).await;
    let mut packet = bytes::BytesMut::new();
    startup::startup(&mut packet, 0, [("user", "app"), ("database", "acme")]);
    let mut message = bytes::BytesMut::new();
    frontend::sasl_initial(&mut message, "SCRAM-SHA-256", &b"n,,n=,r=".repeat(200));
    for (before, slowly) in [(&b""[..], &packet[..]), (&packet[..], &message[..])] {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port())).await.unwrap();
        stream.write_all(before).await.unwrap();
        let dripping = async {
            for byte in slowly.iter().cycle().take(slowly.len() - 1).chain(std::iter::repeat(&0)) {
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // In time for the whole to have arrived it is over.
        tokio::time::timeout(Duration::from_secs(20), dripping).await.expect("the connection is closed");
    }
    patiently(&world).await.batch_execute("SELECT 1").await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn lengths_that_can_t_be_end_their_own_session_alone() {
    const TYPES: &[u8] = b"QPBDECSHFdcfXp?\0\xff";
    const LENGTHS: [u32; 8] = [0, 1, 3, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x4000_0000];
    let config = Config { max_message_bytes: 1 << 20, ..Config::default() };
    let world = World::with(newest(), 1, config).await;
    let neighbour = world.connect("umbrella").await;
    for tag in TYPES {
        for length in LENGTHS {
            // Just so long may a piece of COPY data be.
            if (*tag, length) == (b'd', 0x4000_0000) {
                continue;
            }
            let mut raw = Raw::login(&world, "acme").await;
            raw.out.extend_from_slice(&[&[*tag], &length.to_be_bytes()[..]].concat());
            // Should the first be a message after all, this is what follows it.
            frontend::sync(&mut raw.out);
            frontend::terminate(&mut raw.out);
            raw.flush().await;
            let rest = raw.rest().await;
            let mut messages = frame::frames(&rest);
            for message in messages.by_ref() {
                let message = message.unwrap();
                let told = sqlstate(&[(message.tag, message.body.into())]);
                let known = [None, Some("08P01"), Some("54000"), Some("42601")];
                assert!(known.contains(&told.as_deref()), "{tag} {length}: {told:?}");
            }
            assert!(messages.left().is_empty(), "{tag} {length}");
        }
        neighbour.query("SELECT 1", &[]).await.unwrap();
    }
    world.close().await;
}

#[tokio::test]
async fn who_never_reads_makes_its_own_server_wait_and_nobody_remember() {
    let world = World::with(newest(), 2, Config::default()).await;
    let admin = world.postgres.connect("postgres").await.unwrap();
    let before = super::bounds::resident_bytes();
    let mut raw = Raw::login(&world, "acme").await;
    frontend::query(&mut raw.out, "SELECT repeat('never read', 1000) FROM generate_series(1, 1000000)");
    raw.flush().await;
    let running = "FROM pg_stat_activity WHERE query LIKE '%never read%' AND pid <> pg_backend_pid()";
    until(&admin, &format!("SELECT count(*) > 0 {running} AND wait_event = 'ClientWrite'")).await;
    let growth = super::bounds::resident_bytes().saturating_sub(before);
    assert!(growth < super::bounds::GROWTH_LIMIT_BYTES, "{growth} bytes more");
    world.connect("umbrella").await.query("SELECT 1", &[]).await.unwrap();
    drop(raw);
    until(&admin, &format!("SELECT count(*) = 0 {running}")).await;
    world.close().await;
}
