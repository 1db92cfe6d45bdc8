//! Asking the workers: what they count and what they hold, gathered by each on its own thread and added up here.

use crate::clients::{Activity, Client};
use crate::pool::{IdleServer, PoolSize};
use crate::replica::{Place, Role, ServerView};
use crate::stats::{Snapshot, Totals};
use crate::worker::{Phase, Shared};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tenantry_core::{DatabaseId, DatabaseRoute, Rights, ServerAddress, TenantId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

/// What a worker is asked to do. Answered between its other work, so that nothing of it needs a lock.
#[derive(Debug)]
pub(crate) enum Command {
    Report(oneshot::Sender<WorkerReport>),
    /// Close server connections: idle ones now, lent ones when they come back. Of one database or of all.
    Retire(Option<DatabaseId>),
}

/// Commands that may wait for a worker. More than a console sends at once.
pub(crate) const MAX_COMMANDS: usize = 64;

/// How long a worker may take to answer; one that takes longer is stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// One worker at one moment.
#[derive(Debug)]
pub(crate) struct WorkerReport {
    pub(crate) tenants: Vec<(TenantId, Totals)>,
    pub(crate) forgotten: Totals,
    pub(crate) pools: Vec<PoolReport>,
    pub(crate) clients: Vec<Arc<Client>>,
    pub(crate) counts: WorkerCounts,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WorkerCounts {
    pub(crate) accepted: u64,
    pub(crate) logins: u64,
    pub(crate) logins_refused: u64,
}

/// A pool of one worker, or the pools that several have of one database.
#[derive(Debug, Clone)]
pub(crate) struct PoolReport {
    pub(crate) route: Arc<DatabaseRoute>,
    pub(crate) place: Place,
    /// Of a sum, those of the first.
    pub(crate) rights: Rights,
    pub(crate) size: PoolSize,
    pub(crate) idle: Vec<IdleServer>,
    pub(crate) counts: PoolCounts,
    pub(crate) queue: Snapshot,
    pub(crate) server: Snapshot,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PoolCounts {
    pub(crate) transactions: u64,
    pub(crate) statements: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) opened: u64,
    pub(crate) open_failures: u64,
    pub(crate) handovers: u64,
    pub(crate) passed: u64,
}

/// All workers together.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) workers: usize,
    pub(crate) answered: usize,
    /// Workers whose thread has ended.
    ended: usize,
    pub(crate) tenants: HashMap<TenantId, Totals>,
    pub(crate) forgotten: Totals,
    /// Each for itself, by name, server and rights.
    pub(crate) each: Vec<PoolReport>,
    /// Of each database on its primary, by name.
    pub(crate) pools: Vec<PoolReport>,
    /// Those of replicas, by name and number.
    pub(crate) replica_pools: Vec<PoolReport>,
    /// By id.
    pub(crate) clients: Vec<Arc<Client>>,
    pub(crate) counts: WorkerCounts,
}

impl Report {
    /// Asks all workers at once. One that does not answer is missing from the sums, and `answered` tells.
    pub(crate) async fn of(shared: &Shared) -> Self {
        let workers = shared.commands();
        let mut asked = Vec::with_capacity(workers.len());
        let mut ended = 0;
        for worker in workers {
            let (answer, answered) = oneshot::channel();
            match worker.try_send(Command::Report(answer)) {
                Ok(()) => asked.push(answered),
                Err(TrySendError::Closed(_)) => ended += 1,
                Err(TrySendError::Full(_)) => {}
            }
        }
        let mut report = Self { workers: workers.len(), ended, ..Self::default() };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut pools = HashMap::new();
        for answered in asked {
            match tokio::time::timeout_at(deadline, answered).await {
                Ok(Ok(worker)) => report.add(worker, &mut pools),
                // Its thread ended before it came to the question.
                Ok(Err(_)) => report.ended += 1,
                Err(_) => {}
            }
        }
        report.sum(pools.into_values().collect());
        report.clients.sort_by_key(|client| client.id);
        report
    }

    /// Whether no worker is stuck. One that has ended is not, while the gateway ends.
    pub(crate) fn is_alive(&self, phase: Phase) -> bool {
        let ending = matches!(phase, Phase::Draining | Phase::Closed);
        self.answered + if ending { self.ended } else { 0 } == self.workers
    }

    /// Adds up what the two roles of a database do on a server.
    fn sum(&mut self, mut each: Vec<PoolReport>) {
        each.sort_by(|a, b| {
            (&a.route.stable_name, a.place, a.rights).cmp(&(&b.route.stable_name, b.place, b.rights))
        });
        for pool in &each {
            let pools = if pool.place == Place::Primary { &mut self.pools } else { &mut self.replica_pools };
            match pools.last_mut() {
                Some(last) if (last.route.id, last.place) == (pool.route.id, pool.place) => {
                    last.add(pool.clone());
                }
                _ => pools.push(pool.clone()),
            }
        }
        self.each = each;
    }

    fn add(&mut self, worker: WorkerReport, pools: &mut HashMap<(DatabaseId, Place, Rights), PoolReport>) {
        self.answered += 1;
        for (id, totals) in worker.tenants {
            self.tenants.entry(id).or_default().add(&totals);
        }
        self.forgotten.add(&worker.forgotten);
        for pool in worker.pools {
            match pools.entry((pool.route.id, pool.place, pool.rights)) {
                std::collections::hash_map::Entry::Occupied(mut known) => known.get_mut().add(pool),
                std::collections::hash_map::Entry::Vacant(place) => drop(place.insert(pool)),
            }
        }
        self.clients.extend(worker.clients);
        self.counts.accepted += worker.counts.accepted;
        self.counts.logins += worker.counts.logins;
        self.counts.logins_refused += worker.counts.logins_refused;
    }

    /// The pools whose transactions run on one server of a cluster.
    pub(crate) fn pools_on<'r>(
        &'r self,
        cluster: &'r str,
        server: &ServerView,
    ) -> impl Iterator<Item = &'r PoolReport> + use<'r> {
        let of_cluster = move |pool: &&PoolReport| {
            pool.route.stable_name.strip_prefix(cluster).is_some_and(|rest| rest.starts_with('/'))
        };
        let primary = (server.role == Role::Primary).then_some(&self.pools);
        let replica = server.replica.map(Place::Replica);
        let replicas = self.replica_pools.iter().filter(move |pool| Some(pool.place) == replica);
        primary.into_iter().flatten().chain(replicas).filter(of_cluster)
    }

    /// How many clients are doing that.
    pub(crate) fn clients_in(&self, activity: Activity) -> usize {
        self.clients.iter().filter(|client| client.activity() == activity).count()
    }
}

impl PoolReport {
    pub(crate) fn add(&mut self, other: Self) {
        self.size.add(other.size);
        self.idle.extend(other.idle);
        let (mine, theirs) = (&mut self.counts, other.counts);
        mine.transactions += theirs.transactions;
        mine.statements += theirs.statements;
        mine.bytes_in += theirs.bytes_in;
        mine.bytes_out += theirs.bytes_out;
        mine.opened += theirs.opened;
        mine.open_failures += theirs.open_failures;
        mine.handovers += theirs.handovers;
        mine.passed += theirs.passed;
        self.queue.add(&other.queue);
        self.server.add(&other.server);
    }

    /// The replica's; `None` for the primary, which is what the cluster's servers say.
    pub(crate) fn address(&self) -> Option<&ServerAddress> {
        match self.place {
            Place::Primary => None,
            Place::Replica(number) => self.route.replicas.get(usize::from(number)),
        }
    }

    /// The role that its connections have.
    pub(crate) fn user(&self) -> Box<str> {
        self.rights.role(&self.route.login)
    }

    /// Connections that are lent, or being opened.
    pub(crate) fn active(&self) -> u32 {
        self.size.open.saturating_sub(u32::try_from(self.size.idle).unwrap_or(u32::MAX))
    }
}
