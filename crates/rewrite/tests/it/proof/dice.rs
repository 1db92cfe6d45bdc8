//! Where random schemas and migrations take their choices from: a few numbers per decision, so that proptest can make a failing
//! case smaller by leaving decisions out and by lowering numbers. Zero is always the simplest choice.

use proptest::prelude::*;
use std::cell::Cell;

/// The numbers behind one decision. When they run out, everything is zero.
#[derive(Debug, Clone)]
pub(crate) struct Roll(Vec<u16>);

/// Takes one number after the other.
pub(crate) struct Dice<'a> {
    numbers: &'a [u16],
    at: Cell<usize>,
}

/// A random roll.
pub(crate) fn roll() -> impl Strategy<Value = Roll> {
    prop::collection::vec(any::<u16>(), 24).prop_map(Roll)
}

impl Roll {
    /// The simplest choice everywhere.
    pub(crate) fn zeroes() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn dice(&self) -> Dice<'_> {
        Dice { numbers: &self.0, at: Cell::new(0) }
    }
}

impl Dice<'_> {
    fn next(&self) -> usize {
        let at = self.at.get();
        self.at.set(at + 1);
        self.numbers.get(at).map_or(0, |number| usize::from(*number))
    }

    /// A number below `limit`; 0 where there is nothing to choose.
    pub(crate) fn below(&self, limit: usize) -> usize {
        if limit == 0 { 0 } else { self.next() % limit }
    }

    /// True once in `times`.
    pub(crate) fn once_in(&self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub(crate) fn one<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(self.below(of.len())) }
    }

    pub(crate) fn word(&self, of: &[&'static str]) -> &'static str {
        self.one(of).copied().unwrap_or_default()
    }

    /// A few of them, in their order: at least one, at most `most`.
    pub(crate) fn some<T: Clone>(&self, of: &[T], most: usize) -> Vec<T> {
        let wanted = 1 + self.below(most.min(of.len()).max(1));
        let first = self.below(of.len());
        let turned = of[first..].iter().chain(&of[..first]);
        turned.take(wanted).cloned().collect()
    }
}
