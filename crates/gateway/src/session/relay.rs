//! The relay: bytes between a client and the server connection it was lent, until the transaction is over.
//!
//! Bodies are not read, with few exceptions: headers are, and names of prepared statements are replaced. Both
//! directions are bounded by `buffer_bytes`: who does not read makes the other wait.

use super::transaction::{Expected, Pipeline, Transaction};
use super::{ClientStatement, Session, cleanup_of, residue_of, unknown_message};
use crate::backend::{Entry, State};
use crate::error::{ClientError, SessionEnd};
use crate::lex::Cleanup;
use crate::settings::Settings;
use bytes::{Buf, Bytes, BytesMut};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use tenantry_core::ErrorKind;
use tenantry_wire::backend::{self, DataRow, ErrorFields, ParameterStatus, TransactionStatus, ready_status};
use tenantry_wire::frontend::{self, tag};
use tenantry_wire::{backend::tag as reply, frame};

/// A reply that must be looked at as a whole, and is never longer than this in a sane conversation. Longer ones
/// (an error with a huge detail) are passed on unread.
const MAX_INSPECTED_BYTES: usize = 64 << 10;

/// A statement without text, and what drops it: no parameters.
const NOTHING: &[u8] = b"tenantry_nothing";
const DEALLOCATE_NOTHING: &[u8] = b"DEALLOCATE tenantry_nothing\0\0\0";

/// What happened while waiting.
enum Event {
    Progress,
    ServerLost,
    ClientGone,
}

/// What became of a text that only clears session state.
enum Cleaned {
    /// It is none, or the server must see it.
    No,
    Answered,
    /// The server owes replies that decide what it means.
    Later,
}

/// Why the relay can't go on with this server connection.
enum Broken {
    /// The connection was lost, or said what it must not.
    Lost,
    /// The database keeps us out; nothing of the client's was executed inside the tenant.
    Refused(Entry),
    /// The client's settings were not accepted.
    Settings(ClientError),
}

impl Session {
    /// Relays until the transaction is over, then gives the connection back.
    pub(super) async fn transact(&mut self, mut transaction: Transaction) -> Result<(), SessionEnd> {
        loop {
            if let Err(end) = self.pump_client(&mut transaction) {
                self.abandon(transaction).await;
                return Err(end);
            }
            if transaction.is_finished() {
                self.release(transaction);
                return Ok(());
            }
            match self.exchange(&mut transaction).await {
                Event::Progress => {}
                Event::ServerLost => return self.server_lost(transaction, &Broken::Lost),
                Event::ClientGone => {
                    self.abandon(transaction).await;
                    return Err(SessionEnd::ClientGone);
                }
            }
            if let Err(broken) = self.pump_server(&mut transaction) {
                return self.server_lost(transaction, &broken);
            }
        }
    }

    /// Sends the prologue alone and waits for its replies: used while the session opens.
    pub(super) async fn finish_prologue(
        &mut self,
        mut transaction: Transaction,
    ) -> Result<Vec<(Box<str>, Box<str>)>, SessionEnd> {
        let deadline = self.worker.shared.config.handover_timeout;
        let exchange = async {
            while transaction.in_prologue() {
                match self.exchange(&mut transaction).await {
                    Event::Progress => {}
                    Event::ClientGone => return Err(SessionEnd::ClientGone),
                    Event::ServerLost => return Err(ClientError::server_unavailable().into()),
                }
                self.pump_server(&mut transaction).map_err(|broken| match broken {
                    Broken::Lost => ClientError::server_unavailable(),
                    Broken::Refused(entry) => super::refused(entry),
                    Broken::Settings(error) => error,
                })?;
            }
            Ok(())
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(done) => done?,
            Err(_) => return Err(ClientError::server_unavailable().into()),
        }
        let reported = transaction.reported.take().unwrap_or_default();
        self.release(transaction);
        Ok(reported)
    }

    /// Moves bytes over the sockets until something arrived. Cancel-safe: nothing is held across the wait.
    async fn exchange(&mut self, transaction: &mut Transaction) -> Event {
        let limit = self.worker.shared.config.buffer_bytes;
        let client = &mut self.client;
        let server = &mut transaction.server.io;
        let moved = poll_fn(|cx| {
            if let Poll::Ready(Err(_)) = server.poll_flush(cx) {
                return Poll::Ready(Event::ServerLost);
            }
            if let Poll::Ready(Err(_)) = client.poll_flush(cx) {
                return Poll::Ready(Event::ClientGone);
            }
            let mut progress = false;
            if client.outbuf.len() < limit
                && let Poll::Ready(read) = server.poll_fill(cx)
            {
                match read {
                    Ok(1..) => progress = true,
                    _ => return Poll::Ready(Event::ServerLost),
                }
            }
            // While the server's buffer is full, the client waits; its half-read message stays within its limit.
            if server.outbuf.len() < limit
                && let Poll::Ready(read) = client.poll_fill(cx)
            {
                match read {
                    Ok(1..) => progress = true,
                    _ => return Poll::Ready(Event::ClientGone),
                }
            }
            if progress { Poll::Ready(Event::Progress) } else { Poll::Pending }
        });
        moved.await
    }

    /// Forwards the client's messages that have arrived.
    fn pump_client(&mut self, transaction: &mut Transaction) -> Result<(), SessionEnd> {
        loop {
            if transaction.client_pass > 0 {
                let len = transaction.client_pass.min(self.client.inbuf.len());
                transaction.server.io.outbuf.extend_from_slice(&self.client.inbuf[..len]);
                self.client.inbuf.advance(len);
                transaction.client_pass -= len;
                if transaction.client_pass > 0 {
                    return Ok(());
                }
            }
            let header =
                frame::peek(&self.client.inbuf).map_err(|error| ClientError::protocol(error.to_string()))?;
            let Some(header) = header else { return Ok(()) };
            if header.tag == tag::COPY_DATA && transaction.pipeline != Pipeline::Failed {
                transaction.client_pass = header.len;
                continue;
            }
            if self.peek_client()?.is_none() {
                return Ok(());
            }
            if header.tag == tag::QUERY {
                match self.cleanup_within(transaction, header) {
                    Cleaned::No => {}
                    Cleaned::Answered => continue,
                    Cleaned::Later => return Ok(()),
                }
            }
            let mut message = self.client.inbuf.split_to(header.len);
            if transaction.pipeline == Pipeline::Failed && !matches!(header.tag, tag::SYNC | tag::TERMINATE) {
                continue;
            }
            self.client_message(transaction, header.tag, &mut message)?;
        }
    }

    /// A text that only clears session state, while a connection is held: its meaning depends on whether a transaction
    /// is open, so it waits until the server owes nothing.
    fn cleanup_within(&mut self, transaction: &mut Transaction, header: frame::Header) -> Cleaned {
        let Some(statements) = cleanup_of(&self.client.inbuf[frame::HEADER..header.len]) else {
            return Cleaned::No;
        };
        if !transaction.expected.is_empty() {
            return Cleaned::Later;
        }
        if transaction.status == TransactionStatus::Idle && transaction.pipeline == Pipeline::Open {
            // A pipeline without its Sync, as asyncpg leaves it after preparing. A simple Query ends it.
            frontend::sync(&mut transaction.server.io.outbuf);
            transaction.end_pipeline();
            transaction.expected.push_back(Expected::SyncInjected);
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
        if ours && self.answer_cleanup(&statements, transaction.status) {
            self.client.inbuf.advance(header.len);
            return Cleaned::Answered;
        }
        Cleaned::No
    }

    fn client_message(
        &mut self,
        transaction: &mut Transaction,
        tag: u8,
        message: &mut BytesMut,
    ) -> Result<(), SessionEnd> {
        let out = &mut self.client.outbuf;
        match tag {
            tag::QUERY => {
                if self.worker.shared.session_words.occur_in(message) {
                    transaction.note_session_change();
                }
                transaction.server.io.outbuf.extend_from_slice(message);
                transaction.server.unnamed = 0;
                transaction.end_pipeline();
                transaction.expected.push_back(Expected::Query);
            }
            tag::FUNCTION_CALL => {
                transaction.server.io.outbuf.extend_from_slice(message);
                transaction.end_pipeline();
                transaction.expected.push_back(Expected::Query);
            }
            tag::PARSE => self.parse(transaction, message)?,
            tag::BIND => self.bind(transaction, message)?,
            tag::DESCRIBE => self.describe(transaction, message)?,
            tag::CLOSE => self.close(transaction, message)?,
            tag::EXECUTE => {
                transaction.server.io.outbuf.extend_from_slice(message);
                transaction.pipeline = Pipeline::Open;
                transaction.expect(Expected::Execute, out);
            }
            tag::SYNC => {
                transaction.server.io.outbuf.extend_from_slice(message);
                if transaction.pipeline != Pipeline::CopyIn {
                    transaction.pipeline = Pipeline::Closed;
                    transaction.expected.push_back(Expected::Sync);
                }
            }
            tag::FLUSH => transaction.server.io.outbuf.extend_from_slice(message),
            tag::COPY_DONE | tag::COPY_FAIL => {
                transaction.server.io.outbuf.extend_from_slice(message);
                if transaction.pipeline == Pipeline::CopyIn {
                    transaction.pipeline = Pipeline::Open;
                }
                if transaction.expected.iter().any(|e| matches!(e, Expected::Execute)) {
                    transaction.expect(Expected::CopyEnd, out);
                }
            }
            // In the middle of a transaction the server connection is closed with the session.
            tag::TERMINATE => return Err(SessionEnd::ClientGone),
            other => return Err(unknown_message(other).into()),
        }
        Ok(())
    }

    fn parse(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<(), SessionEnd> {
        let body = &message[frame::HEADER..];
        let parse = frontend::Parse::decode(body).map_err(|_| malformed("Parse"))?;
        transaction.pipeline = Pipeline::Open;
        let name = parse.name;
        let mut definition = &body[name.len() + 1..];
        if self.deallocates(transaction, definition) {
            definition = DEALLOCATE_NOTHING;
        }
        if name.is_empty() {
            self.unnamed.clear();
            self.unnamed.extend_from_slice(definition);
            self.unnamed_id = self.worker.next_unnamed_id();
            self.unnamed_is_residual = self.worker.shared.session_words.occur_in(definition);
            transaction.server.unnamed = self.unnamed_id;
            frontend::parse_raw(&mut transaction.server.io.outbuf, b"", definition);
            transaction
                .expect(Expected::Parse { statement: None, name: Box::default() }, &mut self.client.outbuf);
            return Ok(());
        }
        if self.statements.len() >= self.worker.shared.config.max_client_statements
            && !self.statements.contains_key(name)
        {
            return Err(ClientError::new(
                ErrorKind::LimitReached,
                "too many prepared statements on one connection",
            )
            .with_hint("close or deallocate those that are not used any more")
            .into());
        }
        let mut entry = ClientStatement { body: Bytes::copy_from_slice(definition), known: None };
        let statement = transaction.known(&mut entry, &self.worker.shared.session_words);
        let taken = self.statements.contains_key(name);
        if taken {
            // PostgreSQL refuses a second statement of one name; so does this connection, in its own words.
            transaction.ensure_prepared(&statement, &mut self.client.outbuf);
        } else {
            self.statements.insert(name.into(), entry);
        }
        if !taken && transaction.server.prepared.touch(statement.id) {
            transaction.expect(Expected::ParseKnown(name.into()), &mut self.client.outbuf);
            return Ok(());
        }
        if !taken {
            transaction.make_room(&statement, &mut self.client.outbuf);
        }
        frontend::parse_raw(&mut transaction.server.io.outbuf, &statement.name, definition);
        let expected = if taken {
            Expected::Parse { statement: None, name: Box::default() }
        } else {
            Expected::Parse { statement: Some(statement), name: name.into() }
        };
        transaction.expect(expected, &mut self.client.outbuf);
        Ok(())
    }

    /// `DEALLOCATE` as an extended message: psycopg's pipelines with a libpq that can't send Close. The name is the
    /// client's, and the server's statement may be others' too, so the server drops one that stands for nothing.
    fn deallocates(&mut self, transaction: &mut Transaction, definition: &[u8]) -> bool {
        if !matches!(definition.first(), Some(b'd' | b'D')) {
            return false;
        }
        let end = definition.iter().position(|byte| *byte == 0);
        let Some(cleanups) = end.and_then(|end| cleanup_of(&definition[..=end])) else { return false };
        match &cleanups[..] {
            [(Cleanup::DeallocateAll, _)] => self.statements.clear(),
            [(Cleanup::Deallocate(name), _)] if self.statements.remove(name.as_bytes()).is_some() => {}
            _ => return false,
        }
        let out = &mut transaction.server.io.outbuf;
        // One that an earlier failure has left would be in the way; to close one that does not exist is no error.
        frontend::close(out, frontend::STATEMENT, NOTHING);
        frontend::parse(out, NOTHING, "", &[]);
        transaction.expect(Expected::CloseInjected(None), &mut self.client.outbuf);
        transaction.expect(Expected::ParseInjected(None), &mut self.client.outbuf);
        true
    }

    /// Sees to it that the server has what the client calls `name`, and returns what the server calls it.
    fn server_name(&mut self, transaction: &mut Transaction, name: &[u8]) -> Box<[u8]> {
        let out = &mut self.client.outbuf;
        if name.is_empty() {
            if self.unnamed_id != 0 && transaction.server.unnamed != self.unnamed_id {
                frontend::parse_raw(&mut transaction.server.io.outbuf, b"", &self.unnamed);
                transaction.server.unnamed = self.unnamed_id;
                transaction.expect(Expected::ParseInjected(None), out);
            }
            return Box::default();
        }
        let Some(entry) = self.statements.get_mut(name) else {
            // The server will say that it does not exist. It must not reach a statement of ours or of another client.
            return [b"unknown ", name].concat().into();
        };
        let statement = transaction.known(entry, &self.worker.shared.session_words);
        if statement.changes_session {
            transaction.note_session_change();
        }
        transaction.ensure_prepared(&statement, out);
        statement.name.clone()
    }

    fn bind(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<(), SessionEnd> {
        let bind = frontend::Bind::decode(&message[frame::HEADER..]).map_err(|_| malformed("Bind"))?;
        transaction.pipeline = Pipeline::Open;
        if bind.statement.is_empty() && self.unnamed_is_residual {
            transaction.note_session_change();
        }
        if bind.statement.is_empty() && transaction.server.unnamed == self.unnamed_id {
            transaction.server.io.outbuf.extend_from_slice(message);
        } else {
            let name = self.server_name(transaction, bind.statement);
            frontend::bind_raw(&mut transaction.server.io.outbuf, bind.portal, &name, bind.rest);
        }
        transaction.expect(Expected::Bind, &mut self.client.outbuf);
        Ok(())
    }

    fn describe(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<(), SessionEnd> {
        let describe =
            frontend::Describe::decode(&message[frame::HEADER..]).map_err(|_| malformed("Describe"))?;
        transaction.pipeline = Pipeline::Open;
        if describe.kind == frontend::STATEMENT {
            let name = self.server_name(transaction, describe.name);
            frontend::describe(&mut transaction.server.io.outbuf, frontend::STATEMENT, &name);
        } else {
            transaction.server.io.outbuf.extend_from_slice(message);
        }
        transaction.expect(Expected::Describe, &mut self.client.outbuf);
        Ok(())
    }

    fn close(&mut self, transaction: &mut Transaction, message: &[u8]) -> Result<(), SessionEnd> {
        let close = frontend::Close::decode(&message[frame::HEADER..]).map_err(|_| malformed("Close"))?;
        transaction.pipeline = Pipeline::Open;
        if close.kind == frontend::STATEMENT {
            // The server keeps the statement for the next client with the same text.
            if close.name.is_empty() {
                self.unnamed_id = 0;
                transaction.server.unnamed = 0;
            } else {
                self.statements.remove(close.name);
            }
            transaction.expect(Expected::CloseKnown, &mut self.client.outbuf);
        } else {
            transaction.server.io.outbuf.extend_from_slice(message);
            transaction.expect(Expected::ClosePortal, &mut self.client.outbuf);
        }
        Ok(())
    }

    /// Passes the server's replies on, up to the first that is not complete and must be.
    fn pump_server(&mut self, transaction: &mut Transaction) -> Result<(), Broken> {
        // What has been looked at and goes to the client, at the front of the server's buffer.
        let mut keep = 0;
        loop {
            if transaction.server_pass > 0 {
                let available = transaction.server.io.inbuf.len() - keep;
                let len = transaction.server_pass.min(available);
                keep += len;
                transaction.server_pass -= len;
                if transaction.server_pass > 0 {
                    break;
                }
            }
            let unread = &transaction.server.io.inbuf[keep..];
            let Some(header) = frame::peek(unread).map_err(|_| Broken::Lost)? else { break };
            let inspected = transaction.in_prologue() || is_inspected(header.tag);
            if !inspected || header.len > MAX_INSPECTED_BYTES {
                if transaction.in_prologue() {
                    return Err(Broken::Lost);
                }
                self.long_reply(transaction, header.tag);
                transaction.server_pass = header.len;
                continue;
            }
            if unread.len() < header.len {
                break;
            }
            let at = keep;
            let verdict = if transaction.in_prologue() {
                prologue_reply(transaction, header, at)?
            } else {
                self.server_reply(transaction, header, at)?
            };
            match verdict {
                Verdict::Forward => keep += header.len,
                Verdict::Swallow => {
                    self.forward(transaction, keep);
                    transaction.server.io.inbuf.advance(header.len);
                    keep = 0;
                    transaction.answer_known(&mut self.client.outbuf);
                }
            }
            if matches!(transaction.expected.front(), Some(Expected::ParseKnown(_) | Expected::CloseKnown)) {
                self.forward(transaction, keep);
                keep = 0;
                transaction.answer_known(&mut self.client.outbuf);
            }
        }
        self.forward(transaction, keep);
        Ok(())
    }

    /// Moves the first `len` bytes from the server's buffer to the client's: without a copy when that is all there is.
    fn forward(&mut self, transaction: &mut Transaction, len: usize) {
        let from = &mut transaction.server.io.inbuf;
        let to = &mut self.client.outbuf;
        if len == from.len() && to.is_empty() {
            std::mem::swap(from, to);
            from.clear();
        } else if len > 0 {
            to.extend_from_slice(&from[..len]);
            from.advance(len);
        }
    }

    /// A reply that is passed on without being read whole.
    fn long_reply(&mut self, transaction: &mut Transaction, tag: u8) {
        if tag == reply::ERROR {
            self.pipeline_failed(transaction);
        }
    }

    fn pipeline_failed(&mut self, transaction: &mut Transaction) {
        if matches!(
            transaction.expected.front(),
            Some(Expected::Query | Expected::Sync | Expected::SyncInjected) | None
        ) {
            return;
        }
        for name in transaction.fail_pipeline() {
            if name.is_empty() {
                self.unnamed_id = 0;
            } else {
                self.statements.remove(&name);
            }
        }
    }

    fn server_reply(
        &mut self,
        transaction: &mut Transaction,
        header: frame::Header,
        at: usize,
    ) -> Result<Verdict, Broken> {
        let body = &transaction.server.io.inbuf[at + frame::HEADER..at + header.len];
        match header.tag {
            reply::READY_FOR_QUERY => {
                transaction.status = ready_status(body).map_err(|_| Broken::Lost)?;
                while let Some(front) = transaction.expected.pop_front() {
                    match front {
                        Expected::Query | Expected::Sync => return Ok(Verdict::Forward),
                        Expected::SyncInjected => return Ok(Verdict::Swallow),
                        _ => {}
                    }
                }
                // More ReadyForQuery than we asked for: our picture of the conversation is wrong.
                Err(Broken::Lost)
            }
            reply::COMMAND_COMPLETE => {
                let command = backend::command_tag(body).map_err(|_| Broken::Lost)?;
                let residue = residue_of(command);
                let deallocated_all = command == b"DEALLOCATE ALL" || command == b"DISCARD ALL";
                transaction.residue = transaction.residue.max(residue);
                if deallocated_all {
                    transaction.server.forget_statements();
                    self.statements.clear();
                }
                pop_if(transaction, |e| matches!(e, Expected::Execute));
                Ok(Verdict::Forward)
            }
            reply::EMPTY_QUERY | reply::PORTAL_SUSPENDED => {
                pop_if(transaction, |e| matches!(e, Expected::Execute));
                Ok(Verdict::Forward)
            }
            reply::PARSE_COMPLETE => Ok(match transaction.expected.pop_front() {
                Some(Expected::ParseInjected(_)) => Verdict::Swallow,
                _ => Verdict::Forward,
            }),
            reply::CLOSE_COMPLETE => Ok(match transaction.expected.pop_front() {
                Some(Expected::CloseInjected(_)) => Verdict::Swallow,
                _ => Verdict::Forward,
            }),
            reply::BIND_COMPLETE => {
                pop_if(transaction, |e| matches!(e, Expected::Bind));
                Ok(Verdict::Forward)
            }
            reply::ROW_DESCRIPTION | reply::NO_DATA => {
                pop_if(transaction, |e| matches!(e, Expected::Describe));
                Ok(Verdict::Forward)
            }
            reply::COPY_IN => {
                transaction.begin_copy_in();
                Ok(Verdict::Forward)
            }
            reply::COPY_BOTH => Err(Broken::Lost),
            reply::ERROR => {
                let fatal = ErrorFields::decode(body)
                    .is_ok_and(|fields| matches!(fields.get(b'V'), Some(b"FATAL" | b"PANIC")));
                transaction.fatal_seen |= fatal;
                self.pipeline_failed(transaction);
                Ok(Verdict::Forward)
            }
            reply::PARAMETER_STATUS => {
                if let Ok(status) = ParameterStatus::decode(body) {
                    let (name, value) = (text(status.name), text(status.value));
                    self.follow(transaction, &name, &value);
                }
                Ok(Verdict::Forward)
            }
            // In a pool a notification may be meant for another tenant.
            reply::NOTIFICATION if transaction.target.placement.model.is_pooled() => Ok(Verdict::Swallow),
            _ => Ok(Verdict::Forward),
        }
    }

    /// A setting changed on the server: the client keeps it on its next connection.
    fn follow(&mut self, transaction: &mut Transaction, name: &str, value: &str) {
        if Settings::is_followed(name) && self.settings.get(&name.to_ascii_lowercase()) != Some(value) {
            Arc::make_mut(&mut self.settings).set(name, value);
            transaction.server.settings = Arc::clone(&self.settings);
        }
    }

    /// The server connection can't be used any more. Before anything of the client's ran, only its statement fails;
    /// in the middle of a transaction the session ends, because its state is lost.
    fn server_lost(&mut self, transaction: Transaction, broken: &Broken) -> Result<(), SessionEnd> {
        self.cancel.slot.detach();
        let error = match broken {
            Broken::Lost if transaction.fatal_seen => return Err(SessionEnd::ClientGone),
            Broken::Lost => return Err(ClientError::server_lost().into()),
            Broken::Refused(entry) => super::refused(*entry),
            Broken::Settings(error) => error.clone(),
        };
        self.refuse_expected(transaction, &error);
        Ok(())
    }

    /// Answers everything the client has sent with the same error, as if each had failed.
    fn refuse_expected(&mut self, mut transaction: Transaction, error: &ClientError) {
        let out = &mut self.client.outbuf;
        let mut in_pipeline = false;
        for expected in transaction.expected.drain(..) {
            match expected {
                Expected::Settings | Expected::Enter | Expected::SyncInjected => {}
                Expected::Query => {
                    super::refuse::error(out, error);
                    backend::ready_for_query(out, TransactionStatus::Idle);
                }
                Expected::Sync => {
                    if !in_pipeline {
                        super::refuse::error(out, error);
                    }
                    backend::ready_for_query(out, TransactionStatus::Idle);
                    in_pipeline = false;
                }
                other => {
                    if let Expected::Parse { name, .. } | Expected::ParseKnown(name) = other {
                        self.statements.remove(&name);
                    }
                    if !std::mem::replace(&mut in_pipeline, true) {
                        super::refuse::error(out, error);
                    }
                }
            }
        }
        self.skip_to_sync = in_pipeline || transaction.pipeline == Pipeline::Failed;
    }
}

/// A reply to what the gateway itself put before the client's first message.
fn prologue_reply(
    transaction: &mut Transaction,
    header: frame::Header,
    at: usize,
) -> Result<Verdict, Broken> {
    let server = &mut transaction.server;
    let body = &server.io.inbuf[at + frame::HEADER..at + header.len];
    let entering = matches!(transaction.expected.front(), Some(Expected::Enter));
    match header.tag {
        reply::ERROR if entering => return Err(Broken::Lost),
        reply::ERROR => return Err(Broken::Settings(settings_error(body))),
        reply::DATA_ROW if entering => {
            let row = DataRow::decode(body).map_err(|_| Broken::Lost)?;
            match row.get(0).and_then(Entry::parse) {
                Some(Entry::Entered) => {
                    let epoch = transaction.target.placement.epoch;
                    server.state = State::Entered { tenant: transaction.target.tenant, epoch };
                }
                Some(entry) => return Err(Broken::Refused(entry)),
                None => return Err(Broken::Lost),
            }
        }
        reply::PARAMETER_STATUS => {
            if let (Some(reported), Ok(status)) = (&mut transaction.reported, ParameterStatus::decode(body)) {
                reported.push((text(status.name), text(status.value)));
            }
        }
        reply::READY_FOR_QUERY => {
            let idle = ready_status(body) == Ok(TransactionStatus::Idle);
            // Whatever the client sent behind this ran outside the tenant: without a row of its own to see.
            if !idle || (entering && !matches!(server.state, State::Entered { .. })) {
                return Err(Broken::Lost);
            }
            transaction.expected.pop_front();
        }
        _ => {}
    }
    Ok(Verdict::Swallow)
}

enum Verdict {
    Forward,
    Swallow,
}

fn pop_if(transaction: &mut Transaction, matches: impl Fn(&Expected) -> bool) {
    if transaction.expected.front().is_some_and(matches) {
        transaction.expected.pop_front();
    }
}

/// Replies whose body or arrival changes our picture of the conversation.
fn is_inspected(tag: u8) -> bool {
    !matches!(tag, reply::DATA_ROW | reply::COPY_DATA | reply::COPY_DONE | reply::COPY_OUT | reply::NOTICE)
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

fn malformed(message: &'static str) -> ClientError {
    ClientError::protocol(format!("malformed {message} message"))
}

/// A setting of the client's startup packet that the server does not take, in the server's words.
fn settings_error(body: &[u8]) -> ClientError {
    let message = ErrorFields::decode(body).map(|fields| fields.text(b'M').into_owned());
    ClientError::new(ErrorKind::InvalidInput, message.unwrap_or_else(|_| "a setting was refused".into()))
        .with_hint("check the settings in the connection's parameters")
}
