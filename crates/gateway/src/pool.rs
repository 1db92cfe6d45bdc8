//! The server connections of one data database.
//!
//! A pool belongs to a (cluster, database, login), never to a tenant: adding a tenant costs nothing here. It prefers
//! to lend a connection that is already inside the tenant, then one that is nobody's, and resets another tenant's
//! idle connection before it opens a new one.

use crate::backend::{Address, BackendError, Credentials, Parameters, Residue, ServerConnection, State};
use crate::cancel::CancelTarget;
use crate::config::Config;
use crate::error::ClientError;
use crate::statement::Statements;
use crate::stats::PoolStats;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::Instant;
use tenantry_core::{
    ContextKey, DatabaseRoute, Epoch, ErrorKind, MasterKey, RouteTable, TenantId, TenantState,
};
use tokio::sync::oneshot;

#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) route: Arc<DatabaseRoute>,
    pub(crate) context_key: ContextKey,
    pub(crate) statements: Mutex<Statements>,
    pub(crate) stats: Arc<PoolStats>,
    address: Address,
    credentials: Credentials,
    config: Arc<Config>,
    inner: Mutex<Inner>,
    this: Weak<Pool>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Least recently used first. Boxed because connections move between here and the sessions all the time.
    #[allow(clippy::vec_box, reason = "a connection is large and moves at every transaction")]
    idle: Vec<Box<ServerConnection>>,
    /// Connections that exist or are being opened, idle ones included.
    open: u32,
    waiting: VecDeque<(TenantId, oneshot::Sender<Grant>)>,
    /// Replaced by a pool with a newer route: nothing is kept any more.
    closed: bool,
    /// Connections opened before this are closed instead of being kept.
    retired: Option<Instant>,
    parameters: Option<Arc<Parameters>>,
}

/// A pool at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PoolSize {
    pub(crate) limit: u32,
    pub(crate) open: u32,
    pub(crate) idle: usize,
    pub(crate) waiting: usize,
}

impl PoolSize {
    pub(crate) fn add(&mut self, other: Self) {
        self.limit += other.limit;
        self.open += other.open;
        self.idle += other.idle;
        self.waiting += other.waiting;
    }
}

/// An idle connection, as the console lists it.
#[derive(Debug, Clone)]
pub(crate) struct IdleServer {
    pub(crate) target: Arc<CancelTarget>,
    /// Whose it still is.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) idle_since: Instant,
    pub(crate) statements: usize,
}

impl IdleServer {
    fn of(connection: &ServerConnection) -> Self {
        let tenant = match connection.state {
            State::Entered { tenant, .. } => Some(tenant),
            _ => None,
        };
        Self {
            target: Arc::clone(&connection.cancel),
            tenant,
            idle_since: connection.idle_since,
            statements: connection.prepared.len(),
        }
    }
}

/// A connection's place in the pool's count.
#[derive(Debug)]
pub(crate) struct Slot(Weak<Pool>);

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.slot_freed();
        }
    }
}

#[derive(Debug)]
enum Grant {
    Connection(Box<ServerConnection>),
    /// The right to open a connection.
    Open(Slot),
}

impl Pool {
    pub(crate) fn new(
        route: Arc<DatabaseRoute>,
        key: &MasterKey,
        config: &Arc<Config>,
        stats: Arc<PoolStats>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            context_key: key.context_key(&route.stable_name, route.key),
            address: Address::of(&route),
            credentials: Credentials {
                user: route.login.clone(),
                database: route.name.clone(),
                password: key.login_password(&route.stable_name, &route.login),
                keys: Mutex::new(None),
            },
            statements: Mutex::new(Statements::new()),
            config: Arc::clone(config),
            stats,
            inner: Mutex::default(),
            this: Weak::clone(this),
            route,
        })
    }

    /// The gateway's share of the database's connections is divided among its workers.
    fn limit(&self) -> u32 {
        let workers = u32::try_from(self.config.workers.max(1)).unwrap_or(u32::MAX);
        (self.route.max_connections / workers).max(1)
    }

    /// What the server reported of itself, once a connection was opened.
    pub(crate) fn parameters(&self) -> Option<Arc<Parameters>> {
        self.inner.lock().parameters.clone()
    }

    /// Lends a connection, opening one if there is room, waiting if there is none. The connection may be in any state
    /// but `Unknown`; whoever borrows it does the handover.
    pub(crate) async fn acquire(
        &self,
        tenant: TenantId,
        epoch: Epoch,
    ) -> Result<Box<ServerConnection>, ClientError> {
        loop {
            let grant = match self.try_acquire(tenant, epoch)? {
                Ok(grant) => grant,
                Err(waiting) => self.wait(waiting).await?,
            };
            match grant {
                Grant::Open(slot) => return self.open(slot).await,
                Grant::Connection(mut connection) => {
                    if connection.is_quiet() {
                        return Ok(connection);
                    }
                    // The server closed it, or said something unexpected: dropping it frees its slot.
                }
            }
        }
    }

    fn try_acquire(
        &self,
        tenant: TenantId,
        epoch: Epoch,
    ) -> Result<Result<Grant, oneshot::Receiver<Grant>>, ClientError> {
        let mut inner = self.inner.lock();
        if let Some(connection) = inner.pick(tenant, epoch) {
            return Ok(Ok(Grant::Connection(connection)));
        }
        if inner.open < self.limit() {
            inner.open += 1;
            return Ok(Ok(Grant::Open(Slot(Weak::clone(&self.this)))));
        }
        if inner.waiting.len() >= self.config.max_queue {
            inner.waiting.retain(|(_, waiter)| !waiter.is_closed());
        }
        if inner.waiting.len() >= self.config.max_queue {
            return Err(ClientError::new(ErrorKind::LimitReached, "too many transactions are waiting")
                .with_hint("try again in a moment"));
        }
        let (sender, receiver) = oneshot::channel();
        inner.waiting.push_back((tenant, sender));
        Ok(Err(receiver))
    }

    async fn wait(&self, waiting: oneshot::Receiver<Grant>) -> Result<Grant, ClientError> {
        // A grant that arrives as the deadline passes is dropped with its receiver, which frees its slot.
        match tokio::time::timeout(self.config.queue_timeout, waiting).await {
            Ok(Ok(grant)) => Ok(grant),
            Ok(Err(_)) => Err(ClientError::server_unavailable()),
            Err(_) => Err(ClientError::new(
                ErrorKind::LimitReached,
                format!("no server connection became free in {} s", self.config.queue_timeout.as_secs_f32()),
            )
            .with_hint("transactions of this database hold all its connections; try again")),
        }
    }

    async fn open(&self, slot: Slot) -> Result<Box<ServerConnection>, ClientError> {
        let opening =
            ServerConnection::open(&self.address, &self.credentials, self.config.max_server_statements, slot);
        let opened = match tokio::time::timeout(self.config.connect_timeout, opening).await {
            Ok(opened) => opened,
            Err(elapsed) => Err(BackendError::from(elapsed)),
        };
        match opened {
            Ok(connection) => {
                self.stats.opened.add(1);
                self.inner.lock().parameters = Some(Arc::clone(&connection.parameters));
                Ok(Box::new(connection))
            }
            Err(error) => {
                self.stats.open_failures.add(1);
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(database = %self.route.stable_name, %error, cause, "can't open a server connection");
                Err(ClientError::server_unavailable())
            }
        }
    }

    /// Takes a connection back after a transaction. It must be `Entered`, `Resetting` or `Clean`, with nothing unread.
    pub(crate) fn release(&self, mut connection: Box<ServerConnection>) {
        if matches!(connection.state, State::Unknown) {
            return;
        }
        let entered = matches!(connection.state, State::Entered { .. });
        // Anything less is cleared on the way into the next tenant.
        if entered && connection.residue >= Residue::Context && !begin_reset(&mut connection) {
            return;
        }
        connection.idle_since = Instant::now();
        connection.io.trim_buffers();
        let leftover = self.inner.lock().give(connection);
        // Dropped outside the lock: freeing the slot takes it.
        drop(leftover);
    }

    fn slot_freed(&self) {
        let mut inner = self.inner.lock();
        while let Some((_, waiter)) = inner.waiting.pop_front() {
            if waiter.is_closed() {
                continue;
            }
            // The slot passes on. If the waiter vanishes just now, dropping the refused grant comes back here.
            drop(inner);
            match waiter.send(Grant::Open(Slot(Weak::clone(&self.this)))) {
                Ok(()) => return,
                Err(grant) => {
                    forget_slot(grant);
                    inner = self.inner.lock();
                }
            }
        }
        inner.open -= 1;
    }

    /// Resets idle connections that have lingered in a tenant or whose tenant has changed, and closes old or dead ones.
    pub(crate) fn tend(&self, routes: &RouteTable) {
        let now = Instant::now();
        let idle = std::mem::take(&mut self.inner.lock().idle);
        let mut kept = Vec::with_capacity(idle.len());
        for mut connection in idle {
            let age = now.duration_since(connection.idle_since);
            if age >= self.config.server_idle_timeout || !connection.is_quiet() {
                continue;
            }
            if let State::Entered { tenant, epoch } = connection.state {
                let current = is_current(routes, tenant, epoch);
                if (age >= self.config.linger || !current) && !begin_reset(&mut connection) {
                    continue;
                }
            }
            // What a full socket or a busy moment left unsent of a reset: the tenant's fence is held until it is done.
            if !flush(&mut connection) {
                continue;
            }
            kept.push(connection);
        }
        let mut inner = self.inner.lock();
        // Nothing ran in between (no await), but a slot freed above may have granted its place to a waiter.
        kept.append(&mut inner.idle);
        inner.idle = kept;
        let leftover = if inner.closed { std::mem::take(&mut inner.idle) } else { Vec::new() };
        drop(inner);
        drop(leftover);
    }

    /// How many connections there are, idle ones included, and how many are idle or waited for.
    pub(crate) fn size(&self) -> PoolSize {
        let inner = self.inner.lock();
        PoolSize {
            limit: self.limit(),
            open: inner.open,
            idle: inner.idle.len(),
            waiting: inner.waiting.len(),
        }
    }

    /// The idle connections, one by one.
    pub(crate) fn idle(&self) -> Vec<IdleServer> {
        let inner = self.inner.lock();
        inner.idle.iter().map(|connection| IdleServer::of(connection)).collect()
    }

    /// Closes the connections that there are: idle ones now, lent ones when they come back.
    pub(crate) fn retire(&self) {
        let idle = {
            let mut inner = self.inner.lock();
            inner.retired = Some(Instant::now());
            std::mem::take(&mut inner.idle)
        };
        drop(idle);
    }

    /// Closes what is idle, and whatever comes back later.
    pub(crate) fn close(&self) {
        let idle = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            std::mem::take(&mut inner.idle)
        };
        drop(idle);
    }
}

impl Inner {
    fn pick(&mut self, tenant: TenantId, epoch: Epoch) -> Option<Box<ServerConnection>> {
        let wanted = State::Entered { tenant, epoch };
        if let Some(index) = self.idle.iter().rposition(|connection| connection.state == wanted) {
            return Some(self.idle.remove(index));
        }
        if self.idle.is_empty() {
            return None;
        }
        let nobodys =
            self.idle.iter().rposition(|connection| !matches!(connection.state, State::Entered { .. }));
        let index = nobodys.or((!self.idle.is_empty()).then_some(0))?;
        Some(self.idle.remove(index))
    }

    /// Hands a connection to the longest waiter, or keeps it. Returns it when it is to be closed.
    fn give(&mut self, mut connection: Box<ServerConnection>) -> Option<Box<ServerConnection>> {
        if self.closed || self.retired.is_some_and(|at| connection.cancel.opened <= at) {
            return Some(connection);
        }
        while let Some((_, waiter)) = self.waiting.pop_front() {
            match waiter.send(Grant::Connection(connection)) {
                Err(Grant::Connection(back)) => connection = back,
                Ok(()) | Err(Grant::Open(_)) => return None,
            }
        }
        self.idle.push(connection);
        None
    }
}

/// Whether a connection that is inside `tenant` at `epoch` may stay there.
fn is_current(routes: &RouteTable, tenant: TenantId, epoch: Epoch) -> bool {
    routes.tenant(tenant).is_some_and(|route| {
        route.state == TenantState::Active && route.placement.as_ref().is_some_and(|p| p.epoch == epoch)
    })
}

/// Sends the reset without waiting for its replies. False when the connection broke.
fn begin_reset(connection: &mut ServerConnection) -> bool {
    connection.start_reset();
    flush(connection)
}

/// Sends what is queued as far as the socket takes it. False when the connection broke.
fn flush(connection: &mut ServerConnection) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    !matches!(connection.io.poll_flush(&mut context), std::task::Poll::Ready(Err(_)))
}

/// A slot that its waiter did not take: the caller still holds the place.
fn forget_slot(grant: Grant) {
    if let Grant::Open(mut slot) = grant {
        slot.0 = Weak::new();
    }
}
