//! What was sent in the place of what the client wrote, and what becomes of the replies: statements that a rewriter changed or
//! refused, and COPY … FROM into shared tables.
//!
//! A refusal is told where PostgreSQL would tell it: the server is sent a text that is no SQL, so that whatever an error does to a
//! pipeline or a transaction happens there, and its error is replaced by the gateway's.
//!
//! A COPY of a simple Query is three statements in one text. In a pipeline its Execute becomes two, and a third one follows the
//! rows. Either way they stand or fall with what the client has around them.

use super::hold::Hold;
use super::relay::Verdict;
use super::transaction::{Expected, Transaction};
use crate::beyond;
use crate::error::ClientError;
use crate::rewriting::{CopyFrom, CopyPortal, Copying, Other, QuotedStrings, Step, Verdict as Said, told};
use crate::settings::Settings;
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use tenantry_wire::backend::{self, ErrorFields};
use tenantry_wire::frontend::{self, tag};

/// Of the statements around a COPY, on a connection whose other names are the client's.
const OWN_COPY: &[u8] = b"tenantry_copy";
const SETTING: &str = "standard_conforming_strings";
/// Refusals whose error may still come. A client that has more of them on the way has had its transaction aborted by the first.
const MAX_REFUSALS: usize = 64;

/// What is to be done to the replies of one transaction. Nearly always nothing.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// A simple Query that was changed, while it runs.
    query: Option<Arc<Said>>,
    copying: Option<Box<Copying>>,
    /// Of the named statement that was looked up last.
    pub(super) named_copy: Option<Arc<CopyFrom>>,
    /// A COPY that was bound.
    pub(super) portal: Option<CopyPortal>,
    /// A COPY of a pipeline, until its rows are where they belong.
    running: Option<CopyPortal>,
    /// What was refused, by the text that the server was sent instead.
    refused: Vec<(Box<str>, ClientError)>,
}

impl Replies {
    /// The client bound a portal.
    pub(super) fn bound(&mut self, portal: &[u8], copy: Option<Arc<CopyFrom>>) {
        if let Some(copy) = copy {
            self.portal = Some(CopyPortal { name: portal.into(), copy });
        } else if self.portal.as_ref().is_some_and(|of| *of.name == *portal) {
            self.portal = None;
        }
    }

    /// A simple Query or a pipeline is over. What was refused may be of one that follows, unless that was the last.
    pub(super) fn end(&mut self, last: bool) {
        if self.query.is_some() || self.running.is_some() {
            (self.query, self.copying, self.running) = (None, None, None);
        }
        if last && !self.refused.is_empty() {
            self.refused.clear();
        }
    }

    /// What the client is told in the place of an error, if it is not the error itself.
    pub(super) fn error(&mut self, fields: &ErrorFields<'_>) -> Option<Verdict> {
        if !self.refused.is_empty() {
            let said = fields.text(b'M');
            let at = self.refused.iter().position(|(text, _)| said.contains(&**text));
            if let Some(at) = at {
                return Some(Verdict::Instead(self.refused.remove(at).1));
            }
        }
        if let Some(running) = self.running.take() {
            return Some(Verdict::Replaced(told(fields, Some(&running.copy), None)));
        }
        let Some(Said::Other(other)) = self.query.as_deref() else { return None };
        let place = fields.text(b'P').parse().ok().and_then(|place| other.places.of(place));
        let copy = self.copying.as_ref().and_then(|copying| copying.current());
        Some(Verdict::Replaced(told(fields, copy, place)))
    }

    /// Notes a refusal, and makes up the text that stands for it.
    pub(super) fn refuse(&mut self, error: &ClientError) -> Box<str> {
        let name = crate::statement::unguessable_name();
        let text: Box<str> = String::from_utf8_lossy(&name).into();
        if self.refused.len() < MAX_REFUSALS {
            self.refused.push((text.clone(), error.clone()));
        }
        text
    }
}

impl Transaction {
    /// What to send in the place of a simple Query's text.
    pub(super) fn rewrite_query(&mut self, tag: u8, body: &[u8]) -> Option<String> {
        if tag != tag::QUERY {
            return None;
        }
        let said = self.look(body.strip_suffix(b"\0")?)?;
        match &*said {
            Said::Same => None,
            Said::Refused(error) => Some(self.replies.refuse(error).into()),
            Said::Other(other) => {
                let sql = other.rewritten.sql.clone();
                self.replies.copying = Copying::new(&other.rewritten.copies);
                self.replies.query = Some(Arc::clone(&said));
                Some(sql)
            }
        }
    }

    /// What to send in the place of a Parse's text and types; and the COPY that it is, whose Execute becomes more than that.
    pub(super) fn rewrite_body(&mut self, body: &[u8]) -> (Option<Bytes>, Option<Arc<CopyFrom>>) {
        let split = memchr::memchr(0, body).map(|end| body.split_at(end));
        let Some((text, types)) = split else { return (None, None) };
        let with = |sql: &str| Some(Bytes::from([sql.as_bytes(), types].concat()));
        match self.look(text).as_deref() {
            None | Some(Said::Same) => (None, None),
            Some(Said::Refused(error)) => (with(&self.replies.refuse(error)), None),
            Some(Said::Other(other)) => match lone_copy(other) {
                Some(copy) => (None, Some(Arc::new(copy.clone()))),
                None => (with(&other.rewritten.sql), None),
            },
        }
    }

    fn refusal(&self, text: &[u8], readable: bool) -> Option<ClientError> {
        let may_explain = || self.target.account.limits().explain;
        beyond::refusal(text, self.target.placement.model, readable, may_explain)
    }

    /// What there is to say to a text: that it is refused, or what the tenant's rewriter says. It says nothing to one whose
    /// encoding it could not read as the server does.
    fn look(&self, text: &[u8]) -> Option<Arc<Said>> {
        let settings = &self.server.settings;
        let readable = text.is_ascii() || settings.is_utf8();
        if let Some(refused) = self.refusal(text, readable) {
            return Some(Arc::new(Said::Refused(refused)));
        }
        let rewriter = self.target.rewriter.as_ref()?;
        if !readable {
            return None;
        }
        let sql = std::str::from_utf8(text).ok()?;
        let strings = if memchr::memchr(b'\\', text).is_some() && !self.reads_standard_strings(settings) {
            QuotedStrings::Backslash
        } else {
            QuotedStrings::Standard
        };
        rewriter.look(sql, strings)
    }

    fn reads_standard_strings(&self, settings: &Settings) -> bool {
        let reported =
            || self.server.parameters.iter().find(|(name, _)| **name == *SETTING).map(|(_, value)| &**value);
        settings.get(SETTING).or_else(reported) != Some("off")
    }

    /// An Execute of a COPY into a shared table: room for the rows is made first. False: it is an Execute of something else.
    pub(super) fn execute_copy(&mut self, body: &[u8]) -> bool {
        let Ok(execute) = frontend::Execute::decode(body) else { return false };
        let Some(portal) = self.replies.portal.take_if(|portal| *portal.name == *execute.portal) else {
            return false;
        };
        self.run_injected(&portal, &portal.copy.begin, Expected::ExecuteInjected);
        self.run_injected(&portal, &portal.copy.copy, Expected::ExecuteInjected);
        self.replies.running = Some(portal);
        true
    }

    /// The client has sent all rows of a COPY.
    pub(super) fn finish_copy(&mut self) {
        if let Some(portal) = self.replies.running.clone() {
            self.run_injected(&portal, &portal.copy.finish, Expected::ExecuteCopied);
        }
    }

    /// Runs a statement of ours in a portal of the client's.
    fn run_injected(&mut self, portal: &CopyPortal, sql: &str, execute: Expected) {
        let name = &portal.name;
        if !name.is_empty() {
            frontend::close(&mut self.server.io.outbuf, frontend::PORTAL, name);
            self.expect(Expected::CloseInjected(None));
        }
        // The unnamed statement is the client's on a connection that it keeps.
        let statement: &[u8] = if self.hold == Hold::Session { OWN_COPY } else { b"" };
        if !statement.is_empty() {
            frontend::close(&mut self.server.io.outbuf, frontend::STATEMENT, statement);
            self.expect(Expected::CloseInjected(None));
        }
        frontend::parse(&mut self.server.io.outbuf, statement, sql, &[]);
        self.server.unnamed = 0;
        self.expect(Expected::ParseInjected(None));
        frontend::bind_text(&mut self.server.io.outbuf, name, statement, &[]);
        self.expect(Expected::BindInjected);
        frontend::execute(&mut self.server.io.outbuf, name, 0);
        self.expect(execute);
    }

    /// A statement has ended: whose.
    pub(super) fn copy_step(&mut self) -> Step {
        match (self.expected.front(), &mut self.replies.copying) {
            (Some(Expected::Query), Some(copying)) => copying.next(),
            (Some(Expected::ExecuteInjected), _) => {
                self.expected.pop_front();
                Step::Ours
            }
            (Some(Expected::ExecuteCopied), _) => Step::End,
            _ => Step::Own,
        }
    }

    /// A COPY is over. True: it was one of a pipeline.
    pub(super) fn ends_copy(&mut self) -> bool {
        if !matches!(self.expected.front(), Some(Expected::ExecuteCopied)) {
            return false;
        }
        self.expected.pop_front();
        self.replies.running = None;
        true
    }
}

/// The COPY that a text is, if it is nothing else.
fn lone_copy(other: &Other) -> Option<&CopyFrom> {
    match other.rewritten.copies.as_slice() {
        [copy] => Some(copy),
        _ => None,
    }
}

/// The tag of a COPY with the number of rows in an INSERT's tag.
pub(super) fn copied(command: &[u8]) -> Option<BytesMut> {
    let rows: u64 = std::str::from_utf8(command.strip_prefix(b"INSERT 0 ")?).ok()?.parse().ok()?;
    let mut message = BytesMut::new();
    backend::command_complete(&mut message, &format!("COPY {rows}"));
    Some(message)
}
