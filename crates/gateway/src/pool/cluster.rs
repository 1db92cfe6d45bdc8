//! One PostgreSQL server, as one worker sees it: how many connections there are, over all its databases, and which of those
//! who wait gets the next one.
//!
//! Everything is decided under one lock, which this worker alone takes. What is to be closed is handed out and dropped after
//! the lock is released: closing gives back a place, which takes the lock again.

use super::idle::{Boxes, Idle, Visit};
use super::queue::{Queue, Rank, Waits};
use super::tend::begin_reset;
use super::{Grant, Lease, Pool, PoolSize, Slot};
use crate::account::Account;
use crate::backend::{Parameters, Residue, ServerConnection, State};
use crate::config::Config;
use crate::error::ClientError;
use crate::limit::timer::Timers;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;
use tenantry_core::{DatabaseRoute, ErrorKind, Limits, TenancyModel, TenantId};
use tokio::sync::oneshot;

/// What has to be dropped once the lock is released.
pub(super) type Leftovers = Vec<Grant>;

/// A tenant whose connection has just come back may go before the first in line by so much virtual time (5 ms of weight 1): that
/// saves a handover, and nobody waits longer than this for it.
const AFFINITY: u64 = 5_000_000;

/// One part in so many of the connections is kept for tenants that use none.
const RESERVE: u32 = 8;

/// One worker's part of what the gateway may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Which of the workers, from 0.
    pub(crate) worker: u32,
    pub(crate) workers: u32,
}

impl Share {
    /// All workers' parts add up to `n`; but every one has one, or its clients would wait for ever.
    fn of(self, n: u32) -> u32 {
        let rest = u32::from(self.worker < n % self.workers);
        (n / self.workers + rest).max(1)
    }
}

/// A server, for one worker.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(super) share: Share,
    pub(super) state: Mutex<Connections>,
    pub(crate) timers: Timers,
}

impl Cluster {
    pub(crate) fn new(share: Share) -> Self {
        Self { share, state: Mutex::default(), timers: Timers::default() }
    }

    /// Wakes who is overdue, and serves tenants that waited for what another worker has given back.
    pub(crate) fn tick(&self) {
        self.timers.tick();
        let mut leftovers = Leftovers::new();
        self.state.lock().look_again(&mut leftovers, |_| None);
        drop(leftovers);
    }
}

/// The connections of one server.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// How many there may be.
    cap: u32,
    /// How many there are, or are being opened.
    open: u32,
    /// How many are in use.
    lent: u32,
    /// The virtual time: when the transaction that was served last was due.
    clock: u64,
    last_pool: u64,
    pools: FxHashMap<u64, PoolConnections>,
    /// Pools in which somebody waits.
    contended: Vec<u64>,
}

/// The connections of one pool.
#[derive(Debug)]
pub(super) struct PoolConnections {
    limit: u32,
    /// How many are kept for tenants that use none.
    reserve: u32,
    open: u32,
    lent: u32,
    pub(super) idle: Idle,
    queue: Queue<Waiter>,
    /// Replaced by a pool with a newer route: nothing is kept any more.
    closed: bool,
    /// Connections opened before this are closed instead of being kept.
    retired: Option<Instant>,
    pub(super) parameters: Option<Arc<Parameters>>,
    pool: Weak<Pool>,
}

/// How many connections one worker may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// To the database.
    limit: u32,
    reserve: u32,
    /// To the server.
    cap: u32,
    /// Tenants' tables that one backend may have seen.
    schemas: usize,
}

impl Size {
    pub(super) fn of(route: &DatabaseRoute, share: Share, config: &Config, model: TenancyModel) -> Self {
        let limit = share.of(route.max_connections);
        Self {
            limit,
            reserve: if model.is_pooled() { limit / RESERVE } else { 0 },
            cap: if route.cluster_connections == 0 { u32::MAX } else { share.of(route.cluster_connections) },
            schemas: config.max_server_schemas,
        }
    }
}

/// A transaction that waits for a connection.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) answer: oneshot::Sender<Grant>,
    pub(super) visit: Visit,
}

impl Waits for Waiter {
    fn is_waiting(&self) -> bool {
        !self.answer.is_closed()
    }
}

/// Whether somebody could be served.
#[derive(PartialEq, Eq)]
enum Served {
    Yes,
    /// A connection of another pool is closed first; its place comes back when it is dropped.
    Later,
}

impl Connections {
    /// Makes room for a pool. What is known of the server is what the newest route has told.
    pub(super) fn add(&mut self, pool: Weak<Pool>, size: Size) -> u64 {
        self.cap = size.cap;
        self.last_pool += 1;
        let pool = PoolConnections {
            limit: size.limit,
            reserve: size.reserve,
            open: 0,
            lent: 0,
            idle: Idle::new(size.schemas),
            queue: Queue::default(),
            closed: false,
            retired: None,
            parameters: None,
            pool,
        };
        self.pools.insert(self.last_pool, pool);
        self.last_pool
    }

    /// Changes how many there may be. Idle ones that are too many are closed, those in use when they come back.
    pub(super) fn resize(&mut self, id: u64, size: Size, leftovers: &mut Leftovers) {
        self.cap = size.cap;
        if let Some(pool) = self.pools.get_mut(&id) {
            (pool.limit, pool.reserve) = (size.limit, size.reserve);
            while pool.open > pool.limit + gone(leftovers)
                && let Some(connection) = pool.idle.pop_oldest()
            {
                leftovers.push(Grant::Connection(connection));
            }
        }
        self.dispatch(leftovers);
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.pools.remove(&id);
        self.contended.retain(|pool| *pool != id);
    }

    pub(super) fn pool(&mut self, id: u64) -> Option<&mut PoolConnections> {
        self.pools.get_mut(&id)
    }

    /// A connection for who has just asked, if nobody else has a right to it.
    pub(super) fn take(&mut self, id: u64, account: &Arc<Account>, visit: Visit) -> Option<Grant> {
        let pool = self.pools.get(&id)?;
        let may_open = pool.open < pool.limit && self.open < self.cap;
        if pool.queue.is_anybody_ranked()
            || (pool.idle.is_empty() && !may_open)
            || self.is_reserved(pool, account.in_use() > 0)
        {
            return None;
        }
        self.grant(id, account, visit)
    }

    /// The same, if an idle one is there.
    pub(super) fn take_idle(&mut self, id: u64, account: &Arc<Account>, visit: Visit) -> Option<Grant> {
        let is_there = self.pools.get(&id).is_some_and(|pool| !pool.idle.is_empty());
        is_there.then(|| self.take(id, account, visit)).flatten()
    }

    /// Whether one more may wait: of the tenant, and of all.
    pub(super) fn check_queue(
        &mut self,
        id: u64,
        account: &Account,
        of_tenant: usize,
        of_all: usize,
    ) -> Result<(), ClientError> {
        let clock = self.clock;
        let Some(pool) = self.pools.get_mut(&id) else { return Ok(()) };
        if pool.queue.len_of(account.tenant) >= of_tenant {
            pool.queue.forget_gone(account.tenant, clock);
        }
        if pool.queue.len() >= of_all {
            pool.queue.forget_all_gone(clock);
        }
        if pool.queue.len_of(account.tenant) < of_tenant && pool.queue.len() < of_all {
            return Ok(());
        }
        account.stats.limited.add(1);
        Err(ClientError::new(ErrorKind::LimitReached, "too many transactions are waiting")
            .with_hint("try again in a moment"))
    }

    /// Puts somebody in line.
    pub(super) fn enqueue(&mut self, id: u64, account: &Arc<Account>, waiter: Waiter) {
        let clock = self.clock;
        let Some(pool) = self.pools.get_mut(&id) else { return };
        pool.queue.push(account, waiter, clock);
        if !self.contended.contains(&id) {
            self.contended.push(id);
        }
    }

    /// Whether what is left is kept for tenants that use no connection.
    fn is_reserved(&self, pool: &PoolConnections, busy: bool) -> bool {
        let server = if self.cap == u32::MAX { 0 } else { self.cap / RESERVE };
        busy && (pool.lent + pool.reserve >= pool.limit || self.lent + server >= self.cap)
    }

    /// Who is to be served next, of all pools.
    fn first(&self) -> Option<(Rank, u64, TenantId)> {
        let candidates = self.contended.iter().filter_map(|id| {
            let pool = self.pools.get(id)?;
            let (rank, tenant) = pool.queue.first()?;
            let has_place = self.open < self.cap || self.may_evict(*id);
            let possible = !pool.idle.is_empty() || (pool.open < pool.limit && has_place);
            (possible && !self.is_reserved(pool, rank.busy)).then_some((rank, *id, tenant))
        });
        candidates.min()
    }

    fn may_evict(&self, except: u64) -> bool {
        self.pools.iter().any(|(id, pool)| *id != except && !pool.idle.is_empty())
    }

    /// Serves those who wait, as long as there is something to serve them with.
    pub(super) fn dispatch(&mut self, leftovers: &mut Leftovers) {
        if self.contended.is_empty() {
            return;
        }
        while let Some((_, id, tenant)) = self.first()
            && self.serve(id, tenant, leftovers) == Served::Yes
        {}
        let pools = &self.pools;
        self.contended.retain(|id| pools.get(id).is_some_and(|pool| pool.queue.len() > 0));
    }

    fn serve(&mut self, id: u64, tenant: TenantId, leftovers: &mut Leftovers) -> Served {
        let clock = self.clock;
        let full = self.open >= self.cap;
        let Some(pool) = self.pools.get_mut(&id) else { return Served::Later };
        let Some((account, waiter)) = pool.queue.pop(tenant) else {
            pool.queue.rank(tenant, clock);
            return Served::Yes;
        };
        if pool.idle.is_empty() && full {
            pool.queue.unpop(tenant, waiter);
            leftovers.extend(self.evict(id).map(Grant::Connection));
            return Served::Later;
        }
        if let Some(grant) = self.grant(id, &account, waiter.visit) {
            // They may have gone just now.
            leftovers.extend(waiter.answer.send(grant).err());
            self.rank(id, tenant);
        } else if let Some(pool) = self.pools.get_mut(&id) {
            // Another worker took the tenant's last place just now.
            pool.queue.unpop(tenant, waiter);
            pool.queue.hold_back(tenant);
        }
        Served::Yes
    }

    /// Looks anew at where a tenant stands.
    fn rank(&mut self, id: u64, tenant: TenantId) {
        let clock = self.clock;
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.queue.rank(tenant, clock);
        }
    }

    /// The connection that has been idle for longest, in another pool than this.
    fn evict(&mut self, except: u64) -> Option<Box<ServerConnection>> {
        let others = self.pools.iter_mut().filter(|(id, _)| **id != except);
        let oldest = others.filter_map(|(_, pool)| Some((pool.idle.oldest()?, pool)));
        oldest.min_by_key(|(since, _)| *since).and_then(|(_, pool)| pool.idle.pop_oldest())
    }

    /// Lends a connection, or the right to open one. `None` when the tenant has all that it may have.
    fn grant(&mut self, id: u64, account: &Arc<Account>, visit: Visit) -> Option<Grant> {
        let due = account.due(self.clock);
        let pool = self.pools.get_mut(&id)?;
        let lease = Lease::begin(pool.pool.upgrade()?, account, self.clock)?;
        self.clock = self.clock.max(due);
        self.lent += 1;
        pool.lent += 1;
        if let Some(mut connection) = pool.idle.pick(account.tenant, visit) {
            connection.lease = Some(lease);
            return Some(Grant::Connection(connection));
        }
        pool.open += 1;
        self.open += 1;
        Some(Grant::Open(Slot(Weak::clone(&pool.pool)), lease))
    }

    /// A connection is in use no more: given back, or about to be closed.
    pub(super) fn end(&mut self, id: u64, account: &Account) {
        self.lent -= 1;
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.lent -= 1;
        }
        self.rank(id, account.tenant);
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, id: u64) {
        self.open -= 1;
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.open -= 1;
        }
    }

    /// Takes a connection back, and gives it to whoever is next or keeps it.
    pub(super) fn give_back(
        &mut self,
        id: u64,
        mut connection: Box<ServerConnection>,
        leftovers: &mut Leftovers,
    ) {
        let full = self.open > self.cap;
        let kept = self.pools.get_mut(&id).filter(|pool| !full && pool.keeps(&connection));
        let Some(pool) = kept.filter(|_| leave(&mut connection)) else {
            return leftovers.push(Grant::Connection(connection));
        };
        connection.io.trim_buffers();
        let inside = match connection.state {
            State::Entered { tenant, .. } => Some(tenant),
            _ => None,
        };
        pool.idle.push(connection);
        // Whose turn is it, now that it is there? Perhaps that of the tenant that it is inside, which is next in any case.
        if let Some(inside) = inside
            && let Some((first, at, tenant)) = self.first()
            && (at, tenant) != (id, inside)
            && self.comes_soon(id, inside, first)
        {
            let _served = self.serve(id, inside, leftovers);
        }
        self.dispatch(leftovers);
    }

    /// Whether a tenant may go before the first in line.
    fn comes_soon(&self, id: u64, tenant: TenantId, first: Rank) -> bool {
        let rank = self.pools.get(&id).and_then(|pool| pool.queue.rank_of(tenant));
        rank.is_some_and(|rank| rank.busy == first.busy && rank.due <= first.due.saturating_add(AFFINITY))
    }

    /// Puts back idle connections that were taken out to be looked after.
    pub(super) fn put_back(&mut self, id: u64, connections: Boxes, leftovers: &mut Leftovers) {
        match self.pools.get_mut(&id).filter(|pool| !pool.closed) {
            Some(pool) => pool.idle.put_back(connections),
            None => leftovers.extend(connections.into_iter().map(Grant::Connection)),
        }
    }

    /// Closes what is idle, and whatever was opened before `now` when it comes back.
    pub(super) fn retire(&mut self, id: u64, now: Instant, leftovers: &mut Leftovers) {
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.retired = Some(now);
            leftovers.extend(pool.idle.take().into_iter().map(Grant::Connection));
        }
    }

    /// Closes what is idle, and whatever comes back later.
    pub(super) fn close(&mut self, id: u64, leftovers: &mut Leftovers) {
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.closed = true;
            leftovers.extend(pool.idle.take().into_iter().map(Grant::Connection));
        }
    }

    /// Looks anew at tenants that were held back: limits may have changed, other workers may have given something back.
    pub(super) fn look_again(
        &mut self,
        leftovers: &mut Leftovers,
        limits: impl Fn(TenantId) -> Option<Limits>,
    ) {
        let clock = self.clock;
        for id in &self.contended {
            if let Some(pool) = self.pools.get_mut(id) {
                for account in pool.queue.accounts() {
                    if let Some(limits) = limits(account.tenant) {
                        account.set_limits(limits);
                    }
                }
                pool.queue.rank_held_back(clock);
            }
        }
        self.dispatch(leftovers);
    }
}

impl PoolConnections {
    pub(super) fn size(&self) -> PoolSize {
        PoolSize { limit: self.limit, open: self.open, idle: self.idle.len(), waiting: self.queue.len() }
    }

    /// Whether a connection that comes back is kept.
    fn keeps(&self, connection: &ServerConnection) -> bool {
        let retired = self.retired.is_some_and(|at| connection.cancel.opened <= at);
        !self.closed && !retired && self.open <= self.limit && !self.idle.is_worn(connection)
    }
}

/// Begins the reset of a connection whose context is not certain. What less than that leaves behind is cleared on the way
/// into the next tenant. False when the connection broke.
fn leave(connection: &mut ServerConnection) -> bool {
    let entered = matches!(connection.state, State::Entered { .. });
    !entered || connection.residue < Residue::Context || begin_reset(connection)
}

fn gone(leftovers: &Leftovers) -> u32 {
    u32::try_from(leftovers.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn parts_add_up() {
        for workers in 1..9 {
            let parts = |n| (0..workers).map(move |worker| Share { worker, workers }.of(n));
            for n in workers..40 {
                assert_eq!(parts(n).sum::<u32>(), n, "{n} among {workers}");
                assert!(parts(n).max() <= parts(n).min().map(|least| least + 1), "{n} among {workers}");
            }
            for n in 0..workers {
                assert!(parts(n).all(|part| part == 1), "{n} among {workers}");
            }
        }
    }
}
