//! The proxy that breaks connections: it counts messages as PostgreSQL does, and each fault looks to both sides like what it
//! stands for.

use bytes::BytesMut;
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tenantry_testkit::proxy::{ANSWER, FIRST, Fault, Place, Plan, Proxy, Seen, Sender};
use tenantry_wire::{backend, frontend, startup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Both ends of a connection through a proxy.
struct Ends {
    proxy: Proxy,
    client: TcpStream,
    server: TcpStream,
    listener: TcpListener,
}

async fn ends() -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to("127.0.0.1", listener.local_addr().unwrap().port()).await.unwrap();
    let client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    Ends { proxy, client, server, listener }
}

fn packet() -> BytesMut {
    let mut out = BytesMut::new();
    startup::startup(&mut out, 0, [("user", "app")]);
    out
}

/// Everything up to the end of the stream, and how it ended.
async fn to_the_end(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut all = Vec::new();
    let reading = stream.read_to_end(&mut all);
    let end = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("it ends");
    (all, end.err().map(|error| error.kind()))
}

fn tags(proxy: &Proxy, of: Sender) -> Vec<u8> {
    proxy.seen().into_iter().filter(|Seen { sender, .. }| *sender == of).map(|seen| seen.tag).collect()
}

#[tokio::test]
async fn messages_are_told_apart_however_they_are_cut_up() {
    let Ends { proxy, mut client, mut server, .. } = ends().await;
    let mut sent = BytesMut::new();
    startup::ssl_request(&mut sent);
    client.write_all(&sent).await.unwrap();
    let mut got = vec![0; sent.len()];
    server.read_exact(&mut got).await.unwrap();
    server.write_all(b"N").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'N');
    let mut sent = packet();
    frontend::query(&mut sent, &"x".repeat(100_000));
    frontend::sync(&mut sent);
    frontend::sync(&mut sent);
    let mut got = vec![0; sent.len()];
    // One byte at a time at first, all the rest at once.
    for byte in &sent[..60] {
        client.write_all(&[*byte]).await.unwrap();
    }
    let (written, read) = tokio::join!(client.write_all(&sent[60..]), server.read_exact(&mut got));
    written.unwrap();
    read.unwrap();
    assert_eq!(got, sent);
    let mut answer = BytesMut::new();
    backend::authentication_ok(&mut answer);
    backend::ready_for_query(&mut answer, backend::TransactionStatus::Idle);
    server.write_all(&answer).await.unwrap();
    drop(server);
    assert_eq!(to_the_end(&mut client).await, (answer.to_vec(), None));
    assert_eq!(tags(&proxy, Sender::Client), [FIRST, FIRST, b'Q', b'S', b'S']);
    assert_eq!(tags(&proxy, Sender::Server), [ANSWER, b'R', b'Z']);
}

#[tokio::test]
async fn each_fault_is_what_it_is_called_on_both_sides_and_strikes_once() {
    let first = packet();
    let mut query = BytesMut::new();
    frontend::query(&mut query, "SELECT 1");
    let half = query.len() / 2;
    for (fault, passed, error) in [
        (Fault::Cut, 0, None),
        (Fault::Truncate, half, None),
        (Fault::Reset, 0, Some(ErrorKind::ConnectionReset)),
    ] {
        let Ends { proxy, mut client, mut server, listener } = ends().await;
        proxy.arm(Plan { sender: Sender::Client, place: Place::Tag(b'Q', 1), fault });
        client.write_all(&[&first[..], &query].concat()).await.unwrap();
        let mut got = vec![0; first.len() + query.len()];
        server.read_exact(&mut got).await.unwrap();
        let mut struck = proxy.struck();
        client.write_all(&query).await.unwrap();
        struck.wait_for(|n| *n == 1).await.unwrap();
        let (rest, ended) = to_the_end(&mut server).await;
        assert_eq!((rest.len(), ended), (passed, error), "{fault:?}");
        assert_eq!(to_the_end(&mut client).await.1, error, "{fault:?}");
        assert!(proxy.disarm());
        // The next connection is none of its business.
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(&[&first[..], &query, &query].concat()).await.unwrap();
        drop(client);
        assert_eq!(to_the_end(&mut server).await.0.len(), first.len() + 2 * query.len());
    }
}

#[tokio::test]
async fn what_stalls_looks_alive_until_a_side_gives_up_and_what_is_late_arrives() {
    let Ends { proxy, mut client, mut server, .. } = ends().await;
    let mut query = packet();
    frontend::query(&mut query, "SELECT 1");
    let late = Duration::from_millis(50);
    proxy.arm(Plan { sender: Sender::Client, place: Place::Nth(1), fault: Fault::Delay(late) });
    let began = Instant::now();
    client.write_all(&query).await.unwrap();
    let mut got = vec![0; query.len()];
    server.read_exact(&mut got).await.unwrap();
    assert!(got == query && began.elapsed() >= late);
    proxy.arm(Plan { sender: Sender::Server, place: Place::Nth(1), fault: Fault::Stall });
    let mut struck = proxy.struck();
    let mut answer = BytesMut::new();
    backend::parse_complete(&mut answer);
    backend::bind_complete(&mut answer);
    server.write_all(&answer).await.unwrap();
    struck.wait_for(|n| *n == 2).await.unwrap();
    let mut got = [0; 5];
    client.read_exact(&mut got).await.unwrap();
    assert_eq!(got[0], b'1');
    // The other direction goes on.
    client.write_all(b"S\0\0\0\x04").await.unwrap();
    server.read_exact(&mut got).await.unwrap();
    assert_eq!(got[0], b'S');
    drop(client);
    assert_eq!(to_the_end(&mut server).await, (Vec::new(), None));
}
