//! Statements that tables under row-level security need to be other than the client wrote them: asked of a rewriter that is given from outside, once
//! per text.
//!
//! Nothing of the isolation rests on it. Without a rewriter, and where it has nothing to say, a statement goes on as it is; the
//! database judges what arrives, whoever wrote it.

mod cache;
mod copy;
mod position;

use crate::error::ClientError;
use cache::Cache;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tenantry_core::rewrite::{NotRewritten, Rewrite, Rewritten};
use tenantry_core::{DatabaseId, TenancyModel};
use tokio::sync::watch;

pub(crate) use tenantry_core::rewrite::{CopyFrom, QuotedStrings};

pub(crate) use copy::{CopyPortal, Copying, Step, told};
use position::Places;

pub use tenantry_core::rewrite::Rewriters;

/// What became of a text.
#[derive(Debug)]
pub(crate) enum Verdict {
    Same,
    Other(Box<Other>),
    Refused(ClientError),
}

/// What is sent in the place of a text.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) rewritten: Rewritten,
    pub(crate) places: Places,
}

/// A rewriter with what it has said, for one worker.
#[derive(Debug)]
pub(crate) struct Rewriter {
    /// Tells what it asks from all else that is asked. Never 0.
    pub(crate) id: u64,
    rewrite: Arc<dyn Rewrite>,
    cache: Mutex<Cache>,
}

impl Rewriter {
    pub(crate) fn new(id: u64, rewrite: Arc<dyn Rewrite>) -> Self {
        Self { id, rewrite, cache: Mutex::default() }
    }

    /// What to send in the place of a text; `None` when nothing is to be done. The text is known to be what the server reads.
    pub(crate) fn look(&self, sql: &str, strings: QuotedStrings) -> Option<Arc<Verdict>> {
        if !self.rewrite.might_need(sql) {
            return None;
        }
        if let Some(known) = self.cache.lock().get(strings, sql) {
            return Some(known);
        }
        let verdict = Arc::new(match self.rewrite.rewrite(sql, strings) {
            Ok(None) => Verdict::Same,
            Ok(Some(rewritten)) => {
                Verdict::Other(Box::new(Other { places: Places::new(sql, &rewritten), rewritten }))
            }
            Err(refusal) => Verdict::Refused(told_of(refusal)),
        });
        self.cache.lock().insert(strings, sql, &verdict);
        Some(verdict)
    }
}

fn told_of(refusal: NotRewritten) -> ClientError {
    let error = ClientError::new(refusal.kind, refusal.message).at(refusal.position);
    match refusal.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The rewriters of one worker.
#[derive(Debug)]
pub(crate) struct Rewriting {
    given: watch::Receiver<Arc<Rewriters>>,
    made: Mutex<HashMap<(DatabaseId, TenancyModel), Arc<Rewriter>>>,
}

/// Numbers what is given to all workers: what one has prepared under a number another may use under the same.
#[derive(Debug, Default)]
pub(crate) struct RewriterNumbers(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    by_place: HashMap<(DatabaseId, TenancyModel), (u64, Arc<dyn Rewrite>)>,
    last: u64,
}

impl RewriterNumbers {
    /// The number of what is given now. A worker that is late with its asking gets another, and prepares for itself.
    fn of(&self, place: (DatabaseId, TenancyModel), given: &Arc<dyn Rewrite>) -> u64 {
        let mut numbers = self.0.lock();
        if let Some((number, known)) = numbers.by_place.get(&place)
            && Arc::ptr_eq(known, given)
        {
            return *number;
        }
        numbers.last += 1;
        let number = numbers.last;
        numbers.by_place.insert(place, (number, Arc::clone(given)));
        number
    }

    fn forget(&self, place: (DatabaseId, TenancyModel)) {
        self.0.lock().by_place.remove(&place);
    }
}

impl Rewriting {
    pub(crate) fn new(given: watch::Receiver<Arc<Rewriters>>) -> Self {
        Self { given, made: Mutex::default() }
    }

    /// Tells a session when to ask again.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Rewriters>> {
        self.given.clone()
    }

    /// The rewriter in force for tenants of a model in a database.
    pub(crate) fn of(
        &self,
        numbers: &RewriterNumbers,
        database: DatabaseId,
        model: TenancyModel,
    ) -> Option<Arc<Rewriter>> {
        let place = (database, model);
        let given = self.given.borrow().of(database, model).map(Arc::clone);
        let mut made = self.made.lock();
        let Some(given) = given else {
            if made.remove(&place).is_some() {
                numbers.forget(place);
            }
            return None;
        };
        if let Some(known) = made.get(&place)
            && Arc::ptr_eq(&known.rewrite, &given)
        {
            return Some(Arc::clone(known));
        }
        let rewriter = Arc::new(Rewriter::new(numbers.of(place, &given), given));
        made.insert(place, Arc::clone(&rewriter));
        Some(rewriter)
    }
}

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing {
    use super::{CopyFrom, Places, Rewritten, told};
    use tenantry_wire::backend::{ErrorFields, tag};
    use tenantry_wire::frame;

    /// A text, what became of it, and an error about the latter, with line ends between them.
    fn parts(bytes: &[u8]) -> Option<(&str, &str, &[u8])> {
        let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
        let before = std::str::from_utf8(parts.next()?).ok()?;
        let after = std::str::from_utf8(parts.next()?).ok()?;
        Some((before, after, parts.next()?))
    }

    /// Places stay within the client's text, and what the client is told of an error is one.
    pub(crate) fn rewritten(bytes: &[u8]) {
        let Some((before, after, error)) = parts(bytes) else { return };
        let copy = CopyFrom {
            first: 0,
            stage: "pg_temp.stage".to_owned(),
            table: "public.t".to_owned(),
            begin: String::new(),
            copy: after.to_owned(),
            finish: String::new(),
        };
        let length = before.chars().count();
        for copies in [Vec::new(), vec![copy.clone()]] {
            let rewritten = Rewritten { sql: after.to_owned(), copies };
            let places = Places::new(before, &rewritten);
            for position in 0..=after.chars().count() + 1 {
                if let Some(place) = places.of(position) {
                    assert!(place >= 1 && place <= length.max(1) + 1, "{place} of {length}");
                }
            }
        }
        let Ok(fields) = ErrorFields::decode(error) else { return };
        for copy in [None, Some(&copy)] {
            let message = told(&fields, copy, Some(1));
            let whole = frame::first(&message).ok().flatten();
            assert!(whole.is_some_and(|frame| frame.tag == tag::ERROR && frame.bytes.len() == message.len()));
            assert!(ErrorFields::decode(&message[frame::HEADER..]).is_ok());
        }
    }
}
