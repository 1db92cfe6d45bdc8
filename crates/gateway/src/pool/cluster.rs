//! One PostgreSQL server, as one worker sees it: its connections to all of the server's databases, and which of those who wait on
//! this worker gets the next one.
//!
//! Everything is decided under one lock, which other workers take only to move a connection (`pool/passing.rs`). What is to be closed
//! is handed out and dropped after the lock is released: closing gives back a place, which takes the lock again.

use super::idle::{Boxes, Idle, Visit};
use super::queue::{Queue, Rank, Waits};
use super::tend::begin_reset;
use super::total::{AFFINITY, PoolTotal, ServerTotal, Standing};
use super::{Grant, Lease, Pool, PoolSize, Slot};
use crate::account::Account;
use crate::backend::{Parameters, Residue, ServerConnection, State};
use crate::config::Config;
use crate::limit::timer::Timers;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;
use tenantry_core::{DatabaseRoute, Limits, TenancyModel, TenantId};
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

/// The connections of one pool.
#[derive(Debug)]
pub(super) struct PoolConnections {
    total: Arc<PoolTotal>,
    /// How many there may be, over all workers.
    limit: u32,
    /// How many of them are kept for tenants that use none.
    reserve: u32,
    /// How many this worker has.
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

/// How many connections there may be, over all workers.
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
    pub(super) fn of(route: &DatabaseRoute, config: &Config, model: TenancyModel) -> Self {
        let limit = route.max_connections.max(1);
        Self {
            limit,
            reserve: if model.is_pooled() { limit / RESERVE } else { 0 },
            cap: if route.cluster_connections == 0 { u32::MAX } else { route.cluster_connections },
            schemas: config.max_server_schemas,
        }
    }
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

/// Where somebody waits who goes before everybody on this worker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    /// For a connection of the pool, on that worker.
    Pool(usize),
    /// For a place on the server.
    Server(usize),
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
        let pool = PoolConnections {
            total,
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
        let server = if self.cap == u32::MAX { 0 } else { self.cap / RESERVE };
        let is_left = |lent: u32, reserve: u32, most: u32| lent.saturating_add(reserve) < most;
        busy && !(is_left(pool.total.counts.lent(), pool.reserve, pool.limit)
            && is_left(self.total.counts.lent(), server, self.cap))
    }

    /// Whether the pool may have one more, as far as its server lets it.
    fn is_below_limit(pool: &PoolConnections) -> bool {
        pool.total.counts.open() < pool.limit
    }

    pub(super) fn is_full(&self) -> bool {
        self.total.counts.open() >= self.cap
    }

    fn may_open(&self, pool: &PoolConnections) -> bool {
        Self::is_below_limit(pool) && !self.is_full()
    }

    /// Who is to be served next, of all pools.
    fn first(&self) -> Option<(Rank, u64, TenantId)> {
        let candidates = self.contended.iter().filter_map(|id| {
            let pool = self.pools.get(id)?;
            let (rank, tenant) = pool.queue.first()?;
            let has_place = !self.is_full() || self.may_evict(*id);
            let possible = !pool.idle.is_empty() || (Self::is_below_limit(pool) && has_place);
            (possible && !self.is_reserved(pool, rank.busy)).then_some((rank, *id, tenant))
        });
        candidates.min()
    }

    /// Tells the other workers who stands first here.
    fn tell(&self) {
        let capped = self.cap != u32::MAX;
        let mut first_of_server: Option<Standing> = None;
        for pool in self.contended.iter().filter_map(|id| self.pools.get(id)) {
            let standing = pool.standing();
            pool.total.line.tell(self.worker, standing);
            let waits_for_place = capped && pool.idle.is_empty() && Self::is_below_limit(pool);
            if let Some(standing) = standing.filter(|_| waits_for_place) {
                first_of_server = Some(first_of_server.map_or(standing, |first| first.min(standing)));
            }
        }
        self.total.line.tell(self.worker, first_of_server);
    }

    /// The worker on which somebody waits who goes before everybody here: for a connection of the pool, or for a place on its server.
    fn goes_before_us(&self, id: u64) -> Option<Next> {
        let pool = self.pools.get(&id)?;
        let (of_pool, of_server) = (&pool.total.line, &self.total.line);
        if !of_pool.is_anybody_there() && !of_server.is_anybody_there() {
            return None;
        }
        let ours = pool.standing();
        let next = of_pool.first_before(self.worker, ours);
        if let Some((worker, standing)) = next
            && !self.is_reserved(pool, standing.busy)
        {
            return Some(Next::Pool(worker));
        }
        let next = of_server.first_before(self.worker, ours);
        next.map(|(worker, _)| Next::Server(worker))
    }

    /// The same, if there is anything to give.
    pub(super) fn next_elsewhere(&self, id: u64) -> Option<Next> {
        let pool = self.pools.get(&id)?;
        match self.goes_before_us(id)? {
            Next::Pool(_) if pool.idle.is_empty() && !self.may_open(pool) => None,
            Next::Server(_) if self.is_full() && self.pools.values().all(|pool| pool.idle.is_empty()) => None,
            next => Some(next),
        }
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

    /// A tenant that was held back on this worker may have room again: tells the others where it stands.
    pub(super) fn let_go(&mut self, id: u64, tenant: TenantId) {
        self.rank(id, tenant);
        self.tell();
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

    /// Whose turn it would be, if this worker had one more idle connection of the pool.
    pub(super) fn wants(&mut self, id: u64) -> Option<(TenantId, Visit)> {
        let pool = self.pools.get(&id).filter(|pool| pool.idle.is_empty() && !pool.closed)?;
        let (rank, tenant) = pool.queue.first()?;
        let visit = pool.queue.front(tenant)?.visit;
        (!self.is_reserved(pool, rank.busy)).then_some((tenant, visit))
    }

    /// An idle connection for another worker that has a client of the tenant's waiting. It is that worker's from now on.
    pub(super) fn spare(&mut self, id: u64, tenant: TenantId, visit: Visit) -> Option<Box<ServerConnection>> {
        let pool = self.pools.get_mut(&id)?;
        let connection = pool.idle.pick(tenant, visit)?;
        pool.open -= 1;
        Some(connection)
    }

    /// Takes over another worker's connection, and serves who is next on this one.
    pub(super) fn take_over(
        &mut self,
        id: u64,
        connection: Box<ServerConnection>,
        is_usable: bool,
        leftovers: &mut Leftovers,
    ) {
        let Some(pool) = self.pools.get_mut(&id) else {
            return leftovers.push(Grant::Connection(connection));
        };
        pool.open += 1;
        if !is_usable || !pool.keeps(&connection) {
            return leftovers.push(Grant::Connection(connection));
        }
        pool.idle.push(connection);
        self.dispatch(Whom::Ours, leftovers);
    }

    /// The pools that could do with one more connection.
    fn waiting(&self) -> Vec<Arc<Pool>> {
        let pools = self.contended.iter().filter_map(|id| self.pools.get(id));
        pools.filter(|pool| pool.idle.is_empty()).filter_map(|pool| pool.pool.upgrade()).collect()
    }

    /// Whether a place on the server, and nothing else, is what the pool's clients wait for.
    pub(super) fn lacks_place(&self, id: u64) -> bool {
        self.is_full() && self.pools.get(&id).is_some_and(Self::is_below_limit)
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

impl PoolConnections {
    /// A place for one more, if there is one.
    fn claim(&mut self, server: &ServerTotal, cap: u32) -> bool {
        if !self.total.counts.claim(self.limit) {
            return false;
        }
        if !server.counts.claim(cap) {
            self.total.counts.free(1);
            return false;
        }
        self.open += 1;
        true
    }

    /// Where the first stands who waits for the pool's connections, of those who may be served.
    fn standing(&self) -> Option<Standing> {
        let (rank, tenant) = self.queue.first()?;
        let since = self.queue.front(tenant)?.since;
        Some(self.total.line.standing(rank, since))
    }

    fn unclaim(&mut self, server: &ServerTotal) {
        self.open -= 1;
        self.total.counts.free(1);
        server.counts.free(1);
    }

    pub(super) fn size(&self) -> PoolSize {
        PoolSize { limit: self.limit, open: self.open, idle: self.idle.len(), waiting: self.queue.len() }
    }

    /// Whether a connection that comes back is kept.
    fn keeps(&self, connection: &ServerConnection) -> bool {
        let retired = self.retired.is_some_and(|at| connection.cancel.opened <= at);
        !self.closed && !retired && self.total.counts.open() <= self.limit && !self.idle.is_worn(connection)
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
