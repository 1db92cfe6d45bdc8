//! Starting and stopping a gateway: listeners, worker threads, drain.

use crate::account::AllTotals;
use crate::admin::{self, Averages, Reloaded, Request};
use crate::cancel::{CancelRegistry, Peers};
use crate::config::Config;
use crate::door::Door;
use crate::error::GatewayError;
use crate::http::Endpoint;
use crate::metrics::Metrics;
use crate::pause::Pauses;
use crate::pool::PoolTotals;
use crate::port;
use crate::replica::{self, Topologies};
use crate::report::{Command, MAX_COMMANDS, Report};
use crate::rewriting::{RewriterNumbers, Rewriters};
use crate::session;
use crate::tls::Certificates;
use crate::worker::{Phase, Shared, Worker};
use arc_swap::ArcSwap;
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
    /// Whether each worker has left the port and has no session any more.
    left: Vec<watch::Receiver<bool>>,
    shared: Arc<Shared>,
}

/// Which sessions `leave` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Those that have been quiet for a second.
    QuietClients,
    /// None.
    ClientsThatWantTo,
}

/// Requests of consoles that may wait.
const MAX_REQUESTS: usize = 8;

impl Gateway {
    /// Listens and serves, in threads of its own. `routes` is followed; when its sender is gone, the last snapshot
    /// stays in force.
    pub fn start(
        config: Config,
        routes: &watch::Receiver<Arc<RouteTable>>,
        master_key: MasterKey,
    ) -> Result<Self, GatewayError> {
        Self::start_with(config, routes, master_key, &watch::channel(Arc::default()).1)
    }

    /// The same, with rewriters for statements on shared tables. They are followed like the routes.
    pub fn start_with(
        config: Config,
        routes: &watch::Receiver<Arc<RouteTable>>,
        master_key: MasterKey,
        rewriters: &watch::Receiver<Arc<Rewriters>>,
    ) -> Result<Self, GatewayError> {
        if config.listen.is_empty() {
            return Err(GatewayError::NoAddress);
        }
        let certificates = Arc::new(Certificates::load(&config.tls).map_err(GatewayError::Tls)?);
        let workers = config.workers.max(1);
        let (listeners, addrs) = port::listen(&config)?;
        let (phase, watch_phase) = watch::channel(Phase::Serving);
        let config = Arc::new(config);
        let peers = Peers::new(&config.cancel, &master_key, routes.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "shown to people and told to Prometheus, measures nothing"
        )]
        let started = SystemTime::now();
        let shared = Arc::new(Shared {
            certificates,
            door: Door::new(config.logins.clone()),
            config: Arc::clone(&config),
            cancels: CancelRegistry::new(&master_key, peers, config.connect_timeout),
            mock_secret: master_key.login_password("gateway", "mock"),
            master_key,
            clients: AtomicUsize::new(0),
            next_client: AtomicU64::new(1),
            live: ArcSwap::new(config),
            workers: OnceLock::new(),
            started,
            pauses: Pauses::default(),
            averages: Averages::default(),
            requests: OnceLock::new(),
            totals: AllTotals::default(),
            pools: PoolTotals::new(workers),
            rewriter_numbers: RewriterNumbers::default(),
            topologies: Topologies::default(),
        });
        let mut threads = Vec::with_capacity(workers);
        let mut commands = Vec::with_capacity(workers);
        let mut left = Vec::with_capacity(workers);
        for (index, listeners) in listeners.into_iter().enumerate() {
            let (command, obeyed) = mpsc::channel(MAX_COMMANDS);
            commands.push(command);
            let (leaves, has_left) = watch::channel(false);
            left.push(has_left);
            let (routes, phase) = (routes.clone(), watch_phase.clone());
            let worker = Worker::new(Arc::clone(&shared), index, routes, phase, rewriters.clone());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(GatewayError::Worker)?;
            let thread = std::thread::Builder::new()
                .name(format!("gateway-{index}"))
                .spawn(move || runtime.block_on(serve(worker, listeners, obeyed, leaves)))
                .map_err(GatewayError::Worker)?;
            threads.push(thread);
        }
        // Nobody has set it before.
        let _set = shared.workers.set(commands);
        let metrics = shared.live.load().metrics_listen;
        let mut gateway = Self { addrs, metrics_addr: None, metrics: None, left, phase, threads, shared };
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

    /// Whether every worker answers.
    pub async fn is_alive(&self) -> bool {
        let report = Report::of(&self.shared).await;
        report.is_alive(*self.phase.borrow())
    }

    /// What administrators ask of whoever runs the gateway, on its console. Can be taken once; while nobody has it, the
    /// console refuses what it can't do by itself.
    pub fn requests(&self) -> Option<mpsc::Receiver<Request>> {
        let (sender, receiver) = mpsc::channel(MAX_REQUESTS);
        self.shared.requests.set(sender).is_ok().then_some(receiver)
    }

    /// Takes over what of a new configuration can change while the gateway runs.
    pub fn reload(&self, config: &Config) -> Reloaded {
        admin::reload(&self.shared, config)
    }

    /// Clients connected at this moment.
    pub fn clients(&self) -> usize {
        self.shared.clients.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Gives the port to whoever else listens there, and lets clients leave by themselves, or when they have been quiet for a
    /// second, until `patience` has passed or nobody is left. `shutdown` comes next.
    pub async fn leave(&self, patience: Duration, whom: Leaving) {
        self.phase.send_replace(match whom {
            Leaving::QuietClients => Phase::Leaving,
            Leaving::ClientsThatWantTo => Phase::Refusing,
        });
        // By the workers, as they find themselves without a session; the port was left before.
        let gone = async {
            for worker in &self.left {
                let mut left = worker.clone();
                // A worker that is gone has nobody left.
                let _gone = left.wait_for(|left| *left).await;
            }
        };
        let _late = tokio::time::timeout(patience, gone).await;
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

/// Sends what sessions answer in one turn of the event loop together, where the kernel lets us.
async fn gather() {
    if let Err(error) = tenantry_uring::gather().await {
        tracing::info!(%error, "no io_uring: every write is a system call of its own");
    }
}

/// A worker's life.
async fn serve(
    worker: Arc<Worker>,
    listeners: Vec<TcpListener>,
    commands: mpsc::Receiver<Command>,
    left: watch::Sender<bool>,
) {
    let mut tasks = JoinSet::new();
    let mut sessions = JoinSet::new();
    let mut accepting = JoinSet::new();
    // Unconstrained: it polls many sockets in one go, without waiting for any.
    tasks.spawn(tokio::task::coop::unconstrained(Arc::clone(&worker).tend(commands)));
    if worker.shared.config.io_uring {
        tasks.spawn(tokio::task::coop::unconstrained(gather()));
    }
    tasks.spawn(Arc::clone(&worker.shared.certificates).follow());
    tasks.spawn(Arc::clone(&worker.shared.cancels).serve_peers());
    tasks.spawn(replica::run(Arc::clone(&worker.shared)));
    let (accepted, mut incoming) = tokio::sync::mpsc::channel(64);
    for listener in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                let mut phase = worker.phase.clone();
                let leaves = async move {
                    let left = phase.wait_for(|phase| *phase != Phase::Serving).await;
                    // A gateway that is gone serves nobody.
                    left.is_ok_and(|phase| matches!(*phase, Phase::Refusing | Phase::Leaving))
                };
                accepting.spawn(port::accept(listener, accepted.clone(), leaves));
            }
            Err(error) => tracing::error!(%error, "can't listen"),
        }
    }
    drop(accepted);
    let mut phase = worker.phase.clone();
    // Ends when every listener has left its port, which each does once the phase tells it to.
    loop {
        // Cancel-safe: `recv`, `changed` and `join_next` lose nothing when dropped.
        tokio::select! {
            stream = incoming.recv() => match stream {
                Some(stream) => drop(sessions.spawn(session::serve(Arc::clone(&worker), stream))),
                None => break,
            },
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => break,
            Some(ended) = sessions.join_next(), if !sessions.is_empty() => note_panic(ended),
        }
    }
    accepting.shutdown().await;
    // Sessions watch the phase themselves.
    while !sessions.is_empty() && *phase.borrow() != Phase::Closed {
        tokio::select! {
            Some(ended) = sessions.join_next() => note_panic(ended),
            changed = phase.changed() => if changed.is_err() { break },
        }
    }
    left.send_replace(true);
    // The metrics go on telling until the gateway is shut down.
    let _over = phase.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Closed)).await;
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
