//! What a conversation is without a fault, and whether one with a fault went as it may.

use super::conversation::Conversation;
use super::talk::Message;
use super::{Case, Side};
use std::collections::HashSet;
use tenantry_testkit::proxy::{Seen, Sender};
use tenantry_wire::backend::{ErrorFields, command_tag, tag};

/// A conversation without a fault.
#[derive(Debug)]
pub(super) struct Baseline {
    pub(super) heard: Vec<Said>,
    near: Vec<Seen>,
    far: Vec<Seen>,
}

/// A message as it is compared.
pub(super) type Said = (char, String);

pub(super) fn said((tag, body): &Message, slug: &str) -> Said {
    let text = match *tag {
        // Random, all of them; and what is in the way of an error differs.
        tag::AUTHENTICATION | tag::BACKEND_KEY_DATA => String::new(),
        tag::ERROR => ErrorFields::decode(body).unwrap().text(b'C').into_owned(),
        _ => String::from_utf8_lossy(body).replace(slug, "SLUG"),
    };
    (char::from(*tag), text)
}

impl Baseline {
    pub(super) fn new(heard: &[Message], slug: &str, near: Vec<Seen>, far: Vec<Seen>) -> Self {
        Self { heard: heard.iter().map(|message| said(message, slug)).collect(), near, far }
    }

    /// How many messages pass on each side in each direction.
    pub(super) fn messages(&self) -> Vec<(Side, Sender, usize)> {
        let count = |seen: &[Seen], of| seen.iter().filter(|seen| seen.sender == of).count();
        let mut all = Vec::new();
        for (side, seen) in [(Side::Near, &self.near), (Side::Far, &self.far)] {
            for sender in [Sender::Client, Sender::Server] {
                all.push((side, sender, count(seen, sender)));
            }
        }
        all
    }

    /// The client hears what it hears without a fault, then an error or nothing; and never another row.
    pub(super) fn judge(&self, heard: &[Message], slug: &str, case: Case) -> Result<(), String> {
        let heard: Vec<Said> = heard.iter().map(|message| said(message, slug)).collect();
        let alike = heard.iter().zip(&self.heard).take_while(|(a, b)| a == b).count();
        if let Some(other) = heard.get(alike)
            && other.0 != char::from(tag::ERROR)
        {
            return Err(format!("{other:?} instead of {:?}", self.heard.get(alike)));
        }
        if case.side == Side::Near && heard.len() > alike {
            return Err(format!("an error of the client's own connection was told: {:?}", heard[alike]));
        }
        let data = |(tag, _): &&Said| matches!(tag, 'D' | 'd');
        let known: HashSet<&Said> = self.heard.iter().filter(data).collect();
        match heard.iter().filter(data).find(|row| !known.contains(row)) {
            Some(row) => Err(format!("a row that is not its own: {row:?}")),
            None => Ok(()),
        }
    }
}

/// Whether the client was told that its row is there for good.
pub(super) fn reported_committed(conversation: &Conversation, heard: &[Message]) -> bool {
    let Some(committed) = conversation.committed else { return false };
    let told = heard
        .iter()
        .position(|(tag, body)| *tag == tag::COMMAND_COMPLETE && command_tag(body) == Ok(committed));
    let ready = |(tag, body): &Message| *tag == tag::READY_FOR_QUERY && body[..] == *b"I";
    told.is_some_and(|at| heard[at..].iter().any(ready))
}
