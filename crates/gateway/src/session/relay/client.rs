//! What the client says: which messages go on, which wait, which are answered here.

use super::super::hold::Hold;
use super::super::promise::Kept;
use super::super::switch::Place;
use super::super::transaction::{DEALLOCATES_ALL, Expected, Pipeline, Transaction};
use super::super::{ClientStatement, Session, cleanup_of, too_many_statements, unknown_message};
use crate::error::{ClientError, SessionEnd};
use crate::lex::{self, Cleanup};
use crate::settings::Settings;
use crate::statement::Has;
use bytes::{Buf, Bytes, BytesMut};
use std::sync::Arc;
use tenantry_wire::backend::TransactionStatus;
use tenantry_wire::frame;
use tenantry_wire::frontend::{self, tag};

/// What drops the statement that stands for nothing, without parameters.
const DEALLOCATE_NOTHING: &[u8] = b"DEALLOCATE tenantry_nothing\0\0\0";
/// The same in the place of `DEALLOCATE ALL`, by whose command tag JDBC drops what it remembers.
const DEALLOCATE_ALL_NOTHING: &[u8] = b"DEALLOCATE PREPARE tenantry_nothing\0\0\0";

/// Replies that may be owed at once. A client that pipelines more waits.
const MAX_EXPECTED: usize = 4_096;

/// Whether more of the client's bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Flow {
    Read,
    /// The next message is there and waits for the server.
    Wait,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    On,
    /// It is to come again once the server has answered.
    Waits,
}

/// What becomes of a text that only clears session state.
enum Cleaned {
    /// It is none, or the server must see it.
    No,
    Answered,
    /// The server owes replies that decide what it means.
    Later,
}

impl Session {
    /// Forwards the client's messages that have arrived, up to the first that has to wait.
    pub(super) fn pump_client(&mut self, transaction: &mut Transaction) -> Result<Flow, SessionEnd> {
        let limit = self.worker.shared.config.buffer_bytes;
        loop {
            if transaction.client_pass > 0 {
                let len = transaction.client_pass.min(self.client.inbuf.len());
                transaction.server.io.outbuf.extend_from_slice(&self.client.inbuf[..len]);
                self.client.inbuf.advance(len);
                transaction.client_pass -= len;
                if transaction.client_pass > 0 {
                    return Ok(Flow::Read);
                }
            }
            if !self.drop_unwanted() {
                return Ok(Flow::Read);
            }
            // A notice that nobody asked for is half there: no answer of the gateway's may get into it.
            if transaction.server_pass > 0 && transaction.expected.is_empty() {
                return Ok(Flow::Wait);
            }
            if transaction.expected.len() >= MAX_EXPECTED || self.client.outbuf.len() >= limit {
                transaction.nudge();
                return Ok(Flow::Wait);
            }
            let header =
                frame::peek(&self.client.inbuf).map_err(|error| ClientError::protocol(error.to_string()))?;
            let Some(header) = header else { return Ok(Flow::Read) };
            if header.tag == tag::COPY_DATA {
                if transaction.pipeline.is_copy_in() {
                    transaction.client_pass = header.len;
                } else if transaction.may_begin_copy() {
                    transaction.nudge();
                    return Ok(Flow::Wait);
                } else {
                    // PostgreSQL ignores COPY data that it did not ask for.
                    self.unwanted = header.len;
                }
                continue;
            }
            if self.peek_client()?.is_none() {
                return Ok(Flow::Read);
            }
            if transaction.should_yield() || must_wait(transaction, header.tag)? {
                return Ok(Flow::Wait);
            }
            let failed = transaction.pipeline == Pipeline::Failed;
            if !failed && let Some(special) = self.special_in(header) {
                match self.place(transaction, header, &special) {
                    Place::Here => {}
                    Place::Elsewhere => {
                        // Dealt with once the connection is given back.
                        transaction.switching = true;
                        return Ok(Flow::Wait);
                    }
                    Place::Later => return Ok(Flow::Wait),
                    Place::Instead(mut message) => {
                        self.client.inbuf.advance(header.len);
                        self.client_message(transaction, header.tag, &mut message)?;
                        continue;
                    }
                    Place::Refused(error) => {
                        self.client.inbuf.advance(header.len);
                        transaction.send_refusal(header.tag, &error);
                        continue;
                    }
                }
            }
            if header.tag == tag::QUERY && transaction.pipeline != Pipeline::Failed {
                match self.cleanup_within(transaction, header) {
                    Cleaned::No => {}
                    Cleaned::Answered => continue,
                    Cleaned::Later => return Ok(Flow::Wait),
                }
            }
            let mut message = self.client.inbuf.split_to(header.len);
            if transaction.pipeline == Pipeline::Failed && !matches!(header.tag, tag::SYNC | tag::TERMINATE) {
                continue;
            }
            if self.client_message(transaction, header.tag, &mut message)? == Passed::Waits {
                message.unsplit(std::mem::take(&mut self.client.inbuf));
                self.client.inbuf = message;
                return Ok(Flow::Wait);
            }
            self.answer_known(transaction);
        }
    }

    /// Writes the gateway's own replies that have come to the front of the queue.
    pub(super) fn answer_known(&mut self, transaction: &mut Transaction) {
        while matches!(transaction.expected.front(), Some(Expected::ParseKnown(_) | Expected::CloseKnown(..)))
        {
            match transaction.expected.pop_front() {
                Some(Expected::CloseKnown(..)) => {
                    tenantry_wire::backend::close_complete(&mut self.client.outbuf);
                }
                Some(Expected::ParseKnown(name)) => {
                    self.promise_known(transaction, &name);
                    tenantry_wire::backend::parse_complete(&mut self.client.outbuf);
                }
                _ => {}
            }
        }
    }

    /// A text that only clears session state, while a connection is held: its meaning depends on whether a transaction
    /// is open, so it waits until the server owes nothing.
    fn cleanup_within(&mut self, transaction: &mut Transaction, header: frame::Header) -> Cleaned {
        let Some(statements) = cleanup_of(&self.client.inbuf[frame::HEADER..header.len]) else {
            return Cleaned::No;
        };
        if transaction.hold != Hold::Transaction {
            return self.cleanup_kept(transaction, header, &statements);
        }
        // Before an entry is answered the client is outside a transaction; waiting for its answer would be for ever.
        if transaction.owes_client() {
            return Cleaned::Later;
        }
        if transaction.status == TransactionStatus::Idle && transaction.pipeline.is_open() {
            // A pipeline without its Sync, as asyncpg leaves it after preparing. A simple Query ends it.
            transaction.inject_sync();
            return Cleaned::Later;
        }
        let only_names =
            statements.iter().all(|(c, _)| matches!(c, Cleanup::Deallocate(_) | Cleanup::DeallocateAll));
        let ours = match transaction.status {
            TransactionStatus::Idle => transaction.pipeline == Pipeline::Closed,
            // The client's names are ours in a transaction too; the rest concerns the connection it holds.
            TransactionStatus::InTransaction => only_names,
            TransactionStatus::Failed => false,
        };
        if ours && !only_names && transaction.is_finished() {
            // The connection is given back first: what follows in the same packet must not find the settings as they were.
            return Cleaned::Later;
        }
        if ours && self.answer_cleanup(&statements, transaction.status) {
            self.client.inbuf.advance(header.len);
            return Cleaned::Answered;
        }
        Cleaned::No
    }

    /// On a connection that the client keeps the server cleans up, but for names that are ours, and for a function that would
    /// give up the tenant's fence: there are no other locks of a session's to give up.
    fn cleanup_kept(
        &mut self,
        transaction: &mut Transaction,
        header: frame::Header,
        statements: &[(Cleanup, &'static str)],
    ) -> Cleaned {
        let ours = |cleanup: &Cleanup| matches!(cleanup, Cleanup::Deallocate(name) if self.statements.contains_key(name.as_bytes()));
        if statements.iter().all(|(cleanup, _)| ours(cleanup)) {
            if !transaction.expected.is_empty() {
                return Cleaned::Later;
            }
            if transaction.status != TransactionStatus::Failed
                && !transaction.pipeline.is_open()
                && self.answer_cleanup(statements, transaction.status)
            {
                self.client.inbuf.advance(header.len);
                return Cleaned::Answered;
            }
        }
        if !statements.iter().any(|(cleanup, _)| matches!(cleanup, Cleanup::UnlockAll)) {
            return Cleaned::No;
        }
        let text = String::from_utf8_lossy(&self.client.inbuf[frame::HEADER..header.len - 1]);
        let sql = text.split(';').map(|statement| match lex::cleanup(statement).as_deref() {
            Some([(Cleanup::UnlockAll, _)]) => "SELECT ''::pg_catalog.void AS pg_advisory_unlock_all",
            _ => statement,
        });
        let sql = sql.collect::<Vec<_>>().join(";");
        if transaction.owes_client() {
            transaction.nudge();
            return Cleaned::Later;
        }
        frontend::query(&mut transaction.server.io.outbuf, &sql);
        transaction.note_session_change();
        transaction.server.unnamed = 0;
        transaction.end_pipeline();
        transaction.expected.push_back(Expected::Query);
        self.client.inbuf.advance(header.len);
        Cleaned::Answered
    }

    fn client_message(
        &mut self,
        transaction: &mut Transaction,
        tag: u8,
        message: &mut BytesMut,
    ) -> Result<Passed, SessionEnd> {
        match tag {
            tag::PARSE | tag::BIND | tag::DESCRIBE | tag::CLOSE if transaction.hold == Hold::Session => {
                self.pass(transaction, tag, message)?;
            }
            tag::QUERY | tag::FUNCTION_CALL => {
                // A function call has no text and its reply no tag.
                if tag == tag::FUNCTION_CALL || self.worker.shared.session_words.occur_in(message) {
                    transaction.note_session_change();
                    self.note_names(message);
                } else if lex::may_set(&message[frame::HEADER..]) {
                    self.note_names(message);
                    if lex::names_tenant(message) {
                        transaction.note_session_change();
                    }
                }
                match transaction.rewrite_query(tag, &message[frame::HEADER..]) {
                    Some(text) => frontend::query(&mut transaction.server.io.outbuf, &text),
                    None => transaction.server.io.outbuf.extend_from_slice(message),
                }
                transaction.server.unnamed = 0;
                if tag == tag::QUERY {
                    // PostgreSQL drops it, too.
                    self.unnamed_id = 0;
                }
                transaction.end_pipeline();
                transaction.expected.push_back(Expected::Query);
                if let Some(stopwatch) = &mut transaction.stopwatch {
                    let text = if tag == tag::QUERY { &message[frame::HEADER..] } else { b"function call" };
                    stopwatch.begin(text);
                }
            }
            tag::PARSE => self.parse(transaction, message)?,
            tag::BIND => return self.bind(transaction, message),
            tag::DESCRIBE => return self.describe(transaction, message),
            tag::CLOSE => self.close(transaction, message)?,
            tag::EXECUTE => {
                if let Some(stopwatch) = &mut transaction.stopwatch {
                    stopwatch.execute(&message[frame::HEADER..]);
                }
                if transaction.replies.portal.is_some() && transaction.execute_copy(&message[frame::HEADER..])
                {
                    return Ok(Passed::On);
                }
                transaction.server.io.outbuf.extend_from_slice(message);
                transaction.expect(Expected::Execute);
            }
            // A body would be an error at a place where none is expected.
            tag::SYNC | tag::FLUSH if message.len() != frame::HEADER => {
                return Err(ClientError::protocol("malformed Sync or Flush message").into());
            }
            // While it reads COPY data the server ignores both.
            tag::SYNC | tag::FLUSH if transaction.pipeline.is_copy_in() => {}
            tag::SYNC => transaction.sync(),
            tag::FLUSH => transaction.server.io.outbuf.extend_from_slice(message),
            tag::COPY_DONE | tag::COPY_FAIL => {
                // Else PostgreSQL ignores it.
                if transaction.pipeline.is_copy_in() {
                    transaction.server.io.outbuf.extend_from_slice(message);
                    let simple = matches!(transaction.expected.front(), Some(Expected::Query));
                    transaction.pipeline =
                        if simple { Pipeline::Closed } else { Pipeline::Open { flushed: false } };
                    if tag == tag::COPY_DONE {
                        transaction.finish_copy();
                    }
                }
            }
            // In the middle of a transaction the server connection is closed with the session.
            tag::TERMINATE => return Err(SessionEnd::ClientGone),
            other => return Err(unknown_message(other).into()),
        }
        Ok(Passed::On)
    }

    fn parse(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<(), SessionEnd> {
        let body = &message[frame::HEADER..];
        let parse = frontend::Parse::decode(body).map_err(|_| malformed("Parse"))?;
        let name = parse.name;
        let special = self.special_prepared(&parse).map(Box::new);
        self.statements.special |= special.is_some();
        let mut definition = &body[name.len() + 1..];
        if let Some(instead) = self.deallocates(transaction, definition) {
            definition = instead;
        }
        if lex::may_set(definition) {
            self.note_names(definition);
        }
        if name.is_empty() {
            self.unnamed.clear();
            self.unnamed.extend_from_slice(definition);
            self.unnamed_id = self.worker.next_unnamed_id();
            self.unnamed_is_residual = self.worker.shared.session_words.occur_in(definition);
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
        let statement = transaction.known(&mut entry, &self.worker.shared.session_words);
        if transaction.status == TransactionStatus::Failed {
            // What PostgreSQL says to a Parse here depends on the statement: it is asked.
            transaction.unprepare(&statement);
        }
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
        let statement = transaction.known(entry, &self.worker.shared.session_words);
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

    fn note_names(&mut self, text: &[u8]) {
        note_names(&mut self.custom, text);
    }

    /// The unnamed statement may set something that it or a parameter names.
    fn note_residual(&mut self, parameters: &[u8]) {
        note_names(&mut self.custom, &self.unnamed);
        note_names(&mut self.custom, parameters);
    }

    fn bind(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<Passed, SessionEnd> {
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
        transaction.expect(Expected::Bind(id));
        Ok(Passed::On)
    }

    fn close(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<(), SessionEnd> {
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

    fn describe(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<Passed, SessionEnd> {
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

/// Whether a message must wait until the server has answered what was sent before.
fn must_wait(transaction: &mut Transaction, tag: u8) -> Result<bool, SessionEnd> {
    if !transaction.owes_client() {
        return Ok(false);
    }
    // Whether the client's transaction has begun decides what the message is executed in.
    if matches!(transaction.expected.back(), Some(Expected::Begin)) {
        return Ok(true);
    }
    // What is behind the transaction may be for another tenant.
    if transaction.lone && matches!(transaction.expected.back(), Some(Expected::Sync)) {
        return Ok(true);
    }
    // Should the entry fail, PostgreSQL skips everything up to here, and nothing behind it.
    if transaction.in_prologue() && matches!(transaction.expected.back(), Some(Expected::Sync)) {
        return Ok(true);
    }
    let copying = transaction.pipeline.is_copy_in();
    let behind_query = matches!(transaction.expected.back(), Some(Expected::Query));
    Ok(match tag {
        tag::SYNC | tag::FLUSH | tag::COPY_DONE | tag::COPY_FAIL if copying => false,
        // The server would end the COPY with an error, and what it skips then is anybody's guess.
        tag::PARSE
        | tag::BIND
        | tag::DESCRIBE
        | tag::EXECUTE
        | tag::CLOSE
        | tag::QUERY
        | tag::FUNCTION_CALL
            if copying =>
        {
            return Err(ClientError::protocol("unexpected message during COPY").into());
        }
        // PostgreSQL finishes what it was sent before it sees the end.
        tag::TERMINATE => transaction.pipeline == Pipeline::Closed,
        // What the Query is (a COPY, perhaps) decides what the server does with the next message.
        _ if behind_query => true,
        // These are dropped.
        _ if transaction.pipeline == Pipeline::Failed => false,
        tag::QUERY | tag::FUNCTION_CALL => {
            transaction.nudge();
            true
        }
        tag::COPY_DONE | tag::COPY_FAIL => {
            transaction.nudge();
            transaction.may_begin_copy()
        }
        // What becomes of a COPY is told from the replies to it alone.
        tag::EXECUTE if transaction.replies.portal.is_some() => {
            transaction.expected.iter().any(|expected| matches!(expected, Expected::Sync))
        }
        tag::PARSE | tag::BIND | tag::DESCRIBE if transaction.hold != Hold::Session => {
            transaction.name_is_unconfirmed()
        }
        _ => false,
    })
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
