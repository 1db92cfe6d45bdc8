//! Who may log in now: logins that are shut, and clients that guess, flood or never say who they are.

use crate::raw::{Raw, sqlstate};
use crate::world::{World, connect};
use std::time::{Duration, SystemTime};
use tenantry_gateway::{Config, LoginLimits};
use tenantry_testkit::versions_for_tests;
use tenantry_wire::startup;
use tokio::net::{TcpSocket, TcpStream};
use tokio_postgres::Client;

fn code(result: Result<Client, tokio_postgres::Error>) -> String {
    let Err(error) = result else { panic!("the login was accepted") };
    error.code().unwrap_or_else(|| panic!("{error}")).code().to_owned()
}

#[tokio::test]
async fn a_login_that_is_shut_expired_or_full_is_refused_and_says_so_to_its_owner_alone() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let good = world.config("acme");
    let mut bad = good.clone();
    bad.password("wrong");
    let open = connect(&good).await.unwrap();
    world.change_login("app", |login| login.access.disabled = true);
    assert_eq!(code(connect(&good).await), "28000");
    assert_eq!(code(connect(&bad).await), "28P01");
    // Who is connected ends too.
    assert!(open.batch_execute("SELECT 1").await.is_err());
    #[expect(clippy::disallowed_methods, reason = "a login's end is a date on the wall")]
    let past = SystemTime::now() - Duration::from_secs(1);
    world.change_login("app", |login| {
        login.access.disabled = false;
        login.access.valid_until = Some(past);
    });
    assert_eq!(code(connect(&good).await), "28000");
    world.change_login("app", |login| {
        login.access.valid_until = Some(past + Duration::from_hours(1));
        login.access.max_connections = Some(2);
    });
    let clients = [connect(&good).await.unwrap(), connect(&good).await.unwrap()];
    assert_eq!(code(connect(&good).await), "53300");
    drop(clients);
    let retry = async {
        while connect(&good).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), retry).await.expect("places become free");
    world.close().await;
}

#[tokio::test]
async fn who_guesses_is_refused_and_who_was_here_before_is_not() {
    let logins = LoginLimits {
        failures_per_address: 3,
        failure_interval: Duration::from_hours(1),
        ..LoginLimits::default()
    };
    let world = World::with(versions_for_tests()[0], 2, Config { logins, ..Config::default() }).await;
    let app = world.config("acme");
    connect(&app).await.unwrap();
    let mut guess = world.config("acme");
    guess.user("bound").password("wrong");
    for _ in 0..3 {
        assert_eq!(code(connect(&guess).await), "28P01");
    }
    // Even the right password is not tried any more, nor for logins that do not exist.
    assert_eq!(code(connect(guess.password("wrong again")).await), "53400");
    assert_eq!(code(connect(guess.user("nobody")).await), "53400");
    connect(&app).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn a_flood_of_clients_that_never_say_who_they_are_is_bounded() {
    let logins = LoginLimits { max_unauthenticated: 40, ..LoginLimits::default() };
    let world = World::with(versions_for_tests()[0], 2, Config { logins, ..Config::default() }).await;
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..60 {
        // An address of its own: one may have half of the places.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], world.port()).into()).await.unwrap();
        let mut raw = Raw::over(stream);
        // Those that are let in wait for more; an answer is a refusal.
        if held.len() >= 20 {
            let message = raw.message().await.expect("it says why");
            assert_eq!(sqlstate(&[message]).as_deref(), Some("53300"));
            refused += 1;
        } else {
            held.push(raw);
        }
    }
    assert_eq!(refused, 40);
    let client = connect(&world.config("acme")).await.unwrap();
    client.batch_execute("SELECT 1").await.unwrap();
    drop(held);
    world.close().await;
}

#[tokio::test]
async fn first_packets_that_can_t_be_end_at_once_and_slow_ones_in_time() {
    let config = Config { login_timeout: Duration::from_millis(300), ..Config::default() };
    let world = World::with(versions_for_tests()[0], 2, config).await;
    let mut slow = Raw::open(&world).await;
    slow.out.extend_from_slice(&[0, 0]);
    slow.flush().await;
    let mut half = Raw::open(&world).await;
    startup::startup(&mut half.out, 0, [("user", "app"), ("database", "acme")]);
    half.flush().await;
    let mut long = bytes::BytesMut::new();
    startup::startup(&mut long, 0, [("user", "x".repeat(20_000).as_str())]);
    for packet in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 64],
        &[0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 9, 0, 3, 0, 0, b'x'],
        b"\0\0\0\x13\0\x03\0\0user\0a\0user\0",
        // TLS, which is off here.
        &[0x16, 3, 1, 0, 1, 0],
        &long[..],
    ] {
        let mut raw = Raw::over(TcpStream::connect(("127.0.0.1", world.port())).await.unwrap());
        raw.out.extend_from_slice(packet);
        raw.flush().await;
        let message = raw.message().await;
        assert!(message.is_none_or(|message| sqlstate(&[message]).is_some()), "{packet:?}");
        raw.end().await;
    }
    for raw in [&mut slow, &mut half] {
        raw.end().await;
    }
    world.close().await;
}
