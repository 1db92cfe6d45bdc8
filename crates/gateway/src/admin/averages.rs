//! What `SHOW STATS` calls averages: per second, over the last minute or so.

use crate::report::{PoolCounts, PoolReport};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tenantry_core::DatabaseId;

/// The counts at an earlier time. Two are kept, so that there is always one at least a period old once one has passed.
#[derive(Debug)]
pub(crate) struct Averages(Mutex<[Sample; 2]>);

#[derive(Debug, Clone)]
struct Sample {
    taken: Instant,
    pools: HashMap<DatabaseId, Seen>,
}

/// The counts of one pool, and its times in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) counts: PoolCounts,
    pub(super) server_us: u64,
    pub(super) queue_us: u64,
}

const PERIOD: Duration = Duration::from_mins(1);

impl Default for Averages {
    fn default() -> Self {
        let begin = Sample { taken: Instant::now(), pools: HashMap::new() };
        Self(Mutex::new([begin.clone(), begin]))
    }
}

impl Seen {
    pub(super) fn of(pool: &PoolReport) -> Self {
        Self { counts: pool.counts, server_us: pool.server.sum_us, queue_us: pool.queue.sum_us }
    }
}

impl Averages {
    /// What each pool had counted at the beginning of the period, and how many microseconds ago that was.
    pub(super) fn since(&self, now: &[PoolReport]) -> (HashMap<DatabaseId, Seen>, u64) {
        let mut samples = self.0.lock();
        if samples[1].taken.elapsed() >= PERIOD {
            let pools = now.iter().map(|pool| (pool.route.id, Seen::of(pool))).collect();
            samples.rotate_left(1);
            samples[1] = Sample { taken: Instant::now(), pools };
        }
        (samples[0].pools.clone(), crate::stats::micros(samples[0].taken.elapsed()).max(1))
    }
}
