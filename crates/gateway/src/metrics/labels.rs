//! Who gets a label: the few with the most server time of late. The others are summed, and the sum never falls.
//!
//! A label's counts begin at zero when it is given, and when it is taken away what it counted stays out of the sum of
//! the others: so both only ever grow, as Prometheus expects of a counter, whoever rises and falls.

use std::collections::HashMap;
use std::hash::Hash;

/// Counters that can be added up.
pub(super) trait Counts: Copy + Default {
    fn add(&mut self, other: &Self);
    fn since(self, earlier: &Self) -> Self;
    /// What decides who gets a label. It only grows.
    fn weight(&self) -> u64;
}

#[derive(Debug)]
pub(super) struct Labels<K, C> {
    labelled: HashMap<K, Labelled<C>>,
    /// What is counted under labels that were taken away.
    taken: C,
    /// Everything, of everybody.
    total: C,
    seen: HashMap<K, Seen>,
    begun: bool,
}

#[derive(Debug, Clone, Copy)]
struct Labelled<C> {
    /// The counts when the label was given, and the latest.
    base: C,
    now: C,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    weight: u64,
    /// Half of what came before, and what has come since the last time.
    recent: u64,
}

/// A newcomer takes a label only from one that had less than this share of the newcomer's weight, in percent: labels
/// that flicker are of no use.
const STICKY_PERCENT: u64 = 67;

impl<K, C: Default> Default for Labels<K, C> {
    fn default() -> Self {
        Self {
            labelled: HashMap::new(),
            taken: C::default(),
            total: C::default(),
            seen: HashMap::new(),
            begun: false,
        }
    }
}

impl<K: Copy + Eq + Hash + Ord, C: Counts> Labels<K, C> {
    /// Takes the counts of now: of all that are told apart, and the sum of those that no longer are.
    pub(super) fn update(&mut self, now: &HashMap<K, C>, forgotten: C, most: usize) {
        self.total = forgotten;
        for counts in now.values() {
            self.total.add(counts);
        }
        self.refresh(now);
        self.rank(now);
        self.choose(now, most);
    }

    /// Labels whose counts fell (their worker forgot them) or vanished are taken away.
    fn refresh(&mut self, now: &HashMap<K, C>) {
        let taken = &mut self.taken;
        self.labelled.retain(|key, labelled| match now.get(key) {
            Some(counts) if counts.weight() >= labelled.now.weight() => {
                labelled.now = *counts;
                true
            }
            _ => {
                taken.add(&labelled.now.since(&labelled.base));
                false
            }
        });
    }

    fn rank(&mut self, now: &HashMap<K, C>) {
        self.seen.retain(|key, _| now.contains_key(key));
        for (key, counts) in now {
            let seen = self.seen.entry(*key).or_default();
            let weight = counts.weight();
            seen.recent = seen.recent / 2 + weight.saturating_sub(seen.weight);
            seen.weight = weight;
        }
    }

    fn choose(&mut self, now: &HashMap<K, C>, most: usize) {
        let first = !std::mem::replace(&mut self.begun, true);
        let mut ranked: Vec<(u64, K)> = self.seen.iter().map(|(key, seen)| (seen.recent, *key)).collect();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        for (recent, key) in ranked.into_iter().take(most) {
            if self.labelled.contains_key(&key) {
                continue;
            }
            if self.labelled.len() >= most && !self.make_room(recent) {
                break;
            }
            if let Some(counts) = now.get(&key) {
                // What was counted before the first page is in nobody's sum yet.
                let base = if first { C::default() } else { *counts };
                self.labelled.insert(key, Labelled { base, now: *counts });
            }
        }
        while self.labelled.len() > most {
            if !self.make_room(u64::MAX) {
                break;
            }
        }
    }

    /// Takes the label of whoever has least, if that is clearly less than `recent`.
    fn make_room(&mut self, recent: u64) -> bool {
        let weakest = self.labelled.keys().map(|key| (self.recent_of(key), *key)).min();
        let Some((least, key)) = weakest else { return false };
        if least.saturating_mul(100) > recent.saturating_mul(STICKY_PERCENT) {
            return false;
        }
        if let Some(labelled) = self.labelled.remove(&key) {
            self.taken.add(&labelled.now.since(&labelled.base));
        }
        true
    }

    fn recent_of(&self, key: &K) -> u64 {
        self.seen.get(key).map_or(0, |seen| seen.recent)
    }

    pub(super) fn is_labelled(&self, key: &K) -> bool {
        self.labelled.contains_key(key)
    }

    /// Those with a label, and what was counted since they got it.
    pub(super) fn labelled(&self) -> impl Iterator<Item = (K, C)> {
        let mut all: Vec<_> = self.labelled.iter().collect();
        all.sort_unstable_by_key(|(key, _)| **key);
        all.into_iter().map(|(key, labelled)| (*key, labelled.now.since(&labelled.base)))
    }

    /// Everybody, and their weight of late.
    pub(super) fn recent(&self) -> impl Iterator<Item = (K, u64)> {
        self.seen.iter().map(|(key, seen)| (*key, seen.recent))
    }

    /// All others together.
    pub(super) fn rest(&self) -> C {
        let mut rest = self.total.since(&self.taken);
        for labelled in self.labelled.values() {
            rest = rest.since(&labelled.now.since(&labelled.base));
        }
        rest
    }
}
