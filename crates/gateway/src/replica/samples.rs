//! When the primary was where: the past positions that a replica's is compared with.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// As many positions are kept; the older half thins out when they are too many, so that they reach far back.
const MOST: usize = 512;
/// What is close together among old ones.
const SPACING: Duration = Duration::from_millis(100);

/// Positions of the primary, each with a moment before it was read. Both only grow.
#[derive(Debug, Default)]
pub(super) struct Samples(VecDeque<(Instant, u64)>);

impl Samples {
    pub(super) fn add(&mut self, asked: Instant, lsn: u64) {
        // Nothing was written in between: the same position, known as of later.
        if self.0.len() > 1 && self.0.iter().rev().take(2).all(|(_, last)| *last == lsn) {
            self.0.pop_back();
        }
        self.0.push_back((asked, lsn));
        if self.0.len() > MOST {
            self.thin_out();
        }
    }

    /// Of the older half keeps no two that are close together; where none is, forgets the oldest.
    fn thin_out(&mut self) {
        let (mut at, mut kept) = (0, None);
        self.0.retain(|(asked, _)| {
            at += 1;
            let close = kept.is_some_and(|kept| asked.duration_since(kept) < SPACING);
            let keep = at > MOST / 2 || !close;
            if keep {
                kept = Some(*asked);
            }
            keep
        });
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// The primary's position as last known.
    pub(super) fn newest(&self) -> Option<u64> {
        self.0.back().map(|(_, lsn)| *lsn)
    }

    /// As of when a server that has replayed up to `lsn` shows the database.
    pub(super) fn reached(&self, lsn: u64) -> Option<Instant> {
        self.0.iter().rev().find(|(_, sample)| *sample <= lsn).map(|(asked, _)| *asked)
    }
}
