//! Where the messages of one direction begin and end.

use super::{ANSWER, FIRST, Sender};
use std::sync::atomic::{AtomicBool, Ordering};
use tenantry_wire::frame;

/// What both directions of a connection know of it.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// The client has asked for encryption and has had no answer.
    pub(super) asked: AtomicBool,
    /// No messages can be seen (any more).
    pub(super) opaque: AtomicBool,
}

/// The messages of one direction.
#[derive(Debug)]
pub(super) struct Splitter<'a> {
    sender: Sender,
    stage: &'a Stage,
    /// The client's first packet is still to come.
    first: bool,
    /// Bytes of the current message still to come.
    pub(super) left: usize,
}

/// The beginning of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) tag: u8,
    /// The whole message.
    pub(super) len: usize,
}

impl<'a> Splitter<'a> {
    pub(super) fn new(sender: Sender, stage: &'a Stage) -> Self {
        Self { sender, stage, first: sender == Sender::Client, left: 0 }
    }

    /// The message that begins `bytes`, which begin no later than the last one ended. `None` when more is needed to tell.
    pub(super) fn begin(&mut self, bytes: &[u8]) -> Option<Begin> {
        if self.sender == Sender::Server && self.stage.asked.load(Ordering::Relaxed) {
            let answer = *bytes.first()?;
            self.stage.asked.store(false, Ordering::Relaxed);
            self.stage.opaque.store(matches!(answer, b'S' | b'G'), Ordering::Relaxed);
            return Some(Begin { tag: ANSWER, len: 1 });
        }
        if self.first {
            return self.first_packet(bytes);
        }
        match frame::peek(bytes) {
            Ok(header) => header.map(|header| Begin { tag: header.tag, len: header.len }),
            // What can't be a message is passed on: the peers shall judge it.
            Err(_) => Some(self.lost(bytes)),
        }
    }

    fn first_packet(&mut self, bytes: &[u8]) -> Option<Begin> {
        const REQUEST: u32 = 1234 << 16;
        const ENCRYPTION: [u32; 2] = [REQUEST + 5_679, REQUEST + 5_680];
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let len = u32::from_be_bytes(*length) as usize;
        if !(8..1 << 20).contains(&len) {
            return Some(self.lost(bytes));
        }
        if ENCRYPTION.contains(&u32::from_be_bytes(*rest.first_chunk()?)) {
            self.stage.asked.store(true, Ordering::Relaxed);
        } else {
            self.first = false;
        }
        Some(Begin { tag: FIRST, len })
    }

    fn lost(&self, bytes: &[u8]) -> Begin {
        self.stage.opaque.store(true, Ordering::Relaxed);
        Begin { tag: FIRST, len: bytes.len() }
    }
}
