//! One event loop of the gateway: its pools, and what its sessions share.

use crate::account::{Account, Accounts, AllTotals};
use crate::admin::{Averages, Request};
use crate::cancel::CancelRegistry;
use crate::clients::Clients;
use crate::config::Config;
use crate::door::Door;
use crate::limit::timer::TICK;
use crate::pause::Pauses;
use crate::pool::{Cluster, Pool, PoolTotals};
use crate::replica::{Place, Topologies};
use crate::report::{Command, PoolCounts, PoolReport, WorkerCounts, WorkerReport};
use crate::rewriting::{Rewriter, RewriterNumbers, Rewriters, Rewriting};
use crate::stats::{TenantStats, WorkerStats};
use crate::tls::Certificates;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, SystemTime};
use tenantry_core::{
    ClusterId, DatabaseId, DatabaseRoute, MasterKey, Rights, RouteTable, Secret, TenancyModel, TenantRoute,
};
use tokio::sync::{mpsc, watch};

/// How far a shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// Nobody new is let in; whoever is there stays as long as it likes.
    Refusing,
    /// Sessions that have been quiet for a moment are closed, so that none is closed in its client's hands.
    Leaving,
    /// Idle sessions are closed, busy ones after their transaction.
    Draining,
    /// Everybody is cut off.
    Closed,
}

/// How long a session must have been quiet to be closed while others are still let finish.
const QUIET: Duration = Duration::from_secs(1);

/// Waits until an idle session is to end. Until the phase first changes this costs one load: the worker wakes its sessions then
/// ([`Worker::tend`]), so that they need not stand in line for it at every transaction.
pub(crate) async fn told_to_leave(phase: &watch::Receiver<Phase>) {
    poll_fn(|_| if phase.has_changed().unwrap_or(true) { Poll::Ready(()) } else { Poll::Pending }).await;
    Box::pin(ended(phase.clone())).await;
}

/// The phase that is given is never marked as seen: the session asks again when it is idle again.
async fn ended(mut phase: watch::Receiver<Phase>) {
    // A gateway that is gone has closed everything.
    let told = |phase: &Phase| matches!(phase, Phase::Leaving | Phase::Draining | Phase::Closed);
    let now = phase.wait_for(told).await.map_or(Phase::Closed, |phase| *phase);
    if now == Phase::Leaving {
        let ended = phase.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Closed));
        // Either way it is time.
        let _quiet = tokio::time::timeout(QUIET, ended).await;
    }
}

/// What all workers of a gateway share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    pub(crate) master_key: MasterKey,
    /// Makes the answers to unknown logins look like those to known ones.
    pub(crate) mock_secret: Secret,
    pub(crate) cancels: Arc<CancelRegistry>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) door: Arc<Door>,
    pub(crate) clients: AtomicUsize,
    pub(crate) next_client: AtomicU64,
    /// The settings in force, of which some may change while it runs; `config` is as it was at the start.
    pub(crate) live: ArcSwap<Config>,
    pub(crate) workers: OnceLock<Vec<mpsc::Sender<Command>>>,
    pub(crate) started: SystemTime,
    pub(crate) pauses: Pauses,
    pub(crate) averages: Averages,
    /// What the console asks of whoever runs the gateway.
    pub(crate) requests: OnceLock<mpsc::Sender<Request>>,
    /// What active tenants use, over all workers.
    pub(crate) totals: AllTotals,
    /// What the workers' pools have in common.
    pub(crate) pools: PoolTotals,
    pub(crate) rewriter_numbers: RewriterNumbers,
    /// The servers of clusters that have more than one.
    pub(crate) topologies: Topologies,
}

impl Shared {
    /// The ways to the workers.
    pub(crate) fn commands(&self) -> &[mpsc::Sender<Command>] {
        self.workers.get().map_or(&[], Vec::as_slice)
    }
}

/// A client's place under `max_clients`. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct ClientSlot(Arc<Shared>);

impl ClientSlot {
    /// A place, unless all are taken.
    pub(crate) fn take(shared: &Arc<Shared>) -> Option<Self> {
        let taken = shared.clients.fetch_add(1, Ordering::Relaxed);
        let slot = Self(Arc::clone(shared));
        (taken < shared.live.load().max_clients).then_some(slot)
    }
}

impl Drop for ClientSlot {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) routes: watch::Receiver<Arc<RouteTable>>,
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) stats: WorkerStats,
    pub(crate) clients: Arc<Clients>,
    pub(crate) accounts: Accounts,
    pools: Mutex<HashMap<(DatabaseId, Place, Rights), Arc<Pool>>>,
    clusters: Mutex<HashMap<(ClusterId, Place), Arc<Cluster>>>,
    /// Which of the workers it is, from 0.
    number: usize,
    unnamed_ids: AtomicU64,
    pub(crate) rewriting: Rewriting,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        number: usize,
        routes: watch::Receiver<Arc<RouteTable>>,
        phase: watch::Receiver<Phase>,
        rewriters: watch::Receiver<Arc<Rewriters>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            stats: WorkerStats::new(shared.config.max_tenant_stats),
            shared,
            routes,
            phase,
            clients: Arc::default(),
            accounts: Accounts::default(),
            pools: Mutex::default(),
            clusters: Mutex::default(),
            number,
            unnamed_ids: AtomicU64::new(1),
            rewriting: Rewriting::new(rewriters),
        })
    }

    /// A number for an unnamed statement, different from all others on this worker's connections.
    pub(crate) fn next_unnamed_id(&self) -> u64 {
        self.unnamed_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A tenant's account, under the limits of its route.
    pub(crate) fn account(
        &self,
        route: &TenantRoute,
        cluster: ClusterId,
        stats: &Arc<TenantStats>,
    ) -> Arc<Account> {
        self.accounts.of(&self.shared.totals, route.id, cluster, route.limits, stats)
    }

    /// The pool of a database on one of its servers, for tenants of a model and for what a login may do there. A route that changed
    /// (host, key) gets a new pool; the old one runs dry.
    pub(crate) fn pool(
        &self,
        route: &Arc<DatabaseRoute>,
        model: TenancyModel,
        place: Place,
        rights: Rights,
    ) -> Arc<Pool> {
        let mut pools = self.pools.lock();
        let known = pools.get(&(route.id, place, rights)).filter(|pool| pool.fits(route));
        if let Some(pool) = known.map(Arc::clone) {
            drop(pools);
            pool.resize(route);
            return pool;
        }
        let stats = self.stats.pool(route.id, place, rights);
        let mut clusters = self.clusters.lock();
        let server = || self.shared.pools.server(route.cluster, place);
        let cluster =
            clusters.entry((route.cluster, place)).or_insert_with(|| Cluster::new(self.number, server()));
        let cluster = Arc::clone(cluster);
        drop(clusters);
        let pool = Pool::new(Arc::clone(route), (place, rights), model, &self.shared, &cluster, stats);
        let old = pools.insert((route.id, pool.place, rights), Arc::clone(&pool));
        drop(pools);
        if let Some(old) = old {
            old.close();
        }
        pool
    }

    /// The rewriter in force for tenants of a model in a database.
    pub(crate) fn rewriting_of(&self, database: DatabaseId, model: TenancyModel) -> Option<Arc<Rewriter>> {
        self.rewriting.of(&self.shared.rewriter_numbers, database, model)
    }

    /// Any pool that has seen its server: what a client without a tenant is told of "the server".
    pub(crate) fn any_parameters(&self) -> Option<Arc<crate::backend::Parameters>> {
        self.pools.lock().values().find_map(|pool| pool.parameters())
    }

    fn obey(&self, command: Command) {
        match command {
            // Whoever asked may have stopped waiting.
            Command::Report(answer) => drop(answer.send(self.report())),
            Command::Retire(id) => {
                let pools = self.pools.lock();
                let meant = pools.values().filter(|pool| id.is_none_or(|id| pool.route.id == id));
                let meant: Vec<_> = meant.map(Arc::clone).collect();
                drop(pools);
                for pool in meant {
                    pool.retire();
                }
            }
        }
    }

    fn report(&self) -> WorkerReport {
        let (tenants, forgotten) = self.stats.tenants();
        let pools: Vec<_> = self.pools.lock().values().map(Arc::clone).collect();
        let pools = pools.iter().map(|pool| {
            let stats = &pool.stats;
            PoolReport {
                route: Arc::clone(&pool.route),
                place: pool.place,
                rights: pool.rights,
                size: pool.size(),
                idle: pool.idle(),
                counts: PoolCounts {
                    transactions: stats.transactions.get(),
                    statements: stats.statements.get(),
                    bytes_in: stats.bytes_in.get(),
                    bytes_out: stats.bytes_out.get(),
                    opened: stats.opened.get(),
                    open_failures: stats.open_failures.get(),
                    handovers: stats.handovers.get(),
                    passed: stats.passed.get(),
                },
                queue: stats.queue.snapshot(),
                server: stats.server.snapshot(),
            }
        });
        WorkerReport {
            tenants,
            forgotten,
            pools: pools.collect(),
            clients: self.clients.all(),
            counts: WorkerCounts {
                accepted: self.stats.accepted.get(),
                logins: self.stats.logins.get(),
                logins_refused: self.stats.logins_refused.get(),
            },
        }
    }

    /// Tends the pools until shutdown: at every route change, and regularly. One task for all pools of a worker.
    pub(crate) async fn tend(self: Arc<Self>, mut commands: mpsc::Receiver<Command>) {
        let mut routes = self.routes.clone();
        let mut phase = self.phase.clone();
        let period = (self.shared.config.linger / 2).max(Duration::from_millis(10));
        let mut tick = tokio::time::interval(period);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut feed_alive = true;
        while *phase.borrow() != Phase::Closed {
            // Cancel-safe, all of them: `changed`, `tick` and `recv` lose nothing when dropped.
            tokio::select! {
                _ = ticks.tick() => {
                    let clusters: Vec<_> = self.clusters.lock().values().map(Arc::clone).collect();
                    for cluster in clusters {
                        cluster.tick();
                    }
                    continue;
                }
                changed = routes.changed(), if feed_alive => feed_alive = changed.is_ok(),
                _ = tick.tick() => {}
                changed = phase.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.clients.wake_all();
                }
                Some(command) = commands.recv() => {
                    self.obey(command);
                    continue;
                }
            }
            let table = Arc::clone(&routes.borrow_and_update());
            let pools: Vec<_> = self.pools.lock().values().map(Arc::clone).collect();
            for pool in pools {
                if is_wanted(&pool, &table) {
                    pool.tend(&table);
                } else {
                    self.pools.lock().remove(&(pool.route.id, pool.place, pool.rights));
                    self.stats.forget_pool(pool.route.id, pool.place, pool.rights);
                    pool.close();
                }
            }
            self.accounts.sweep();
            self.clusters.lock().retain(|_, cluster| Arc::strong_count(cluster) > 1);
        }
        self.clients.wake_all();
        let pools = std::mem::take(&mut *self.pools.lock());
        for pool in pools.values() {
            pool.close();
        }
    }
}

/// Whether the database is still there, and reached in the same way. Who comes next makes another pool.
fn is_wanted(pool: &Pool, table: &RouteTable) -> bool {
    table.database(pool.route.id).is_some_and(|route| pool.fits(route))
}
