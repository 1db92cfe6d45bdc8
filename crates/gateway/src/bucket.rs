//! Token buckets by key, in a map of bounded size. A key that is not in it has a full bucket.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Buckets<K> {
    full: u32,
    pub(crate) interval: Duration,
    max: usize,
    /// When each bucket is full again: its level follows from that.
    full_at: HashMap<K, Instant>,
}

impl<K: Eq + Hash + Copy> Buckets<K> {
    pub(crate) fn new(full: u32, interval: Duration, max: usize) -> Self {
        Self {
            full: full.max(1),
            interval: interval.max(Duration::from_millis(1)),
            max,
            full_at: HashMap::new(),
        }
    }

    /// Tokens left.
    pub(crate) fn level(&self, key: &K, now: Instant) -> u32 {
        let Some(full_at) = self.full_at.get(key) else { return self.full };
        let missing = full_at.saturating_duration_since(now).as_nanos().div_ceil(self.interval.as_nanos());
        self.full.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// Takes a token. False when there was none.
    pub(crate) fn take(&mut self, key: K, now: Instant) -> bool {
        let had = self.level(&key, now) > 0;
        if self.full_at.len() >= self.max && !self.full_at.contains_key(&key) {
            self.make_room(now);
        }
        if had {
            let full_at = self.full_at.entry(key).or_insert(now);
            *full_at = (*full_at).max(now) + self.interval;
        }
        had
    }

    /// Forgets the buckets that are full, and of the others the fuller half.
    fn make_room(&mut self, now: Instant) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < self.max {
            return;
        }
        let mut times: Vec<Instant> = self.full_at.values().copied().collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        self.full_at.retain(|_, full_at| *full_at > median);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.full_at.len()
    }
}
