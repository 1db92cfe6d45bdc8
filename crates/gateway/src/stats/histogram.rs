//! Durations by size, in a bounded number of buckets.

use super::{Counter, micros};
use std::time::Duration;

/// Buckets within one doubling: the error of a quantile is at most a quarter.
const STEPS: usize = 4;
/// The first bucket ends at 2^4 microseconds, the last but one at 2^26, about a minute.
const FIRST: u32 = 4;
const LAST: u32 = 26;
/// How many there are, with the one for whatever is longer.
pub(crate) const BUCKETS: usize = ((LAST - FIRST) as usize) * STEPS + 2;

/// Counts of durations: log-linear, so that 88 buckets reach from 16 microseconds to a minute.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [Counter; BUCKETS],
    sum_us: Counter,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| Counter::default()), sum_us: Counter::default() }
    }
}

impl Histogram {
    #[inline]
    pub(crate) fn record(&self, duration: Duration) {
        let us = micros(duration);
        self.buckets[bucket_of(us)].add(1);
        self.sum_us.add(us);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            buckets: std::array::from_fn(|index| self.buckets[index].get()),
            sum_us: self.sum_us.get(),
        }
    }
}

/// A histogram at one moment, or the sum of several.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) buckets: [u64; BUCKETS],
    pub(crate) sum_us: u64,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum_us: 0 }
    }
}

impl Snapshot {
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
        self.sum_us += other.sum_us;
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The duration in microseconds that `percent` of all were not longer than; 0 when there were none.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.count() * percent).div_ceil(100);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return bucket_limit(index).unwrap_or(1 << LAST);
            }
        }
        0
    }
}

/// The bucket of a duration: which doubling, and which quarter of it.
fn bucket_of(us: u64) -> usize {
    if us < 1 << FIRST {
        return 0;
    }
    let doubling = us.ilog2();
    if doubling >= LAST {
        return BUCKETS - 1;
    }
    // Two bits behind the first: less than STEPS.
    let quarter = usize::try_from((us >> (doubling - 2)) & 3).unwrap_or(0);
    ((doubling - FIRST) as usize) * STEPS + quarter + 1
}

/// Microseconds that everything in a bucket is below; `None` for the last, which has no end.
pub(crate) fn bucket_limit(index: usize) -> Option<u64> {
    if index >= BUCKETS - 1 {
        return None;
    }
    let Some(at) = index.checked_sub(1) else { return Some(1 << FIRST) };
    let (doubling, quarter) = (at / STEPS, at % STEPS);
    Some((((STEPS + quarter + 1) as u64) << (FIRST as usize + doubling)) / STEPS as u64)
}
