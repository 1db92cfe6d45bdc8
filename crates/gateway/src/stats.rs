//! What a worker counts: by tenant, by pool and for itself.
//!
//! A worker's numbers are written by that worker alone and read by whoever reports (`report.rs`), so a count is a load and
//! a store without a lock, and no cache line is written by two cores. Deliberately not here: names, labels and formats.

mod histogram;

pub(crate) use histogram::{BUCKETS, Histogram, Snapshot, bucket_limit};

use crate::replica::Place;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tenantry_core::{DatabaseId, Rights, TenantId};

/// A number that one thread adds to and any thread may read.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Only ever called by the worker that owns the counter: with two writers, counts would be lost.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The classes of SQLSTATE that are told apart; all others are the last.
pub(crate) const CLASSES: [&str; 28] = [
    "08", "0A", "21", "22", "23", "24", "25", "26", "28", "2D", "34", "38", "39", "3B", "3D", "3F", "40",
    "42", "44", "53", "54", "55", "57", "58", "72", "P0", "XX", "other",
];

/// One tenant on one worker.
#[derive(Debug, Default)]
pub(crate) struct TenantStats {
    pub(crate) transactions: Counter,
    pub(crate) statements: Counter,
    /// From its clients and to them.
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) queue_us: Counter,
    /// While it held a server connection.
    pub(crate) server_us: Counter,
    /// Refused or made to wait by a limit.
    pub(crate) limited: Counter,
    pub(crate) errors: [Counter; CLASSES.len()],
}

impl TenantStats {
    /// An error that one of the tenant's clients was told.
    pub(crate) fn error(&self, sqlstate: &[u8]) {
        let class = sqlstate.get(..2).unwrap_or_default();
        let found = CLASSES.iter().position(|known| known.as_bytes() == class);
        self.errors[found.unwrap_or(CLASSES.len() - 1)].add(1);
    }
}

/// One data database on one worker.
#[derive(Debug, Default)]
pub(crate) struct PoolStats {
    pub(crate) transactions: Counter,
    pub(crate) statements: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    /// Server connections opened, and attempts that failed.
    pub(crate) opened: Counter,
    pub(crate) open_failures: Counter,
    /// Times a server connection changed from one tenant to another.
    pub(crate) handovers: Counter,
    /// Times a server connection went from one worker to another.
    pub(crate) passed: Counter,
    pub(crate) queue: Histogram,
    pub(crate) server: Histogram,
}

/// What one worker counts.
#[derive(Debug)]
pub(crate) struct WorkerStats {
    tenants: Mutex<Tenants>,
    pools: Mutex<HashMap<(DatabaseId, Place, Rights), Arc<PoolStats>>>,
    pub(crate) logins: Counter,
    pub(crate) logins_refused: Counter,
    pub(crate) accepted: Counter,
}

#[derive(Debug)]
struct Tenants {
    limit: usize,
    live: HashMap<TenantId, Arc<TenantStats>>,
    /// The sum of those that were forgotten.
    forgotten: Totals,
}

impl WorkerStats {
    /// `limit` bounds the tenants that are told apart; sessions keep theirs in any case.
    pub(crate) fn new(limit: usize) -> Self {
        let tenants = Tenants { limit: limit.max(1), live: HashMap::new(), forgotten: Totals::default() };
        Self {
            tenants: Mutex::new(tenants),
            pools: Mutex::default(),
            logins: Counter::default(),
            logins_refused: Counter::default(),
            accepted: Counter::default(),
        }
    }

    /// A tenant's numbers. Called when a session looks up where its tenant is, not for each transaction.
    pub(crate) fn tenant(&self, id: TenantId) -> Arc<TenantStats> {
        let mut tenants = self.tenants.lock();
        if let Some(stats) = tenants.live.get(&id) {
            return Arc::clone(stats);
        }
        if tenants.live.len() >= tenants.limit {
            tenants.forget_idle();
        }
        let stats = Arc::new(TenantStats::default());
        tenants.live.insert(id, Arc::clone(&stats));
        stats
    }

    /// A pool's numbers, which outlive it when its route changes.
    pub(crate) fn pool(&self, id: DatabaseId, place: Place, rights: Rights) -> Arc<PoolStats> {
        Arc::clone(self.pools.lock().entry((id, place, rights)).or_default())
    }

    /// A pool whose database is gone.
    pub(crate) fn forget_pool(&self, id: DatabaseId, place: Place, rights: Rights) {
        self.pools.lock().remove(&(id, place, rights));
    }

    /// All tenants that are told apart, and the sum of the others.
    pub(crate) fn tenants(&self) -> (Vec<(TenantId, Totals)>, Totals) {
        let tenants = self.tenants.lock();
        let live = tenants.live.iter().map(|(id, stats)| (*id, Totals::of(stats))).collect();
        (live, tenants.forgotten)
    }
}

impl Tenants {
    /// Makes room: tenants that no session refers to are added to the sum of the forgotten, half of them at once so
    /// that this is rare.
    fn forget_idle(&mut self) {
        let idle = self.live.iter().filter(|(_, stats)| Arc::strong_count(stats) == 1);
        let idle: Vec<TenantId> = idle.map(|(id, _)| *id).take(self.limit.div_ceil(2)).collect();
        for id in idle {
            if let Some(stats) = self.live.remove(&id) {
                self.forgotten.add(&Totals::of(&stats));
            }
        }
    }
}

/// A tenant's numbers, or the sum of several, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) transactions: u64,
    pub(crate) statements: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) queue_us: u64,
    pub(crate) server_us: u64,
    pub(crate) limited: u64,
    pub(crate) errors: [u64; CLASSES.len()],
}

impl Totals {
    fn of(stats: &TenantStats) -> Self {
        Self {
            transactions: stats.transactions.get(),
            statements: stats.statements.get(),
            bytes_in: stats.bytes_in.get(),
            bytes_out: stats.bytes_out.get(),
            queue_us: stats.queue_us.get(),
            server_us: stats.server_us.get(),
            limited: stats.limited.get(),
            errors: std::array::from_fn(|class| stats.errors[class].get()),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.combine(other, u64::saturating_add);
    }

    /// What has been added since `earlier`.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        self.combine(earlier, u64::saturating_sub);
        self
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.iter().sum()
    }

    fn combine(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        for (mine, theirs) in [
            (&mut self.transactions, other.transactions),
            (&mut self.statements, other.statements),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_out, other.bytes_out),
            (&mut self.queue_us, other.queue_us),
            (&mut self.server_us, other.server_us),
            (&mut self.limited, other.limited),
        ] {
            *mine = with(*mine, theirs);
        }
        for (mine, theirs) in self.errors.iter_mut().zip(other.errors) {
            *mine = with(*mine, theirs);
        }
    }
}

/// Whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
