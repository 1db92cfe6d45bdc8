//! The server connections of one data database.
//!
//! A pool belongs to a (cluster, database, server login), never to a tenant: adding a tenant costs nothing here. A database has two, of
//! which the one for read-only logins is made when the first of them comes, and no connection goes from one to the other. It lends a connection
//! that is already inside the tenant, if it can, and decides who gets one together with the other pools of the same server
//! (`pool/cluster.rs`), fairly among tenants (`pool/queue.rs`). A replica has a pool of its own, which is that of another server.
//!
//! Each worker has a pool of its own for each database; together they keep to one limit (`pool/total.rs`), and connections go from one to
//! another as clients ask for them (`pool/passing.rs`).

mod cluster;
mod failover;
mod idle;
mod lease;
mod passing;
mod queue;
mod tend;
mod total;
mod view;

use crate::account::{Account, Waiting};
use crate::backend::{BackendError, Credentials, Parameters, ServerConnection, State};
use crate::config::Config;
use crate::error::ClientError;
use crate::replica::Place;
use crate::statement::Statements;
use crate::stats::PoolStats;
use crate::worker::Shared;
pub(crate) use cluster::Cluster;
use cluster::{Connections, Leftovers, Size, Waiter, Whom};
use failover::Servers;
use idle::Visit;
use lease::Grant;
pub(crate) use lease::{Lease, Slot};
use parking_lot::MutexGuard;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tenantry_core::{ContextKey, DatabaseRoute, ErrorKind, Limits, Placement, Rights, TenancyModel};
use tokio::sync::oneshot;
use total::PoolTotal;
pub(crate) use total::PoolTotals;
pub(crate) use view::{IdleServer, PoolSize};

#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) route: Arc<DatabaseRoute>,
    pub(crate) context_key: ContextKey,
    pub(crate) stats: Arc<PoolStats>,
    pub(crate) place: Place,
    /// As whom its connections are logged in.
    pub(crate) rights: Rights,
    servers: Servers,
    credentials: Credentials,
    config: Arc<Config>,
    cluster: Arc<Cluster>,
    /// What it has in common with other workers' pools of the database.
    total: Arc<PoolTotal>,
    this: Weak<Self>,
    /// Of the tenants that it is for.
    model: TenancyModel,
    /// How many connections there may be, as the newest route says.
    most: AtomicU32,
    /// Its number among the cluster's pools.
    id: u64,
}

impl Pool {
    /// `model` is that of the tenants which it is for: a tenant's own database keeps nothing back for others.
    pub(crate) fn new(
        route: Arc<DatabaseRoute>,
        (place, rights): (Place, Rights),
        model: TenancyModel,
        shared: &Shared,
        cluster: &Arc<Cluster>,
        stats: Arc<PoolStats>,
    ) -> Arc<Self> {
        let (key, config) = (&shared.master_key, &shared.config);
        let size = Size::of(&route, config, model);
        let total = shared.pools.of(&route, place, rights);
        let topology = shared.topologies.of(&route);
        let pool = Arc::new_cyclic(|this| Self {
            id: cluster.state.lock().add(Weak::clone(this), Arc::clone(&total), size),
            this: Weak::clone(this),
            total,
            context_key: key.context_key(&route.stable_name, route.key),
            servers: Servers::of(&route, place, topology),
            place,
            rights,
            credentials: Credentials::of(&route, rights, key),
            config: Arc::clone(config),
            stats,
            cluster: Arc::clone(cluster),
            model,
            most: AtomicU32::new(route.max_connections),
            route,
        });
        pool.total.pools.set(cluster.worker, Weak::clone(&pool.this));
        pool
    }

    /// The statements that clients of the database use, on all workers.
    pub(crate) fn statements(&self) -> MutexGuard<'_, Statements> {
        self.total.statements.lock()
    }

    /// Whether the pool may go on under another route: nothing differs but how many connections there may be.
    pub(crate) fn fits(&self, route: &DatabaseRoute) -> bool {
        self.route.differs_in_sizes_at_most(route)
    }

    /// Has as many connections as the route says, from now on.
    pub(crate) fn resize(&self, route: &DatabaseRoute) {
        self.most.store(route.max_connections, Ordering::Relaxed);
        let size = Size::of(route, &self.config, self.model);
        self.change(|connections, leftovers| connections.resize(self.id, size, leftovers));
    }

    /// How many connections all workers' pools like this one may have.
    pub(crate) fn most(&self) -> u32 {
        self.most.load(Ordering::Relaxed)
    }

    /// What the server reported of itself, once a connection was opened.
    pub(crate) fn parameters(&self) -> Option<Arc<Parameters>> {
        self.connections().pool(self.id).and_then(|pool| pool.parameters.clone())
    }

    /// Lends a connection to a tenant that is ready for it since `ready`: an idle one, if nobody else has a right to it. The
    /// connection may be in any state but `Unknown`; whoever borrows it does the handover. It counts as the tenant's until it is given
    /// back (`release`) or dropped.
    pub(crate) fn lend(
        &self,
        account: &Arc<Account>,
        placement: &Placement,
        ready: Instant,
    ) -> Option<Box<ServerConnection>> {
        if self.servers.failed_over() {
            self.retire();
        }
        let grant = self.connections().take_idle(self.id, account, Visit::of(placement))?;
        match grant {
            Grant::Connection(connection) => usable(connection, ready),
            Grant::Open(..) => None,
        }
    }

    /// Lends a connection like `lend`, opening one if there is room, waiting if there is none.
    pub(crate) async fn acquire(
        &self,
        account: &Arc<Account>,
        placement: &Placement,
    ) -> Result<Box<ServerConnection>, ClientError> {
        let visit = Visit::of(placement);
        loop {
            let taken = self.connections().take(self.id, account, visit);
            let grant = match taken {
                Some(grant) => grant,
                None => self.wait(account, visit).await?,
            };
            match grant {
                Grant::Open(slot, lease) => {
                    let mut connection = self.open(slot, lease).await?;
                    visit.note(account.tenant, &mut connection);
                    return Ok(connection);
                }
                Grant::Connection(connection) => {
                    if let Some(connection) = usable(connection, Instant::now()) {
                        return Ok(connection);
                    }
                }
            }
        }
    }

    /// Stands in line.
    async fn wait(&self, account: &Arc<Account>, visit: Visit) -> Result<Grant, ClientError> {
        let (limits, config) = (account.limits(), &self.config);
        let places = account
            .wait(most_waiting(&limits, config.max_queue))
            .zip(Waiting::among(&self.total.waiting, config.max_queue));
        let Some(_places) = places else {
            account.stats.limited.add(1);
            return Err(too_many_wait());
        };
        let (answer, receiver) = oneshot::channel();
        let waiter = Waiter { answer, visit, since: Instant::now() };
        self.cluster.change(|connections, leftovers| {
            connections.enqueue(self.id, account, waiter, config.max_queue);
            connections.dispatch(Whom::Ours, leftovers);
        });
        self.fetch();
        let patience = patience(&limits, config.queue_timeout);
        // A grant that arrives as the deadline passes is dropped with its receiver, which frees its slot.
        match tokio::time::timeout(patience, receiver).await {
            Ok(Ok(grant)) => Ok(grant),
            Ok(Err(_)) => Err(ClientError::server_unavailable()),
            Err(_) => Err(waited_in_vain(account, patience)),
        }
    }

    async fn open(&self, slot: Slot, mut lease: Lease) -> Result<Box<ServerConnection>, ClientError> {
        let opened = match tokio::time::timeout(self.config.connect_timeout, self.connect()).await {
            Ok(opened) => opened,
            Err(elapsed) => Err(BackendError::from(elapsed)),
        };
        match opened {
            Ok(mut connection) => {
                connection.slot = slot;
                self.stats.opened.add(1);
                if let Some(pool) = self.connections().pool(self.id) {
                    pool.parameters = Some(Arc::clone(&connection.parameters));
                }
                lease.start(Instant::now());
                connection.lease = Some(lease);
                Ok(Box::new(connection))
            }
            Err(error) => {
                self.stats.open_failures.add(1);
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let place = self.place;
                let user = &*self.credentials.user;
                tracing::warn!(database = %self.route.stable_name, user, ?place, %error, cause, "can't open a server connection");
                Err(if self.lacks_reader(&error) { no_reader() } else { ClientError::server_unavailable() })
            }
        }
    }

    /// Whether the server does not know the reader: its database was made before there were any.
    fn lacks_reader(&self, error: &BackendError) -> bool {
        let is_unknown = matches!(error, BackendError::Server { sqlstate, .. } if sqlstate.starts_with("28"));
        self.rights == Rights::Read && is_unknown
    }

    /// Takes a connection back that was used until `now`. It must be `Entered`, `Resetting` or `Clean`, with nothing unread.
    pub(crate) fn release(&self, mut connection: Box<ServerConnection>, now: Instant) {
        // What is still to be sent is bound to this thread, and the connection will not be.
        let is_unfit = matches!(connection.state, State::Unknown) || !connection.io.is_settled();
        if is_unfit || !self.servers.suits(&connection) {
            return;
        }
        connection.timer.give_back();
        let account = connection.lease.take().map(|lease| lease.finish(now));
        if let Some(account) = &account {
            self.let_go(account);
        }
        self.change(|connections, leftovers| {
            if let Some(account) = &account {
                connections.end(self.id, account);
            }
            connection.idle_since = now;
            connections.give_back(self.id, connection, leftovers);
        });
    }

    /// A connection in use was lost, or never came to be.
    fn lease_ended(&self, account: &Account) {
        self.let_go(account);
        self.change(|connections, leftovers| {
            connections.end(self.id, account);
            connections.dispatch(Whom::First, leftovers);
        });
    }

    fn slot_freed(&self) {
        self.change(|connections, leftovers| {
            connections.closed(self.id);
            connections.dispatch(Whom::First, leftovers);
        });
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.cluster.state.lock()
    }

    /// Changes something under the lock. Somebody on another worker may be the next who gets what there is then.
    fn change<R>(&self, change: impl FnOnce(&mut Connections, &mut Leftovers) -> R) -> R {
        let (result, next) = self.cluster.change(|connections, leftovers| {
            let result = change(connections, leftovers);
            (result, connections.next_elsewhere(self.id))
        });
        if let Some(next) = next {
            self.pass_on(next);
        }
        result
    }

    /// How many connections there are, idle ones included, and how many are idle or waited for.
    pub(crate) fn size(&self) -> PoolSize {
        self.connections().pool(self.id).map(|pool| pool.size()).unwrap_or_default()
    }

    /// The idle connections, one by one.
    pub(crate) fn idle(&self) -> Vec<IdleServer> {
        let mut connections = self.connections();
        connections
            .pool(self.id)
            .map(|pool| pool.idle.iter().map(IdleServer::of).collect())
            .unwrap_or_default()
    }

    /// Closes the connections that there are: idle ones now, lent ones when they come back.
    pub(crate) fn retire(&self) {
        let now = Instant::now();
        self.change(|connections, leftovers| connections.retire(self.id, now, leftovers));
    }

    /// Closes what is idle, and whatever comes back later.
    pub(crate) fn close(&self) {
        self.change(|connections, leftovers| connections.close(self.id, leftovers));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.cluster.state.lock().remove(self.id);
    }
}

/// A connection, lent from `now` on. `None` when the server closed it, or said something unexpected: dropping it frees its slot.
fn usable(mut connection: Box<ServerConnection>, now: Instant) -> Option<Box<ServerConnection>> {
    if !connection.is_quiet() {
        return None;
    }
    connection.lease.iter_mut().for_each(|lease| lease.start(now));
    Some(connection)
}

fn most_waiting(limits: &Limits, gateway: usize) -> usize {
    match usize::try_from(limits.queue_length) {
        Ok(length @ 1..) => length.min(gateway),
        _ => gateway,
    }
}

fn patience(limits: &Limits, gateway: Duration) -> Duration {
    match limits.queue_wait_ms {
        0 => gateway,
        wait => gateway.min(Duration::from_millis(wait.into())),
    }
}

fn no_reader() -> ClientError {
    ClientError::new(ErrorKind::ServerUnavailable, "this tenant's database is not ready for read-only logins")
        .with_hint("an operator makes it so with `tenantry cluster add`, run again for its cluster")
}

fn too_many_wait() -> ClientError {
    ClientError::new(ErrorKind::LimitReached, "too many transactions are waiting")
        .with_hint("try again in a moment")
}

fn waited_in_vain(account: &Account, patience: Duration) -> ClientError {
    account.stats.limited.add(1);
    let seconds = patience.as_secs_f32();
    let message = format!("no server connection became free in {seconds} s");
    let limit = account.limits().connections.max(1);
    let hint = if account.has_room() {
        "transactions of this database hold all its connections; try again".to_owned()
    } else {
        format!("transactions of this tenant hold all {limit} connections that it may use; end them sooner")
    };
    ClientError::new(ErrorKind::LimitReached, message).with_hint(hint)
}
