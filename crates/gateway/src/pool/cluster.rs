//! One PostgreSQL server, as one worker sees it: its connections to all of the server's databases, and which of those who wait on
//! this worker gets the next one.
//!
//! Everything is decided under one lock, which other workers take only to move a connection (`pool/passing.rs`). What is to be closed
//! is handed out and dropped after the lock is released: closing gives back a place, which takes the lock again. What it has of one pool is in
//! `cluster/part.rs`; what goes between it and other workers in `cluster/between.rs`.

mod between;
mod part;

use super::idle::{Boxes, Visit};
use super::queue::{Rank, Waits};
use super::tend::begin_reset;
use super::total::{AFFINITY, PoolTotal, ServerTotal};
use super::{Grant, Lease, Pool, Slot};
use crate::account::Account;
use crate::backend::{Residue, ServerConnection, State};
use crate::limit::timer::Timers;
pub(super) use between::Next;
use parking_lot::Mutex;
use part::PoolConnections;
pub(super) use part::Size;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;
use tenantry_core::{Limits, TenantId};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// What has to be dropped once the lock is released.
pub(super) type Leftovers = Vec<Grant>;

/// One part in so many of the connections is kept for tenants that use none.
const RESERVE: u32 = 8;

/// A server, for one worker.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(super) worker: usize,
    pub(super) total: Arc<ServerTotal>,
    pub(super) state: Mutex<Connections>,
    pub(crate) timers: Timers,
    /// The worker's event loop, which wakes who waits for a connection's bytes.
    pub(super) events: Handle,
}

impl Cluster {
    /// Of the worker whose event loop this is called in.
    pub(crate) fn new(worker: usize, total: Arc<ServerTotal>) -> Arc<Self> {
        let cluster = Arc::new(Self {
            worker,
            state: Mutex::new(Connections::new(worker, Arc::clone(&total))),
            total,
            timers: Timers::default(),
            events: Handle::current(),
        });
        cluster.total.clusters.set(worker, Arc::downgrade(&cluster));
        cluster
    }

    /// Wakes who is overdue, and looks for what those could have who wait.
    pub(crate) fn tick(&self) {
        self.timers.tick();
        let waiting = self.change(|connections, leftovers| {
            connections.look_again(leftovers, |_| None);
            connections.waiting()
        });
        for pool in waiting {
            pool.fetch();
        }
    }

    /// Changes something under the lock. What is left over is dropped outside of it, because that takes the lock again.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Connections, &mut Leftovers) -> R) -> R {
        let mut leftovers = Leftovers::new();
        let result = change(&mut self.state.lock(), &mut leftovers);
        drop(leftovers);
        result
    }
}

/// The connections of one server.
#[derive(Debug)]
pub(super) struct Connections {
    worker: usize,
    total: Arc<ServerTotal>,
    /// How many there may be, over all workers.
    cap: u32,
    last_pool: u64,
    pools: FxHashMap<u64, PoolConnections>,
    /// Pools in which somebody waits.
    contended: Vec<u64>,
}

/// A transaction that waits for a connection.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) answer: oneshot::Sender<Grant>,
    pub(super) visit: Visit,
    pub(super) since: Instant,
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

/// Why nothing was lent.
#[derive(Debug)]
pub(super) enum NotGranted {
    /// The tenant has all that it may have.
    NoRoom,
    /// All places are taken.
    NoPlace,
    /// The pool is being dropped.
    Gone,
}

/// Who is served with what there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    /// Whoever goes first on any worker: what is another's is left for it.
    First,
    /// Whoever goes first on this one.
    Ours,
}

impl Connections {
    fn new(worker: usize, total: Arc<ServerTotal>) -> Self {
        let (pools, contended) = (FxHashMap::default(), Vec::new());
        Self { worker, total, cap: u32::MAX, last_pool: 0, pools, contended }
    }

    /// Makes room for a pool. What is known of the server is what the newest route has told.
    pub(super) fn add(&mut self, pool: Weak<Pool>, total: Arc<PoolTotal>, size: Size) -> u64 {
        self.cap = size.cap;
        self.last_pool += 1;
        self.pools.insert(self.last_pool, PoolConnections::new(pool, total, size));
        self.last_pool
    }

    /// Changes how many there may be. Idle ones that are too many are closed, those in use when they come back.
    pub(super) fn resize(&mut self, id: u64, size: Size, leftovers: &mut Leftovers) {
        self.cap = size.cap;
        if let Some(pool) = self.pools.get_mut(&id) {
            (pool.limit, pool.reserve) = (size.limit, size.reserve);
            while pool.total.counts.open() > pool.limit + gone(leftovers)
                && let Some(connection) = pool.idle.pop_oldest()
            {
                leftovers.push(Grant::Connection(connection));
            }
        }
        self.dispatch(Whom::Ours, leftovers);
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.contended.retain(|pool| *pool != id);
        if let Some(pool) = self.pools.remove(&id) {
            // Of what is still out there nobody will tell.
            for counts in [&pool.total.counts, &self.total.counts] {
                counts.free(pool.open);
                counts.end(pool.lent);
            }
            pool.total.line.tell(self.worker, None);
        }
        self.tell();
    }

    pub(super) fn pool(&mut self, id: u64) -> Option<&mut PoolConnections> {
        self.pools.get_mut(&id)
    }

    /// A connection for who has just asked, if nobody else has a right to it.
    pub(super) fn take(&mut self, id: u64, account: &Arc<Account>, visit: Visit) -> Option<Grant> {
        let pool = self.pools.get(&id)?;
        if pool.queue.is_anybody_ranked()
            || (pool.idle.is_empty() && !self.may_open(pool))
            || self.is_reserved(pool, account.in_use() > 0)
        {
            return None;
        }
        self.grant(id, account, visit).ok()
    }

    /// The same, if an idle one is there.
    pub(super) fn take_idle(&mut self, id: u64, account: &Arc<Account>, visit: Visit) -> Option<Grant> {
        let is_there = self.pools.get(&id).is_some_and(|pool| !pool.idle.is_empty());
        is_there.then(|| self.take(id, account, visit)).flatten()
    }

    /// Puts somebody in line, of at most so many.
    pub(super) fn enqueue(&mut self, id: u64, account: &Arc<Account>, waiter: Waiter, most: usize) {
        let clock = self.total.clock();
        let Some(pool) = self.pools.get_mut(&id) else { return };
        if pool.queue.len() >= most {
            // More than may wait have come: some of them have left.
            pool.queue.forget_gone(clock);
        }
        pool.queue.push(account, waiter, clock);
        if !self.contended.contains(&id) {
            self.contended.push(id);
        }
    }

    /// Whether what is left is kept for tenants that use no connection.
    fn is_reserved(&self, pool: &PoolConnections, busy: bool) -> bool {
        let is_left = |lent: u32, reserve: u32, most: u32| lent.saturating_add(reserve) < most;
        busy && !(is_left(pool.total.counts.lent(), pool.reserve, pool.limit)
            && is_left(self.total.counts.lent(), self.cap / RESERVE, self.cap))
    }

    pub(super) fn is_full(&self) -> bool {
        self.total.counts.open() >= self.cap
    }

    fn may_open(&self, pool: &PoolConnections) -> bool {
        pool.is_below_limit() && !self.is_full()
    }

    /// Who is to be served next, of all pools.
    fn first(&self) -> Option<(Rank, u64, TenantId)> {
        let candidates = self.contended.iter().filter_map(|id| {
            let pool = self.pools.get(id)?;
            let (rank, tenant) = pool.queue.first()?;
            let has_place = !self.is_full() || self.may_evict(*id);
            let possible = !pool.idle.is_empty() || (pool.is_below_limit() && has_place);
            (possible && !self.is_reserved(pool, rank.busy)).then_some((rank, *id, tenant))
        });
        candidates.min()
    }

    fn may_evict(&self, except: u64) -> bool {
        self.pools.iter().any(|(id, pool)| *id != except && !pool.idle.is_empty())
    }

    /// Serves those who wait, as long as there is something to serve them with.
    pub(super) fn dispatch(&mut self, whom: Whom, leftovers: &mut Leftovers) {
        if self.contended.is_empty() {
            return;
        }
        while let Some((_, id, tenant)) = self.first()
            && (whom == Whom::Ours || self.goes_before_us(id).is_none())
            && self.serve(id, tenant, leftovers) == Served::Yes
        {}
        self.tell();
        let pools = &self.pools;
        self.contended.retain(|id| pools.get(id).is_some_and(|pool| pool.queue.len() > 0));
    }

    fn serve(&mut self, id: u64, tenant: TenantId, leftovers: &mut Leftovers) -> Served {
        let clock = self.total.clock();
        let full = self.is_full();
        let Some(pool) = self.pools.get_mut(&id) else { return Served::Later };
        let Some((account, waiter)) = pool.queue.pop(tenant) else {
            pool.queue.rank(tenant, clock);
            return Served::Yes;
        };
        if pool.idle.is_empty() && full {
            pool.queue.unpop(tenant, waiter);
            leftovers.extend(self.evict(Some(id)).map(Grant::Connection));
            return Served::Later;
        }
        let why = match self.grant(id, &account, waiter.visit) {
            Ok(grant) => {
                // They may have gone just now.
                leftovers.extend(waiter.answer.send(grant).err());
                self.rank(id, tenant);
                return Served::Yes;
            }
            Err(why) => why,
        };
        let Some(pool) = self.pools.get_mut(&id) else { return Served::Later };
        pool.queue.unpop(tenant, waiter);
        match why {
            // Another worker took the last one just now.
            NotGranted::NoRoom => pool.queue.rank(tenant, clock),
            NotGranted::NoPlace => return Served::Later,
            NotGranted::Gone => pool.queue.hold_back(tenant),
        }
        Served::Yes
    }

    /// Looks anew at where a tenant stands.
    pub(super) fn rank(&mut self, id: u64, tenant: TenantId) {
        let clock = self.total.clock();
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.queue.rank(tenant, clock);
        }
    }

    /// The connection that has been idle for longest, in any pool but one.
    pub(super) fn evict(&mut self, except: Option<u64>) -> Option<Box<ServerConnection>> {
        let others = self.pools.iter_mut().filter(|(id, _)| Some(**id) != except);
        let oldest = others.filter_map(|(_, pool)| Some((pool.idle.oldest()?, pool)));
        oldest.min_by_key(|(since, _)| *since).and_then(|(_, pool)| pool.idle.pop_oldest())
    }

    /// Lends a connection, or the right to open one.
    fn grant(&mut self, id: u64, account: &Arc<Account>, visit: Visit) -> Result<Grant, NotGranted> {
        let pool = self.pools.get_mut(&id).ok_or(NotGranted::Gone)?;
        let opens = pool.idle.is_empty();
        if opens && !pool.claim(&self.total, self.cap) {
            return Err(NotGranted::NoPlace);
        }
        let lease = match Lease::begin(&pool.pool, account, self.total.clock()) {
            Ok(lease) => lease,
            Err(why) => {
                if opens {
                    pool.unclaim(&self.total);
                }
                return Err(why);
            }
        };
        self.total.advance(lease.due());
        pool.lent += 1;
        pool.total.counts.lend();
        self.total.counts.lend();
        if let Some(mut connection) = pool.idle.pick(account.tenant, visit) {
            connection.lease = Some(lease);
            return Ok(Grant::Connection(connection));
        }
        Ok(Grant::Open(Slot::of(Weak::clone(&pool.pool)), lease))
    }

    /// A connection is in use no more: given back, or about to be closed.
    pub(super) fn end(&mut self, id: u64, account: &Account) {
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.lent -= 1;
            pool.total.counts.end(1);
            self.total.counts.end(1);
        }
        self.rank(id, account.tenant);
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, id: u64) {
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.unclaim(&self.total);
        }
    }

    /// Takes a connection back, and gives it to whoever is next or keeps it.
    pub(super) fn give_back(
        &mut self,
        id: u64,
        mut connection: Box<ServerConnection>,
        leftovers: &mut Leftovers,
    ) {
        let full = self.total.counts.open() > self.cap;
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
            && self.goes_before_us(id).is_none()
        {
            let _served = self.serve(id, inside, leftovers);
        }
        self.dispatch(Whom::First, leftovers);
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
        let clock = self.total.clock();
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
        self.dispatch(Whom::Ours, leftovers);
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
