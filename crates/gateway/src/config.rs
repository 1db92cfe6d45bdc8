//! What a gateway is told at its start. Plain data; who reads it from where is the binary's business.

use crate::cancel::CancelConfig;
use crate::door::LoginLimits;
use crate::tls::TlsConfig;
use std::net::SocketAddr;
use std::time::Duration;

/// Configuration of one gateway. Every wait and every queue has its bound here.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on. Port 0 takes a free port (`Gateway::local_addrs` tells which).
    pub listen: Vec<SocketAddr>,
    /// Other processes of the same user may listen on the same addresses (`SO_REUSEPORT`): to replace one by another without a
    /// refused connection.
    pub share_port: bool,
    /// Worker threads. Each has its own event loop and its own pools; connections are spread by the kernel.
    pub workers: usize,
    /// Whether small writes leave together through io_uring, where the kernel has it.
    pub io_uring: bool,
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
    /// How long a client may keep a server connection idle because something of its session needs it. Then its session ends.
    pub pin_idle_timeout: Duration,
    /// The same for clients of pool mode `session`; without a bound when `None`.
    pub session_idle_timeout: Option<Duration>,
    /// How long an idle server connection is kept.
    pub server_idle_timeout: Duration,
    /// How often the servers of a cluster that has more than one are asked where they are.
    pub replica_check_interval: Duration,
    /// How far a replica may be behind that reads go to, where a tenant's limits say nothing.
    pub replica_max_lag: Duration,
    /// How long a read waits for a replica to have what its tenant wrote, before it goes to the primary.
    pub replica_wait: Duration,
    /// The largest message a client may send, except COPY data, which is streamed.
    pub max_message_bytes: usize,
    /// Bytes buffered in one direction of one session before reading from the other side stops.
    pub buffer_bytes: usize,
    /// Named prepared statements of one client.
    pub max_client_statements: usize,
    /// Prepared statements kept on one server connection, least recently used ones go first.
    pub max_server_statements: usize,
    /// Tenants' own tables (schema model) that one server connection serves before it is replaced: a backend keeps what it
    /// has read of each table for as long as it lives.
    pub max_server_schemas: usize,
    /// Tenants that each worker keeps numbers of. Beyond it, those that nobody is connected for are counted as one.
    pub max_tenant_stats: usize,
    /// Where metrics and health are told over HTTP; nowhere when `None`. For monitoring alone: nobody is asked who they are.
    pub metrics_listen: Option<SocketAddr>,
    /// Tenants, and pools, that get labels of their own in metrics: those with the most server time. The rest is `other`.
    pub metrics_labels: usize,
    /// Statements that took at least this long are logged, without values. None when `None`.
    pub log_min_duration: Option<Duration>,
    /// Whether clients' coming and going is logged.
    pub log_connections: bool,
    /// TLS to clients.
    pub tls: TlsConfig,
    /// What slows those who guess, and bounds those who have not logged in.
    pub logins: LoginLimits,
    /// How gateways pass cancel requests to each other.
    pub cancel: CancelConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 6432))],
            share_port: false,
            workers: 1,
            io_uring: true,
            max_clients: 10_000,
            login_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            handover_timeout: Duration::from_secs(5),
            queue_timeout: Duration::from_secs(30),
            max_queue: 1_000,
            linger: Duration::from_secs(1),
            pin_idle_timeout: Duration::from_mins(10),
            session_idle_timeout: None,
            server_idle_timeout: Duration::from_mins(10),
            replica_check_interval: Duration::from_millis(200),
            replica_max_lag: Duration::from_secs(10),
            replica_wait: Duration::from_millis(50),
            max_message_bytes: 64 << 20,
            buffer_bytes: 256 << 10,
            max_client_statements: 5_000,
            max_server_statements: 200,
            max_server_schemas: 200,
            max_tenant_stats: 10_000,
            metrics_listen: None,
            metrics_labels: 50,
            log_min_duration: None,
            log_connections: false,
            tls: TlsConfig::default(),
            logins: LoginLimits::default(),
            cancel: CancelConfig::default(),
        }
    }
}
