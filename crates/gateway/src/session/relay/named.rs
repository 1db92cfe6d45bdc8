//! The client's messages about its prepared statements: its names are ours, and the server has the statements under others.

use super::super::promise::Kept;
use super::super::transaction::{DEALLOCATES_ALL, Expected, Transaction};
use super::super::{ClientStatement, Session, cleanup_of, too_many_statements};
use crate::error::{ClientError, SessionEnd};
use crate::lex::{self, Cleanup};
use crate::settings::Settings;
use crate::statement::Has;
use bytes::Bytes;
use std::sync::Arc;
use tenantry_wire::backend::TransactionStatus;
use tenantry_wire::frame;
use tenantry_wire::frontend::{self, tag};

/// What drops the statement that stands for nothing, without parameters.
const DEALLOCATE_NOTHING: &[u8] = b"DEALLOCATE tenantry_nothing\0\0\0";
/// The same in the place of `DEALLOCATE ALL`, by whose command tag JDBC drops what it remembers.
const DEALLOCATE_ALL_NOTHING: &[u8] = b"DEALLOCATE PREPARE tenantry_nothing\0\0\0";

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    On,
    /// It is to come again once the server has answered.
    Waits,
}

impl Session {
    pub(super) fn parse(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<(), SessionEnd> {
        let body = &message[frame::HEADER..];
        let parse = frontend::Parse::decode(body).map_err(|_| malformed("Parse"))?;
        let name = parse.name;
        let special = self.special_prepared(&parse).map(Box::new);
        self.statements.special |= special.is_some();
        let mut definition = &body[name.len() + 1..];
        if let Some(instead) = self.deallocates(transaction, definition) {
            definition = instead;
        }
        let may_set = lex::may_set(definition);
        if may_set {
            self.note_names(definition);
        }
        if name.is_empty() {
            self.unnamed.clear();
            self.unnamed.extend_from_slice(definition);
            self.unnamed_id = self.worker.next_unnamed_id();
            self.unnamed_is_residual = lex::may_change_session(definition);
            self.unnamed_passes = may_set && lex::passes(definition);
            transaction.server.unnamed = self.unnamed_id;
            let (sent, copy) = transaction.rewrite_body(definition);
            self.unnamed_copy = copy;
            self.unnamed_promise = None;
            self.unnamed_special = special;
            let sent = sent.as_deref().unwrap_or(definition);
            frontend::parse_raw(&mut transaction.server.io.outbuf, b"", sent);
            transaction.expect(Expected::Parse { statement: None, name: Box::default() });
            return Ok(());
        }
        if !self.statements.have_room_for(name, definition.len(), &self.worker.shared.config) {
            return Err(too_many_statements().into());
        }
        let body = Bytes::copy_from_slice(definition);
        let mut entry = ClientStatement { body, known: None, promise: None, special };
        let statement = transaction.known(&mut entry);
        if transaction.status == TransactionStatus::Failed {
            // What PostgreSQL says to a Parse here depends on the statement: it is asked.
            transaction.unprepare(&statement);
        }
        self.statements.passing |= statement.passes;
        let has = transaction.has(&statement);
        if self.statements.contains_key(name) {
            // PostgreSQL refuses a second statement of one name; so does this connection, in its own words.
            if has == Has::Nothing {
                transaction.prepare(&statement, b"");
            }
            frontend::parse_raw(&mut transaction.server.io.outbuf, &statement.name, &statement.body);
            transaction.expect(Expected::Parse { statement: None, name: Box::default() });
            return Ok(());
        }
        if has != Has::Nothing {
            if let Has::As(shape) = has {
                entry.promise = Some(transaction.promise(shape));
            }
            self.statements.insert(name.into(), entry);
            transaction.expect(Expected::ParseKnown(name.into()));
            return Ok(());
        }
        self.statements.insert(name.into(), entry);
        transaction.make_room(&statement);
        frontend::parse_raw(&mut transaction.server.io.outbuf, &statement.name, &statement.body);
        transaction.expect(Expected::Parse { statement: Some(Arc::clone(&statement)), name: name.into() });
        transaction.ask_shape(&statement, name);
        Ok(())
    }

    /// `DEALLOCATE` as an extended message: psycopg's pipelines with a libpq that can't send Close. The name is the
    /// client's, and the server's statement may be others' too, so the server drops one that stands for nothing.
    fn deallocates(&mut self, transaction: &mut Transaction, definition: &[u8]) -> Option<&'static [u8]> {
        if !matches!(definition.first(), Some(b'd' | b'D')) {
            return None;
        }
        let end = definition.iter().position(|byte| *byte == 0)?;
        let instead = match &cleanup_of(&definition[..=end])?[..] {
            [(Cleanup::DeallocateAll, _)] => {
                self.statements.clear();
                DEALLOCATE_ALL_NOTHING
            }
            [(Cleanup::Deallocate(name), _)] if self.statements.remove(name.as_bytes()).is_some() => {
                DEALLOCATE_NOTHING
            }
            _ => return None,
        };
        transaction.prepare_nothing();
        Some(instead)
    }

    /// Sees to it that the server has what the client calls `name`, as the client knows it, and returns what the server calls it,
    /// and its number if clients share it.
    fn server_name(
        &mut self,
        transaction: &mut Transaction,
        name: &[u8],
        parameters: &[u8],
    ) -> Result<(Box<[u8]>, u64), Kept> {
        if name.is_empty() && self.unnamed_id != 0 {
            return match self.keep_unnamed_promise(transaction) {
                Kept::Yes => Ok((Box::default(), 0)),
                not_yet => Err(not_yet),
            };
        }
        if name.is_empty() {
            // Whatever the server has without a name is somebody else's. It says best itself that there is none.
            frontend::close(&mut transaction.server.io.outbuf, frontend::STATEMENT, b"");
            transaction.server.unnamed = 0;
            transaction.expect(Expected::CloseInjected(None));
            return Ok((Box::default(), 0));
        }
        let Some(entry) = self.statements.get_mut(name) else {
            // The server will say that it does not exist. It must not reach a statement of ours or of another client.
            return Ok(([b"unknown ", name].concat().into(), 0));
        };
        let all = *entry.body == *DEALLOCATE_ALL_NOTHING;
        let statement = transaction.known(entry);
        if statement.changes_session {
            transaction.note_session_change();
            // A parameter may name the setting.
            note_names(&mut self.custom, &statement.body);
            note_names(&mut self.custom, parameters);
        }
        match transaction.keep_promise(&statement, name, &mut entry.promise) {
            Kept::Yes => Ok((statement.name.clone(), if all { DEALLOCATES_ALL } else { statement.id })),
            not_yet => Err(not_yet),
        }
    }

    pub(super) fn note_names(&mut self, text: &[u8]) {
        note_names(&mut self.custom, text);
    }

    /// The unnamed statement may set something that it or a parameter names.
    fn note_residual(&mut self, parameters: &[u8]) {
        note_names(&mut self.custom, &self.unnamed);
        note_names(&mut self.custom, parameters);
    }

    pub(super) fn bind(
        &mut self,
        transaction: &mut Transaction,
        message: &[u8],
    ) -> Result<Passed, SessionEnd> {
        let bind = frontend::Bind::decode(&message[frame::HEADER..]).map_err(|_| malformed("Bind"))?;
        if bind.statement.is_empty() && self.unnamed_is_residual {
            transaction.note_session_change();
            self.note_residual(bind.rest);
        }
        if let Some(stopwatch) = &mut transaction.stopwatch {
            let named = self.statements.get_mut(bind.statement).map(|statement| &*statement.body);
            stopwatch.bind(bind.portal, named.unwrap_or(&self.unnamed));
        }
        let unnamed_is_there = self.unnamed_id != 0 && transaction.server.unnamed == self.unnamed_id;
        let mut id = 0;
        if bind.statement.is_empty() && unnamed_is_there {
            transaction.server.io.outbuf.extend_from_slice(message);
        } else {
            let name;
            (name, id) = match self.server_name(transaction, bind.statement, bind.rest) {
                Ok(there) => there,
                Err(not_yet) => return Ok(unkept(transaction, tag::BIND, not_yet)),
            };
            frontend::bind_raw(&mut transaction.server.io.outbuf, bind.portal, &name, bind.rest);
        }
        if transaction.target.rewriter.is_some() {
            let named = transaction.replies.named_copy.take();
            let copy = if bind.statement.is_empty() { self.unnamed_copy.clone() } else { named };
            transaction.replies.bound(bind.portal, copy);
        }
        if bind.statement.is_empty() && *self.unnamed == *DEALLOCATE_ALL_NOTHING {
            id = DEALLOCATES_ALL;
        }
        let passes = if bind.statement.is_empty() {
            self.unnamed_passes
        } else {
            self.statements.passing && transaction.server.prepared.get(id).is_some_and(|known| known.passes)
        };
        transaction.passing.bind(bind.portal, passes);
        transaction.expect(Expected::Bind(id));
        Ok(Passed::On)
    }

    pub(super) fn close(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<(), SessionEnd> {
        let close = frontend::Close::decode(&message[frame::HEADER..]).map_err(|_| malformed("Close"))?;
        if close.kind == frontend::STATEMENT {
            // The server keeps the statement for the next client with the same text. The name is free for what is behind
            // the Close, though the client hears of it in its turn.
            let closed = self.close_statement(close.name).map(Box::new);
            transaction.expect(Expected::CloseKnown(close.name.into(), closed));
        } else {
            transaction.server.io.outbuf.extend_from_slice(message);
            transaction.expect(Expected::ClosePortal);
        }
        Ok(())
    }

    pub(super) fn describe(
        &mut self,
        transaction: &mut Transaction,
        message: &[u8],
    ) -> Result<Passed, SessionEnd> {
        let describe =
            frontend::Describe::decode(&message[frame::HEADER..]).map_err(|_| malformed("Describe"))?;
        if describe.kind != frontend::STATEMENT {
            transaction.server.io.outbuf.extend_from_slice(message);
            transaction.expect(Expected::Describe(0));
            return Ok(Passed::On);
        }
        let (name, id) = match self.server_name(transaction, describe.name, b"") {
            Ok(there) => there,
            Err(not_yet) => return Ok(unkept(transaction, tag::DESCRIBE, not_yet)),
        };
        frontend::describe(&mut transaction.server.io.outbuf, frontend::STATEMENT, &name);
        transaction.expect(if name.is_empty() && self.unnamed_id != 0 {
            Expected::DescribeUnnamed(self.unnamed_id)
        } else {
            Expected::Describe(id)
        });
        Ok(Passed::On)
    }
}

/// What becomes of a message whose statement is not known to be what the client believes.
fn unkept(transaction: &mut Transaction, tag: u8, kept: Kept) -> Passed {
    if kept == Kept::Waits {
        return Passed::Waits;
    }
    transaction.send_refusal(tag, &ClientError::outdated());
    Passed::On
}
/// Remembers what may be a setting that the server lists nowhere.
fn note_names(known: &mut Vec<Box<str>>, text: &[u8]) {
    const MAX_NAMES: usize = 64;
    for name in lex::dotted_names(text) {
        if known.len() < MAX_NAMES && Settings::may_follow(&name) && !known.iter().any(|k| **k == *name) {
            known.push(name.into());
        }
    }
}

pub(super) fn malformed(message: &'static str) -> ClientError {
    ClientError::protocol(format!("malformed {message} message"))
}
