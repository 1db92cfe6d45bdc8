//! Starting and stopping a gateway: listeners, worker threads, drain.

use crate::account::AllTotals;
use crate::cancel::{CancelRegistry, Peers};
use crate::config::Config;
use crate::door::Door;
use crate::error::GatewayError;
use crate::http::Endpoint;
use crate::lex::SessionWords;
use crate::metrics::Metrics;
use crate::pause::Pauses;
use crate::report::{Command, MAX_COMMANDS};
use crate::session;
use crate::tls::Certificates;
use crate::worker::{Phase, Shared, Worker};
use arc_swap::ArcSwap;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
use tenantry_core::{MasterKey, RouteTable};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// A running gateway. Dropping it cuts all sessions; `shutdown` lets them finish their transactions.
#[derive(Debug)]
pub struct Gateway {
    addrs: Vec<SocketAddr>,
    metrics_addr: Option<SocketAddr>,
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
    metrics: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// How long a worker waits before it accepts again after `accept` failed (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const LISTEN_BACKLOG: i32 = 1_024;

impl Gateway {
    /// Listens and serves, in threads of its own. `routes` is followed; when its sender is gone, the last snapshot
    /// stays in force.
    pub fn start(
        config: Config,
        routes: &watch::Receiver<Arc<RouteTable>>,
        master_key: MasterKey,
    ) -> Result<Self, GatewayError> {
        if config.listen.is_empty() {
            return Err(GatewayError::NoAddress);
        }
        let certificates = Arc::new(Certificates::load(&config.tls).map_err(GatewayError::Tls)?);
        let workers = config.workers.max(1);
        let (listeners, addrs) = listen(&config.listen, workers)?;
        let (phase, watch_phase) = watch::channel(Phase::Serving);
        let config = Arc::new(config);
        let peers = Peers::new(&config.cancel, &master_key, routes.clone());
        let shared = Arc::new(Shared {
            certificates,
            door: Door::new(config.logins.clone()),
            config: Arc::clone(&config),
            cancels: CancelRegistry::new(&master_key, peers, config.connect_timeout),
            mock_secret: master_key.login_password("gateway", "mock"),
            master_key,
            clients: AtomicUsize::new(0),
            session_words: SessionWords::new(),
            next_client: AtomicU64::new(1),
            live: ArcSwap::new(config),
            workers: OnceLock::new(),
            started: SystemTime::now(),
            pauses: Pauses::default(),
            totals: AllTotals::default(),
        });
        let mut threads = Vec::with_capacity(workers);
        let mut commands = Vec::with_capacity(workers);
        for (index, listeners) in listeners.into_iter().enumerate() {
            let (command, obeyed) = mpsc::channel(MAX_COMMANDS);
            commands.push(command);
            let worker = Worker::new(Arc::clone(&shared), routes.clone(), watch_phase.clone());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(GatewayError::Worker)?;
            let thread = std::thread::Builder::new()
                .name(format!("gateway-{index}"))
                .spawn(move || runtime.block_on(serve(worker, listeners, obeyed)))
                .map_err(GatewayError::Worker)?;
            threads.push(thread);
        }
        // Nobody has set it before.
        let _set = shared.workers.set(commands);
        let metrics = shared.live.load().metrics_listen;
        let mut gateway = Self { addrs, metrics_addr: None, metrics: None, phase, threads, shared };
        if let Some(addr) = metrics {
            gateway.serve_metrics(addr, routes)?;
        }
        Ok(gateway)
    }

    /// The addresses in use, in the order of the configuration.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// Reads the certificates again, as is also done when their files change. On an error those in force stay.
    pub fn reload_certificates(&self) -> Result<(), GatewayError> {
        self.shared.certificates.reload().map_err(GatewayError::Tls)
    }

    /// Where metrics and health are served, if they are.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    fn serve_metrics(
        &mut self,
        addr: SocketAddr,
        routes: &watch::Receiver<Arc<RouteTable>>,
    ) -> Result<(), GatewayError> {
        let endpoint = Endpoint {
            shared: Arc::clone(&self.shared),
            routes: routes.clone(),
            phase: self.phase.subscribe(),
            metrics: Metrics::default().into(),
        };
        let (addr, thread) = endpoint.start(addr)?;
        self.metrics_addr = Some(addr);
        self.metrics = Some(thread);
        Ok(())
    }

    /// Clients connected at this moment.
    pub fn clients(&self) -> usize {
        self.shared.clients.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Stops listening, closes idle sessions, lets busy ones finish their transaction until `deadline`, then cuts.
    pub async fn shutdown(mut self, deadline: Duration) {
        self.phase.send_replace(Phase::Draining);
        let end = Instant::now() + deadline;
        let threads = std::mem::take(&mut self.threads);
        let phase = self.phase.clone();
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A worker that panicked has nothing left to stop.
                drop(thread.join());
            }
        });
        if tokio::time::timeout(end.saturating_duration_since(Instant::now()), joined).await.is_err() {
            phase.send_replace(Phase::Closed);
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Closed);
        for thread in self.threads.drain(..).chain(self.metrics.take()) {
            drop(thread.join());
        }
    }
}

/// One set of listeners a worker. With several workers the kernel spreads connections (`SO_REUSEPORT`).
fn listen(
    addrs: &[SocketAddr],
    workers: usize,
) -> Result<(Vec<Vec<TcpListener>>, Vec<SocketAddr>), GatewayError> {
    let mut actual = Vec::new();
    let mut per_worker: Vec<Vec<TcpListener>> = (0..workers).map(|_| Vec::new()).collect();
    for addr in addrs {
        let mut bound = *addr;
        for listeners in &mut per_worker {
            let listener =
                bind(bound, workers > 1).map_err(|source| GatewayError::Listen { addr: bound, source })?;
            // Port 0 chose a port for the first worker; the others join it.
            bound = listener.local_addr().map_err(|source| GatewayError::Listen { addr: bound, source })?;
            listeners.push(listener);
        }
        actual.push(bound);
    }
    Ok((per_worker, actual))
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

/// A worker's life.
async fn serve(worker: Arc<Worker>, listeners: Vec<TcpListener>, commands: mpsc::Receiver<Command>) {
    let mut tasks = JoinSet::new();
    let mut sessions = JoinSet::new();
    let mut accepting = JoinSet::new();
    // Unconstrained: it polls many sockets in one go, without waiting for any.
    tasks.spawn(tokio::task::coop::unconstrained(Arc::clone(&worker).tend(commands)));
    tasks.spawn(Arc::clone(&worker.shared.certificates).follow());
    tasks.spawn(Arc::clone(&worker.shared.cancels).serve_peers());
    let (accepted, mut incoming) = tokio::sync::mpsc::channel(64);
    for listener in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                let accepted = accepted.clone();
                accepting.spawn(async move {
                    loop {
                        match listener.accept().await {
                            Ok((stream, _)) => {
                                if accepted.send(stream).await.is_err() {
                                    break;
                                }
                            }
                            Err(error) => {
                                tracing::warn!(%error, "can't accept a connection");
                                tokio::time::sleep(ACCEPT_PAUSE).await;
                            }
                        }
                    }
                });
            }
            Err(error) => tracing::error!(%error, "can't listen"),
        }
    }
    let mut phase = worker.phase.clone();
    loop {
        // Cancel-safe: `recv`, `changed` and `join_next` lose nothing when dropped.
        tokio::select! {
            Some(stream) = incoming.recv() => {
                sessions.spawn(session::serve(Arc::clone(&worker), stream));
            }
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() != Phase::Serving { break; }
            }
            Some(ended) = sessions.join_next(), if !sessions.is_empty() => note_panic(ended),
        }
    }
    // The listeners close here: a new client is refused by the kernel, or served by another gateway on the port.
    accepting.shutdown().await;
    drop(incoming);
    // Sessions watch the phase themselves: idle ones leave at once, busy ones after their transaction.
    while !sessions.is_empty() && *phase.borrow() != Phase::Closed {
        tokio::select! {
            Some(ended) = sessions.join_next() => note_panic(ended),
            changed = phase.changed() => if changed.is_err() { break },
        }
    }
    sessions.shutdown().await;
    tasks.shutdown().await;
}

/// A panic ends one session; its server connection was closed with it.
fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a session panicked and was closed");
    }
}
