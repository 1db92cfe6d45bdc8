//! Statements that took long, for the log: what they look like without their values, and whose they were.
//!
//! Only where `log_min_duration` is set: a session then keeps the text of what it sends until the answer is there.

mod fingerprint;

pub(crate) use fingerprint::fingerprint;

use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The longest text that is kept of one statement. What comes behind is not in the fingerprint.
const MAX_TEXT: usize = 4 << 10;
/// Statements of one pipeline that are timed. Of those beyond it only the time is known.
const MAX_PENDING: usize = 64;
/// Portals whose texts are known.
const MAX_PORTALS: usize = 16;

/// Times the statements of one loan, in the order in which the server answers them.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    threshold: Duration,
    pending: VecDeque<Bytes>,
    /// The texts behind the client's portals.
    bound: Vec<(Box<[u8]>, Bytes)>,
    /// Since when the server has been at the first of them.
    since: Instant,
}

/// A statement that took too long.
#[derive(Debug)]
pub(crate) struct Slow {
    pub(crate) took: Duration,
    pub(crate) text: Bytes,
}

impl Stopwatch {
    pub(crate) fn new(threshold: Duration) -> Self {
        Self { threshold, pending: VecDeque::new(), bound: Vec::new(), since: Instant::now() }
    }

    /// A statement of that text, which may have a zero byte and more behind it, is sent.
    pub(crate) fn begin(&mut self, text: &[u8]) {
        self.push(kept(text));
    }

    /// A portal of the client's stands for that text.
    pub(crate) fn bind(&mut self, portal: &[u8], text: &[u8]) {
        if let Some(known) = self.bound.iter_mut().find(|(name, _)| **name == *portal) {
            known.1 = kept(text);
            return;
        }
        if self.bound.len() >= MAX_PORTALS {
            self.bound.remove(0);
        }
        self.bound.push((portal.into(), kept(text)));
    }

    /// An Execute message with that body is sent.
    pub(crate) fn execute(&mut self, body: &[u8]) {
        let portal = &body[..memchr::memchr(0, body).unwrap_or(0)];
        let text = self.bound.iter().find(|(name, _)| **name == *portal).map(|(_, text)| text.clone());
        self.push(text.unwrap_or_default());
    }

    fn push(&mut self, text: Bytes) {
        if self.pending.is_empty() {
            self.since = Instant::now();
        }
        if self.pending.len() < MAX_PENDING {
            self.pending.push_back(text);
        }
    }

    /// The server has answered the first of them.
    pub(crate) fn end(&mut self) -> Option<Slow> {
        let now = Instant::now();
        let took = now.duration_since(std::mem::replace(&mut self.since, now));
        let text = self.pending.pop_front()?;
        (took >= self.threshold).then_some(Slow { took, text })
    }

    /// So many of the statements at the front are skipped.
    pub(crate) fn skip(&mut self, statements: usize) {
        self.pending.drain(..statements.min(self.pending.len()));
    }
}

/// As much of a text as is kept.
pub(crate) fn kept(text: &[u8]) -> Bytes {
    let end = memchr::memchr(0, text).unwrap_or(text.len()).min(MAX_TEXT);
    Bytes::copy_from_slice(&text[..end])
}
