//! What the client says: which messages go on, which wait, which are answered here.

use super::super::hold::Hold;
use super::super::switch::Place;
use super::super::transaction::{Expected, Pipeline, Transaction};
use super::super::{Session, cleanup_of, unknown_message};
use super::named::Passed;
use crate::error::{ClientError, SessionEnd};
use crate::lex::{self, Cleanup};
use bytes::Buf;
use tenantry_wire::backend::TransactionStatus;
use tenantry_wire::frame;
use tenantry_wire::frontend::{self, tag};

/// Replies that may be owed at once. A client that pipelines more waits.
const MAX_EXPECTED: usize = 4_096;

/// Whether more of the client's bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Flow {
    Read,
    /// The next message is there and waits for the server.
    Wait,
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
            let is_plain = std::mem::take(&mut self.is_front_plain);
            if !failed
                && !is_plain
                && let Some(special) = self.special_in(header)
            {
                match self.place(transaction, header, &special) {
                    Place::Here => {}
                    Place::Elsewhere => {
                        // Dealt with once the connection is given back.
                        transaction.switching = true;
                        return Ok(Flow::Wait);
                    }
                    Place::Later => return Ok(Flow::Wait),
                    Place::Instead(message) => {
                        self.client.inbuf.advance(header.len);
                        self.client_message(transaction, header.tag, &message)?;
                        continue;
                    }
                    Place::Refused(error) => {
                        self.client.inbuf.advance(header.len);
                        transaction.send_refusal(header.tag, &error);
                        continue;
                    }
                }
            }
            if header.tag == tag::QUERY && !failed && !is_plain {
                match self.cleanup_within(transaction, header) {
                    Cleaned::No => {}
                    Cleaned::Answered => continue,
                    Cleaned::Later => return Ok(Flow::Wait),
                }
            }
            if transaction.pipeline == Pipeline::Failed && !matches!(header.tag, tag::SYNC | tag::TERMINATE) {
                self.client.inbuf.advance(header.len);
                continue;
            }
            // Out of the session while it is looked at: nothing is copied.
            let arrived = std::mem::take(&mut self.client.inbuf);
            let passed = self.client_message(transaction, header.tag, &arrived[..header.len]);
            self.client.inbuf = arrived;
            if passed? == Passed::Waits {
                return Ok(Flow::Wait);
            }
            self.client.inbuf.advance(header.len);
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
        let sql = text.split(';').map(|statement| match lex::cleanup(statement.as_bytes()).as_deref() {
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
        message: &[u8],
    ) -> Result<Passed, SessionEnd> {
        match tag {
            tag::PARSE | tag::BIND | tag::DESCRIBE | tag::CLOSE if transaction.hold == Hold::Session => {
                self.pass(transaction, tag, message)?;
            }
            tag::QUERY | tag::FUNCTION_CALL => {
                let body = &message[frame::HEADER..];
                // A function call has no text and its reply no tag.
                if tag == tag::FUNCTION_CALL || lex::may_change_session(body) {
                    transaction.note_session_change();
                    self.note_names(body);
                } else if lex::may_set(body) {
                    self.note_names(body);
                    if lex::names_tenant(body) {
                        transaction.note_session_change();
                    }
                    transaction.passing.query(body);
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
                transaction.passing.execute(&message[frame::HEADER..]);
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
