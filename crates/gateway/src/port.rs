//! Listening, and leaving a port to others without refusing anybody.
//!
//! Several listeners may share a port (`SO_REUSEPORT`); the kernel gives each new connection to one of them. Whoever closes
//! its listener resets what waits in its queue, and what is in the middle of a handshake with it. So a listener that leaves
//! first turns new handshakes away without an answer: the client's kernel tries again a second later and finds another
//! listener. What had begun is accepted for a moment longer; then the listener is closed.

use crate::config::Config;
use crate::error::GatewayError;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// How long a worker waits before it accepts again after `accept` failed (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const LISTEN_BACKLOG: i32 = 1_024;
/// How long handshakes that have begun may take to end when the port is left. More than a round trip around the world.
const HANDSHAKES_END: Duration = Duration::from_millis(300);

/// One set of listeners a worker, and the addresses. With several workers the kernel spreads connections.
pub(crate) fn listen(config: &Config) -> Result<(Vec<Vec<TcpListener>>, Vec<SocketAddr>), GatewayError> {
    let workers = config.workers.max(1);
    let shared = config.share_port || workers > 1;
    let mut actual = Vec::new();
    let mut per_worker: Vec<Vec<TcpListener>> = (0..workers).map(|_| Vec::new()).collect();
    for addr in &config.listen {
        let mut bound = *addr;
        if shared && !config.share_port {
            refuse_company(bound)?;
        }
        for listeners in &mut per_worker {
            let refused = |source| GatewayError::Listen { addr: bound, source };
            let listener = bind(bound, shared).map_err(refused)?;
            // Port 0 chose a port for the first worker; the others join it.
            bound = listener.local_addr().map_err(refused)?;
            listeners.push(listener);
        }
        actual.push(bound);
    }
    Ok((per_worker, actual))
}

/// Several workers share the port among each other, and would with another process too: one that is there already is
/// found by asking for the port alone.
fn refuse_company(addr: SocketAddr) -> Result<(), GatewayError> {
    let alone = |addr: SocketAddr| -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())
    };
    alone(addr).map_err(|source| GatewayError::Listen { addr, source })
}

fn bind(addr: SocketAddr, shared_port: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared_port {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// Accepts until `leaves`, then, if that says that there is time, what had begun by then.
pub(crate) async fn accept(
    listener: tokio::net::TcpListener,
    accepted: mpsc::Sender<TcpStream>,
    leaves: impl Future<Output = bool>,
) {
    tokio::select! {
        in_peace = leaves => if !in_peace { return },
        () = accept_all(&listener, &accepted) => return,
    }
    if let Err(error) = turn_new_ones_away(&listener) {
        // Then a client that comes just now may be refused.
        tracing::debug!(%error, "new handshakes can't be turned away");
    }
    // Either way it is over: the listener closes with this function.
    let _over = tokio::time::timeout(HANDSHAKES_END, accept_all(&listener, &accepted)).await;
}

async fn accept_all(listener: &tokio::net::TcpListener, accepted: &mpsc::Sender<TcpStream>) {
    loop {
        // Cancel-safe up to here; a stream that is accepted is handed over before the next wait.
        match accepted.reserve().await {
            Err(_) => return,
            Ok(place) => match listener.accept().await {
                Ok((stream, _)) => place.send(stream),
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

/// Drops the first packet of every new handshake, and nothing else, before TCP sees it.
#[cfg(target_os = "linux")]
fn turn_new_ones_away(listener: &tokio::net::TcpListener) -> io::Result<()> {
    use socket2::SockFilter;
    /// Where the flags stand in a TCP header, and two of them.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    let drop_first_packets = [
        // ld [13]; and #SYN|ACK; jeq #SYN, drop, keep
        SockFilter::new(0x30, 0, 0, FLAGS),
        SockFilter::new(0x54, 0, 0, SYN | ACK),
        SockFilter::new(0x15, 0, 1, SYN),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    SockRef::from(listener).attach_filter(&drop_first_packets)
}

#[cfg(not(target_os = "linux"))]
fn turn_new_ones_away(listener: &tokio::net::TcpListener) -> io::Result<()> {
    let _of_linux = SockRef::from(listener);
    Err(io::ErrorKind::Unsupported.into())
}
