//! What the workers have in common: one limit over all of their connections, and who waits on which of them.
//!
//! Each worker decides under a lock of its own which of its clients is served. Connections are counted here, so that a limit is the
//! gateway's, however its clients are spread over the workers; and each worker tells here who stands first in its line, so that
//! whoever gives a connection back sees whether somebody goes before its own clients (`pool/passing.rs`).

use super::Pool;
use super::cluster::Cluster;
use super::queue::Rank;
use crate::replica::Place;
use crate::statement::Statements;
use crate::weak::{WeakMap, sweep};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tenantry_core::{ClusterId, DatabaseId, DatabaseRoute, Rights};

/// A tenant whose connection has just come back, or whose clients are this worker's, may go before the first in line by so much virtual
/// time (5 ms of weight 1): that saves a handover or a move, and nobody waits longer than this for it.
pub(super) const AFFINITY: u64 = 5_000_000;

/// Of two that have the same right, one that waits on another worker has waited for so much longer when it goes first.
const PATIENCE: Duration = Duration::from_millis(5);

/// Connections, over all workers. What one worker writes here and then reads another must see the other way round, so that of two
/// who look for each other (one that has a connection to give, one that wants it) at least one finds the other: all is `SeqCst`.
#[derive(Debug, Default)]
pub(super) struct Counts {
    open: AtomicU32,
    lent: AtomicU32,
}

impl Counts {
    /// How many there are, or are being opened.
    pub(super) fn open(&self) -> u32 {
        self.open.load(SeqCst)
    }

    /// How many are in use.
    pub(super) fn lent(&self) -> u32 {
        self.lent.load(SeqCst)
    }

    /// Whether any is idle, on whatever worker.
    pub(super) fn has_idle(&self) -> bool {
        self.open() > self.lent()
    }

    /// A place for one more, if there is one.
    pub(super) fn claim(&self, most: u32) -> bool {
        self.open.fetch_update(SeqCst, SeqCst, |open| (open < most).then_some(open + 1)).is_ok()
    }

    /// So many are gone.
    pub(super) fn free(&self, places: u32) {
        self.open.fetch_sub(places, SeqCst);
    }

    pub(super) fn lend(&self) {
        self.lent.fetch_add(1, SeqCst);
    }

    /// So many are in use no more.
    pub(super) fn end(&self, loans: u32) {
        self.lent.fetch_sub(loans, SeqCst);
    }
}

/// Where the first in a worker's line stands. Of two the smaller goes first, but for [`goes_before`](Self::goes_before).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) busy: bool,
    /// In virtual time.
    due: u64,
    /// Since when it waits, in microseconds of the clock of the [`Line`].
    since: u64,
}

impl Standing {
    /// Whether who waits on another worker goes before who waits on this one.
    fn goes_before(self, ours: Self) -> bool {
        if self.busy != ours.busy {
            return ours.busy;
        }
        match self.due.abs_diff(ours.due) {
            ..=AFFINITY => u128::from(ours.since.saturating_sub(self.since)) > PATIENCE.as_micros(),
            _ => self.due < ours.due,
        }
    }
}

/// Who stands first on each worker.
#[derive(Debug)]
pub(super) struct Line {
    heads: Box<[Head]>,
    /// On how many workers somebody stands.
    waiting: AtomicU32,
    started: Instant,
}

/// Read and written apart: of who has just changed, something old and something new may be seen for a moment, which decides for one
/// connection who gets it.
#[derive(Debug)]
struct Head {
    due: AtomicU64,
    since: AtomicU64,
}

const NOBODY: u64 = u64::MAX;
const BUSY: u64 = 1 << 63;

impl Line {
    fn new(workers: usize) -> Self {
        let nobody = || Head { due: AtomicU64::new(NOBODY), since: AtomicU64::new(0) };
        Self {
            heads: std::iter::repeat_with(nobody).take(workers.max(1)).collect(),
            waiting: AtomicU32::new(0),
            started: Instant::now(),
        }
    }

    /// Who stands first on a worker that has waited since then.
    pub(super) fn standing(&self, rank: Rank, since: Instant) -> Standing {
        let since = u64::try_from(since.duration_since(self.started).as_micros()).unwrap_or(u64::MAX);
        Standing { busy: rank.busy, due: rank.due.min(BUSY - 2), since }
    }

    /// Tells who stands first on a worker. Only the worker itself does, under its lock.
    pub(super) fn tell(&self, worker: usize, first: Option<Standing>) {
        let Some(head) = self.heads.get(worker) else { return };
        let was = head.due.load(SeqCst) != NOBODY;
        if let Some(first) = first {
            head.since.store(first.since, SeqCst);
            head.due.store(first.due | if first.busy { BUSY } else { 0 }, SeqCst);
        } else if was {
            head.due.store(NOBODY, SeqCst);
        }
        match (was, first.is_some()) {
            (false, true) => drop(self.waiting.fetch_add(1, SeqCst)),
            (true, false) => drop(self.waiting.fetch_sub(1, SeqCst)),
            _ => {}
        }
    }

    pub(super) fn of(&self, worker: usize) -> Option<Standing> {
        let head = self.heads.get(worker)?;
        let due = head.due.load(SeqCst);
        (due != NOBODY).then(|| Standing {
            busy: due & BUSY > 0,
            due: due & !BUSY,
            since: head.since.load(SeqCst),
        })
    }

    /// Whether somebody waits, on whatever worker.
    pub(super) fn is_anybody_there(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// The worker other than this on which somebody waits who goes before `ours`, who waits on this one if anybody does.
    pub(super) fn first_before(&self, worker: usize, ours: Option<Standing>) -> Option<(usize, Standing)> {
        if !self.is_anybody_there() {
            return None;
        }
        let others = (0..self.heads.len()).filter(|other| *other != worker);
        let first = others.filter_map(|other| Some((self.of(other)?, other))).min();
        first
            .filter(|(first, _)| ours.is_none_or(|ours| first.goes_before(ours)))
            .map(|(first, at)| (at, first))
    }
}

/// The members of something, one for each worker that has one.
#[derive(Debug)]
pub(super) struct Members<T>(Mutex<Box<[Weak<T>]>>);

impl<T> Members<T> {
    fn new(workers: usize) -> Self {
        Self(Mutex::new(std::iter::repeat_with(Weak::new).take(workers.max(1)).collect()))
    }

    /// Stands for the worker from now on.
    pub(super) fn set(&self, worker: usize, member: Weak<T>) {
        if let Some(place) = self.0.lock().get_mut(worker) {
            *place = member;
        }
    }

    pub(super) fn of(&self, worker: usize) -> Option<Arc<T>> {
        self.0.lock().get(worker).and_then(Weak::upgrade)
    }

    /// Those of other workers than this, the next one's first.
    pub(super) fn others(&self, worker: usize) -> impl Iterator<Item = Arc<T>> {
        let workers = self.0.lock().len();
        (1..workers).filter_map(move |distance| self.of((worker + distance) % workers))
    }
}

/// The pools of one database on all workers.
#[derive(Debug)]
pub(super) struct PoolTotal {
    pub(super) counts: Counts,
    pub(super) line: Line,
    /// Transactions that wait.
    pub(super) waiting: AtomicU32,
    pub(super) pools: Members<Pool>,
    /// Of all workers: a connection that moves keeps what is prepared on it.
    pub(super) statements: Mutex<Statements>,
}

/// The connections of all workers to one server.
#[derive(Debug)]
pub(crate) struct ServerTotal {
    pub(super) counts: Counts,
    /// Who waits for a place under the server's limit.
    pub(super) line: Line,
    pub(super) clusters: Members<Cluster>,
    /// The virtual time: when the transaction that was served last was due.
    clock: AtomicU64,
}

impl ServerTotal {
    pub(super) fn clock(&self) -> u64 {
        self.clock.load(SeqCst)
    }

    /// A transaction is served that was due then.
    pub(super) fn advance(&self, due: u64) {
        if due > self.clock() {
            self.clock.fetch_max(due, SeqCst);
        }
    }
}

/// Of one database: its pools by the route that they serve.
type Known = Vec<(Arc<DatabaseRoute>, Weak<PoolTotal>)>;

/// What is known of each, for as long as a worker has something of it.
#[derive(Debug)]
pub(crate) struct PoolTotals {
    workers: usize,
    pools: Mutex<HashMap<(DatabaseId, Place, Rights), Known>>,
    servers: WeakMap<(ClusterId, Place), ServerTotal>,
}

impl PoolTotals {
    pub(crate) fn new(workers: usize) -> Self {
        Self { workers, pools: Mutex::default(), servers: WeakMap::default() }
    }

    /// Of the pools that serve this route. Another route's run dry beside them.
    pub(super) fn of(&self, route: &Arc<DatabaseRoute>, place: Place, rights: Rights) -> Arc<PoolTotal> {
        let mut pools = self.pools.lock();
        sweep(&mut pools, |known| known.iter().any(|(_, total)| total.strong_count() > 0));
        let known = pools.entry((route.id, place, rights)).or_default();
        let mut fitting = known.iter().filter(|(of, _)| of.differs_in_sizes_at_most(route));
        if let Some(total) = fitting.find_map(|(_, total)| total.upgrade()) {
            return total;
        }
        let total = Arc::new(PoolTotal {
            counts: Counts::default(),
            line: Line::new(self.workers),
            waiting: AtomicU32::new(0),
            pools: Members::new(self.workers),
            statements: Mutex::new(Statements::new()),
        });
        known.retain(|(_, total)| total.strong_count() > 0);
        known.push((Arc::clone(route), Arc::downgrade(&total)));
        total
    }

    pub(crate) fn server(&self, cluster: ClusterId, place: Place) -> Arc<ServerTotal> {
        self.servers.of((cluster, place), || ServerTotal {
            counts: Counts::default(),
            line: Line::new(self.workers),
            clusters: Members::new(self.workers),
            clock: AtomicU64::new(0),
        })
    }
}
