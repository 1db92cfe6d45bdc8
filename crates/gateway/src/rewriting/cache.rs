//! What a rewriter has said, by text: bounded by bytes, the texts that were not asked for lately go first.

use super::{QuotedStrings, Verdict};
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of texts, and of what they became, in each of two generations.
const GENERATION_BYTES: usize = 2 << 20;
/// Longer texts have their values in them, and don't come again.
const LONGEST: usize = 32 << 10;
/// What an entry takes besides its texts, about.
const ENTRY_BYTES: usize = 200;

type Generation = HashMap<Box<str>, Arc<Verdict>>;

/// Two generations for each way to read strings: what is asked for moves to the younger one, and when that is full, the older one goes.
#[derive(Debug, Default)]
pub(super) struct Cache {
    standard: Generations,
    backslash: Generations,
}

#[derive(Debug, Default)]
struct Generations {
    young: Generation,
    old: Generation,
    /// Of the younger one.
    bytes: usize,
}

impl Cache {
    pub(super) fn get(&mut self, strings: QuotedStrings, sql: &str) -> Option<Arc<Verdict>> {
        self.of(strings).get(sql)
    }

    pub(super) fn insert(&mut self, strings: QuotedStrings, sql: &str, verdict: &Arc<Verdict>) {
        if sql.len() <= LONGEST {
            self.of(strings).insert(sql.into(), Arc::clone(verdict));
        }
    }

    fn of(&mut self, strings: QuotedStrings) -> &mut Generations {
        match strings {
            QuotedStrings::Standard => &mut self.standard,
            QuotedStrings::Backslash => &mut self.backslash,
        }
    }
}

impl Generations {
    fn get(&mut self, sql: &str) -> Option<Arc<Verdict>> {
        if let Some(known) = self.young.get(sql) {
            return Some(Arc::clone(known));
        }
        let (text, known) = self.old.remove_entry(sql)?;
        self.insert(text, Arc::clone(&known));
        Some(known)
    }

    fn insert(&mut self, sql: Box<str>, verdict: Arc<Verdict>) {
        let bytes = ENTRY_BYTES + sql.len() + size(&verdict);
        if self.bytes + bytes > GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        if self.young.insert(sql, verdict).is_none() {
            self.bytes += bytes;
        }
    }
}

fn size(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Same => 0,
        // A COPY's steps are in the text once more.
        Verdict::Other(other) => {
            other.rewritten.sql.len() * (1 + usize::from(!other.rewritten.copies.is_empty()))
        }
        Verdict::Refused(error) => error.message.len() + error.hint.as_ref().map_or(0, |hint| hint.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let mut cache = Cache::default();
        let verdict = Arc::new(Verdict::Same);
        cache.insert(QuotedStrings::Standard, "asked for", &verdict);
        for n in 0..50_000 {
            cache.insert(QuotedStrings::Standard, &format!("INSERT INTO t VALUES ({n})"), &verdict);
            assert!(cache.get(QuotedStrings::Standard, "asked for").is_some(), "{n}");
        }
        assert!(cache.get(QuotedStrings::Backslash, "asked for").is_none());
        assert!(cache.get(QuotedStrings::Standard, "INSERT INTO t VALUES (1)").is_none());
        let held = cache.standard.young.len() + cache.standard.old.len();
        assert!(held <= 2 * GENERATION_BYTES / ENTRY_BYTES, "{held}");
    }
}
