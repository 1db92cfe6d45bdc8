//! The server connections of one data database.
//!
//! A pool belongs to a (cluster, database, server login), never to a tenant: adding a tenant costs nothing here. A database has two, of
//! which the one for read-only logins is made when the first of them comes, and no connection goes from one to the other. It lends a connection
//! that is already inside the tenant, if it can, and decides who gets one together with the other pools of the same server
//! (`pool/cluster.rs`), fairly among tenants (`pool/queue.rs`). A replica has a pool of its own, which is that of another server.

mod cluster;
mod failover;
mod idle;
mod lease;
mod queue;
mod tend;
mod view;

use crate::account::Account;
use crate::backend::{BackendError, Credentials, Parameters, ServerConnection, State};
use crate::config::Config;
use crate::error::ClientError;
use crate::replica::{Place, Topology};
use crate::statement::Statements;
use crate::stats::PoolStats;
pub(crate) use cluster::{Cluster, Share};
use cluster::{Connections, Leftovers, Size, Waiter};
use failover::Servers;
use idle::Visit;
use lease::Grant;
pub(crate) use lease::{Lease, Slot};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tenantry_core::{
    ContextKey, DatabaseRoute, ErrorKind, Limits, MasterKey, Placement, Rights, TenancyModel,
};
use tokio::sync::oneshot;
pub(crate) use view::{IdleServer, PoolSize};

#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) route: Arc<DatabaseRoute>,
    pub(crate) context_key: ContextKey,
    pub(crate) statements: Mutex<Statements>,
    pub(crate) stats: Arc<PoolStats>,
    pub(crate) place: Place,
    /// As whom its connections are logged in.
    pub(crate) rights: Rights,
    servers: Servers,
    credentials: Credentials,
    config: Arc<Config>,
    cluster: Arc<Cluster>,
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
        (place, rights, topology): (Place, Rights, Option<Arc<Topology>>),
        model: TenancyModel,
        key: &MasterKey,
        config: &Arc<Config>,
        cluster: &Arc<Cluster>,
        stats: Arc<PoolStats>,
    ) -> Arc<Self> {
        let size = Size::of(&route, cluster.share, config, model);
        Arc::new_cyclic(|this| Self {
            id: cluster.state.lock().add(Weak::clone(this), size),
            context_key: key.context_key(&route.stable_name, route.key),
            servers: Servers::of(&route, place, topology),
            place,
            rights,
            credentials: Credentials::of(&route, rights, key),
            statements: Mutex::new(Statements::new()),
            config: Arc::clone(config),
            stats,
            cluster: Arc::clone(cluster),
            model,
            most: AtomicU32::new(route.max_connections),
            route,
        })
    }

    /// Whether the pool may go on under another route: nothing differs but how many connections there may be.
    pub(crate) fn fits(&self, route: &DatabaseRoute) -> bool {
        let sizes = (self.route.max_connections, self.route.cluster_connections);
        if sizes == (route.max_connections, route.cluster_connections) {
            return *self.route == *route;
        }
        let resized =
            DatabaseRoute { max_connections: sizes.0, cluster_connections: sizes.1, ..route.clone() };
        *self.route == resized
    }

    /// Has as many connections as the route says, from now on.
    pub(crate) fn resize(&self, route: &DatabaseRoute) {
        self.most.store(route.max_connections, Ordering::Relaxed);
        let size = Size::of(route, self.cluster.share, &self.config, self.model);
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
            let grant = match self.ask(account, visit)? {
                Ok(grant) => grant,
                Err(waiting) => self.wait(account, waiting).await?,
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

    fn ask(
        &self,
        account: &Arc<Account>,
        visit: Visit,
    ) -> Result<Result<Grant, oneshot::Receiver<Grant>>, ClientError> {
        let mut connections = self.connections();
        if let Some(grant) = connections.take(self.id, account, visit) {
            return Ok(Ok(grant));
        }
        let most = most_waiting(&account.limits(), self.config.max_queue);
        connections.check_queue(self.id, account, most, self.config.max_queue)?;
        let (answer, receiver) = oneshot::channel();
        connections.enqueue(self.id, account, Waiter { answer, visit });
        let mut leftovers = Leftovers::new();
        connections.dispatch(&mut leftovers);
        drop(connections);
        drop(leftovers);
        Ok(Err(receiver))
    }

    async fn wait(&self, account: &Account, waiting: oneshot::Receiver<Grant>) -> Result<Grant, ClientError> {
        let patience = patience(&account.limits(), self.config.queue_timeout);
        // A grant that arrives as the deadline passes is dropped with its receiver, which frees its slot.
        match tokio::time::timeout(patience, waiting).await {
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
        if matches!(connection.state, State::Unknown) || !self.servers.suits(&connection) {
            return;
        }
        connection.timer.give_back();
        let lease = connection.lease.take();
        self.change(|connections, leftovers| {
            if let Some(lease) = lease {
                connections.end(self.id, &lease.finish(now));
            }
            connection.idle_since = now;
            connections.give_back(self.id, connection, leftovers);
        });
    }

    /// A connection in use was lost, or never came to be.
    fn lease_ended(&self, account: &Account) {
        self.change(|connections, leftovers| {
            connections.end(self.id, account);
            connections.dispatch(leftovers);
        });
    }

    fn slot_freed(&self) {
        self.change(|connections, leftovers| {
            connections.closed(self.id);
            connections.dispatch(leftovers);
        });
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.cluster.state.lock()
    }

    /// Changes something under the lock. What is left over is dropped outside of it, because that takes the lock again.
    fn change<R>(&self, change: impl FnOnce(&mut Connections, &mut Leftovers) -> R) -> R {
        let mut leftovers = Leftovers::new();
        let result = change(&mut self.connections(), &mut leftovers);
        drop(leftovers);
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
