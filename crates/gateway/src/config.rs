//! What a gateway is told at its start. Plain data; who reads it from where is the binary's business.

use std::net::SocketAddr;
use std::time::Duration;

/// Configuration of one gateway. Every wait and every queue has its bound here.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on. Port 0 takes a free port (`Gateway::local_addrs` tells which).
    pub listen: Vec<SocketAddr>,
    /// Worker threads. Each has its own event loop and its own pools; connections are spread by the kernel.
    pub workers: usize,
    /// Client connections at once, over all workers. One more is refused with `53300`.
    pub max_clients: usize,
    /// How long a client may take from connecting to being authenticated.
    pub login_timeout: Duration,
    /// How long opening and authenticating a server connection may take.
    pub connect_timeout: Duration,
    /// How long the handover of a server connection (reset, context) may take.
    pub handover_timeout: Duration,
    /// How long a transaction waits for a server connection.
    pub queue_timeout: Duration,
    /// Transactions waiting for a server connection of one pool. One more is refused with `53400`.
    pub max_queue: usize,
    /// How long an idle server connection stays entered for its tenant before it is reset.
    pub linger: Duration,
    /// How long an idle server connection is kept.
    pub server_idle_timeout: Duration,
    /// The largest message a client may send, except COPY data, which is streamed.
    pub max_message_bytes: usize,
    /// Bytes buffered in one direction of one session before reading from the other side stops.
    pub buffer_bytes: usize,
    /// Named prepared statements of one client.
    pub max_client_statements: usize,
    /// Prepared statements kept on one server connection, least recently used ones go first.
    pub max_server_statements: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 6432))],
            workers: 1,
            max_clients: 10_000,
            login_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            handover_timeout: Duration::from_secs(5),
            queue_timeout: Duration::from_secs(30),
            max_queue: 1_000,
            linger: Duration::from_secs(1),
            server_idle_timeout: Duration::from_mins(10),
            max_message_bytes: 64 << 20,
            buffer_bytes: 256 << 10,
            max_client_statements: 5_000,
            max_server_statements: 200,
        }
    }
}
