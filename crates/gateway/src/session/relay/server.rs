//! What the server says: whose reply it is, and what it tells about the session.

use super::super::hold::Looking;
use super::super::overdue::statement_error;
use super::super::rewritten::copied;
use super::super::transaction::{DEALLOCATES_ALL, Expected, Pipeline, Transaction, Undone};
use super::super::{Session, denied, refuse, residue_of};
use super::Broken;
use crate::backend::Residue;
use crate::error::ClientError;
use crate::rewriting::Step;
use crate::settings::Settings;
use crate::slow::{Slow, fingerprint};
use crate::statement::Shape;
use crate::stats::micros;
use bytes::{Buf, BytesMut};
use std::sync::Arc;
use tenantry_core::ErrorKind;
use tenantry_wire::backend::{
    self, ErrorFields, ParameterStatus, TransactionStatus, ready_status, tag as reply,
};
use tenantry_wire::frame;

/// A reply that must be looked at as a whole is never longer than this: the largest is the description of as many
/// columns or parameters as PostgreSQL has. Only errors may be, and are passed on unread.
const MAX_INSPECTED_BYTES: usize = 1 << 20;

impl Session {
    /// Passes the server's replies on, up to the first that is not complete and must be.
    pub(super) fn pump_server(&mut self, transaction: &mut Transaction) -> Result<(), Broken> {
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
            if let Some(Expected::Enter(_)) = transaction.expected.front() {
                self.forward(transaction, std::mem::take(&mut keep));
                if !entry_replies(transaction)? {
                    break;
                }
                self.answer_known(transaction);
                continue;
            }
            let unread = &transaction.server.io.inbuf[keep..];
            let Some(header) = frame::peek(unread).map_err(|_| Broken::Lost)? else { break };
            if !transaction.in_prologue() && is_passed_on(header) {
                self.passed_on(transaction, header.tag)?;
                if !transaction.count_result(header.len) {
                    // The client has had whole rows so far.
                    self.forward(transaction, keep);
                    return Err(Broken::TooLarge(transaction.result_limit));
                }
                transaction.server_pass = header.len;
                continue;
            }
            if header.len > MAX_INSPECTED_BYTES {
                return Err(Broken::Lost);
            }
            if unread.len() < header.len {
                break;
            }
            let at = keep;
            if header.tag == reply::NOTIFICATION {
                self.sign_notification(transaction, at);
            }
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
                }
                Verdict::Instead(error) => {
                    self.forward(transaction, keep);
                    transaction.server.io.inbuf.advance(header.len);
                    keep = 0;
                    refuse::error(&mut self.client.outbuf, &error);
                }
                Verdict::Replaced(message) => {
                    self.forward(transaction, keep);
                    transaction.server.io.inbuf.advance(header.len);
                    keep = 0;
                    self.client.outbuf.extend_from_slice(&message);
                }
            }
            if matches!(
                transaction.expected.front(),
                Some(Expected::ParseKnown(_) | Expected::CloseKnown(..))
            ) {
                self.forward(transaction, keep);
                keep = 0;
                self.answer_known(transaction);
            }
        }
        self.forward(transaction, keep);
        Ok(())
    }

    /// A notification of the client's own carries the number that the client knows itself by: drivers and applications tell
    /// their own from others' by it.
    fn sign_notification(&self, transaction: &mut Transaction, at: usize) {
        let server = transaction.server.cancel.key.pid.to_be_bytes();
        let sender = transaction.server.io.inbuf.get_mut(at + frame::HEADER..at + frame::HEADER + 4);
        if let Some(sender) = sender.filter(|sender| **sender == server) {
            sender.copy_from_slice(&self.cancel.key().pid.to_be_bytes());
        }
    }

    /// Moves the first `len` bytes from the server's buffer to the client's: without a copy when that is all there is.
    fn forward(&mut self, transaction: &mut Transaction, len: usize) {
        if len == 0 {
            return;
        }
        self.client.is_mid_message = transaction.server_pass > 0;
        let from = &mut transaction.server.io.inbuf;
        let to = &mut self.client.outbuf;
        if len == from.len() && to.is_empty() {
            std::mem::swap(from, to);
            from.clear();
        } else {
            to.extend_from_slice(&from[..len]);
            from.advance(len);
        }
    }

    /// A reply that is passed on without being read.
    fn passed_on(&mut self, transaction: &mut Transaction, tag: u8) -> Result<(), Broken> {
        match tag {
            reply::NOTICE => {}
            reply::ERROR if transaction.expected.is_empty() => return Err(Broken::Lost),
            reply::ERROR => self.pipeline_failed(transaction),
            _ => must_owe(transaction, |e| matches!(e, Expected::Query | Expected::Execute))?,
        }
        Ok(())
    }

    fn pipeline_failed(&mut self, transaction: &mut Transaction) {
        transaction.passing.end();
        if matches!(transaction.expected.front(), Some(Expected::Query)) && transaction.pipeline.is_copy_in()
        {
            transaction.pipeline = Pipeline::Closed;
        }
        if matches!(
            transaction.expected.front(),
            Some(Expected::Query | Expected::Sync | Expected::SyncInjected) | None
        ) {
            return;
        }
        self.skipped(transaction);
        for undone in transaction.fail_pipeline() {
            match undone {
                Undone::Parse(name) if name.is_empty() => self.unnamed_id = 0,
                Undone::Parse(name) => drop(self.statements.remove(&name)),
                Undone::Close(name, statement) => self.statements.insert(name, *statement),
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
                if matches!(transaction.expected.front(), Some(Expected::Query)) {
                    self.answered(transaction);
                }
                return ready(transaction, at, header);
            }
            reply::COMMAND_COMPLETE => {
                let step = transaction.copy_step();
                let body = &transaction.server.io.inbuf[at + frame::HEADER..at + header.len];
                let command = backend::command_tag(body).map_err(|_| Broken::Lost)?;
                match step {
                    Step::Own => {}
                    Step::Ours => return Ok(Verdict::Swallow),
                    Step::End => {
                        let end = copied(command).ok_or(Broken::Lost)?;
                        transaction.note_statement_end(None);
                        transaction.meter.statements += 1;
                        if transaction.ends_copy() {
                            self.answered(transaction);
                        }
                        return Ok(Verdict::Replaced(end));
                    }
                }
                let residue =
                    if transaction.passing.ends_with(command) { Residue::None } else { residue_of(command) };
                let aged = transaction.ageing.begin_with(command, transaction.target.placement.model);
                let instead = command == b"DEALLOCATE" && transaction.ageing.bound == DEALLOCATES_ALL;
                let deallocated_all = command == b"DEALLOCATE ALL" || command == b"DISCARD ALL";
                transaction.residue = transaction.residue.max(residue);
                if transaction.lone {
                    transaction.rolled_back = command == b"ROLLBACK";
                }
                transaction.noted |= transaction.hold.is_noted_by(command, residue);
                transaction.attention |= transaction.noted;
                transaction.note_statement_end(None);
                transaction.meter.statements += 1;
                if aged {
                    transaction.target.pool.statements().forget_all();
                }
                if deallocated_all {
                    transaction.server.forget_statements();
                    self.statements.clear();
                }
                let settled = settle(transaction, |e| matches!(e, Expected::Execute | Expected::Query))?;
                if matches!(settled, Expected::Execute) {
                    self.answered(transaction);
                    if instead {
                        let mut all = BytesMut::new();
                        backend::command_complete(&mut all, "DEALLOCATE ALL");
                        return Ok(Verdict::Replaced(all));
                    }
                }
            }
            reply::EMPTY_QUERY => {
                let settled = settle(transaction, |e| matches!(e, Expected::Execute | Expected::Query))?;
                if matches!(settled, Expected::Execute) {
                    self.answered(transaction);
                }
            }
            reply::PORTAL_SUSPENDED => {
                settle(transaction, |e| matches!(e, Expected::Execute))?;
                self.answered(transaction);
            }
            reply::PARSE_COMPLETE => {
                let is_parse =
                    |e: &Expected| matches!(e, Expected::Parse { .. } | Expected::ParseInjected(_));
                if let Expected::ParseInjected(_) = settle(transaction, is_parse)? {
                    return Ok(Verdict::Swallow);
                }
            }
            reply::CLOSE_COMPLETE => {
                let is_close = |e: &Expected| matches!(e, Expected::ClosePortal | Expected::CloseInjected(_));
                if let Expected::CloseInjected(_) = settle(transaction, is_close)? {
                    return Ok(Verdict::Swallow);
                }
            }
            reply::BIND_COMPLETE => {
                let is_bind = |e: &Expected| matches!(e, Expected::Bind(_) | Expected::BindInjected);
                match settle(transaction, is_bind)? {
                    Expected::BindInjected => return Ok(Verdict::Swallow),
                    Expected::Bind(statement) => transaction.ageing.bound = statement,
                    _ => {}
                }
            }
            reply::PARAMETER_DESCRIPTION => {
                must_owe(transaction, is_describe)?;
                match transaction.expected.front() {
                    Some(Expected::Describe(_)) => {}
                    asked => {
                        let ours = !matches!(asked, Some(Expected::DescribeUnnamed(_)));
                        let parameters = Shape::of_parameters(body).ok_or(Broken::Lost)?;
                        transaction.ageing.parameters = Some(parameters);
                        if ours {
                            return Ok(Verdict::Swallow);
                        }
                    }
                }
            }
            reply::NO_DATA | reply::ROW_DESCRIPTION => {
                let rows = (header.tag == reply::ROW_DESCRIPTION).then_some(body);
                if matches!(transaction.expected.front(), Some(Expected::Query)) && rows.is_some() {
                    return Ok(Verdict::Forward);
                }
                let shape = transaction.ageing.parameters.take().and_then(|parameters| match rows {
                    Some(rows) => parameters.with_rows(rows),
                    None => Some(parameters.without_rows()),
                });
                let described = settle(transaction, is_describe)?;
                if !matches!(described, Expected::Describe(_)) {
                    return Ok(self.described(transaction, described, shape.ok_or(Broken::Lost)?));
                }
            }
            reply::FUNCTION_RESULT => must_owe(transaction, |e| matches!(e, Expected::Query))?,
            reply::COPY_IN => {
                let reads = |e: &Expected| {
                    matches!(e, Expected::Execute | Expected::ExecuteInjected | Expected::Query)
                };
                must_owe(transaction, reads)?;
                if !transaction.begin_copy_in() {
                    return Err(Broken::Lost);
                }
            }
            reply::ERROR => {
                let fields = ErrorFields::decode(body);
                let field = |name| fields.as_ref().ok().and_then(|fields| fields.get(name));
                let fatal = matches!(field(b'V'), Some(b"FATAL" | b"PANIC"));
                let sqlstate = field(b'C').unwrap_or_default();
                transaction.fatal_seen |= fatal;
                transaction.target.stats.error(sqlstate);
                let outlived = transaction.outlived(sqlstate);
                if transaction.expected.is_empty() && !fatal {
                    return Err(Broken::Lost);
                }
                let ours = (sqlstate == b"57014").then(|| statement_error(transaction.cancelled)).flatten();
                let hint = fields.as_ref().ok();
                let hint = hint.and_then(|fields| denied::hint(transaction, fields, &self.login_name));
                let told = fields.ok().and_then(|fields| transaction.replies.error(&fields));
                let told = denied::explained(told, body, hint.as_deref());
                if let Some(statement) = outlived {
                    transaction.target.pool.statements().forget(&statement);
                }
                self.pipeline_failed(transaction);
                if let Some(error) = ours {
                    return Ok(Verdict::Instead(error));
                }
                if let Some(told) = told {
                    return Ok(told);
                }
            }
            reply::PARAMETER_STATUS => {
                let status = ParameterStatus::decode(body).map_err(|_| Broken::Lost)?;
                let (name, value) = (text(status.name), text(status.value));
                transaction.server.report(&name, &value);
                // Behind an entry the server may report what the client has been told already.
                if self.told(&name) == Some(&*value) {
                    return Ok(Verdict::Swallow);
                }
                self.follow(transaction, &name, &value);
            }
            // In a pool a notification may be meant for another tenant.
            reply::NOTIFICATION if transaction.target.placement.model.is_pooled() => {
                return Ok(Verdict::Swallow);
            }
            reply::NOTIFICATION => {}
            _ => return Err(Broken::Lost),
        }
        Ok(Verdict::Forward)
    }

    /// The server is done with a statement: if slow ones are logged, this may be one.
    fn answered(&self, transaction: &mut Transaction) {
        if let Some(slow) = transaction.stopwatch.as_mut().and_then(|stopwatch| stopwatch.end()) {
            self.log_slow(transaction, &slow);
        }
    }

    /// A pipeline failed: its first statement, if that is what failed, took its time; the others up to Sync never ran.
    fn skipped(&self, transaction: &mut Transaction) {
        if transaction.stopwatch.is_none() {
            return;
        }
        let ends = |e: &&Expected| !matches!(e, Expected::Sync | Expected::SyncInjected);
        let executes = transaction.expected.iter().take_while(ends);
        // Those of a COPY are one for the client.
        let injected = |e: &&Expected| matches!(e, Expected::ExecuteInjected | Expected::ExecuteCopied);
        let copies = usize::from(executes.clone().any(|e| injected(&e)));
        let mut executes = executes.filter(|e| matches!(e, Expected::Execute)).count() + copies;
        let front = transaction.expected.front();
        if front.is_some_and(|e| matches!(e, Expected::Execute) || injected(&e)) {
            self.answered(transaction);
            executes -= 1;
        }
        if let Some(stopwatch) = &mut transaction.stopwatch {
            stopwatch.skip(executes);
        }
    }

    /// Never with values: of the text only what is no literal.
    fn log_slow(&self, transaction: &Transaction, slow: &Slow) {
        let (statement, fingerprint) = fingerprint(&slow.text);
        let routes = self.routes.borrow();
        let tenant = routes.tenant(transaction.target.tenant).map(|tenant| tenant.key.as_str());
        tracing::info!(
            session = self.listed.id,
            tenant,
            login = &*self.login_name,
            pool = &*transaction.target.pool.route.stable_name,
            duration_ms = micros(slow.took) / 1_000,
            fingerprint,
            statement,
            "slow statement"
        );
    }

    /// A setting changed on the server: the client keeps it on its next connection.
    fn follow(&mut self, transaction: &mut Transaction, name: &str, value: &str) {
        if Settings::is_followed(name) && self.settings.get(&name.to_ascii_lowercase()) != Some(value) {
            Arc::make_mut(&mut self.settings).set(name, value);
            transaction.server.settings = Arc::clone(&self.settings);
        }
    }
}

/// The end of a simple Query or of a pipeline. Nothing else may be owed in front of it.
fn ready(transaction: &mut Transaction, at: usize, header: frame::Header) -> Result<Verdict, Broken> {
    let body = &transaction.server.io.inbuf[at + frame::HEADER..at + header.len];
    transaction.status = ready_status(body).map_err(|_| Broken::Lost)?;
    if transaction.status == TransactionStatus::Idle {
        transaction.target.note_end();
        transaction.note_definitions_end();
    }
    transaction.note_statement_end(Some(transaction.status));
    transaction.replies.end(transaction.expected.len() <= 1);
    transaction.ran = true;
    transaction.expiring = false;
    transaction.noted |= transaction.unknown;
    transaction.passing.end();
    if transaction.pipeline.is_copy_in() {
        transaction.pipeline = Pipeline::Closed;
    }
    match transaction.expected.pop_front() {
        Some(Expected::Query | Expected::Sync) => Ok(Verdict::Forward),
        Some(Expected::SyncInjected) => Ok(Verdict::Swallow),
        // The Sync that might have been ignored was not. It is the client's.
        None if transaction.doubtful => {
            transaction.pipeline = Pipeline::Closed;
            Ok(Verdict::Forward)
        }
        // More than we asked for: our picture of the conversation is wrong.
        _ => Err(Broken::Lost),
    }
}

/// A reply to a question, or to the BEGIN, that the gateway put before the client's message.
fn prologue_reply(
    transaction: &mut Transaction,
    header: frame::Header,
    at: usize,
) -> Result<Verdict, Broken> {
    match transaction.expected.front() {
        Some(Expected::Look) => look_reply(transaction, header, at),
        Some(Expected::Begin) => begin_reply(transaction, header, at),
        // Those to an entry are read together.
        _ => Err(Broken::Lost),
    }
}

/// Reads the replies to the entry that the gateway put before the client's first message: there are two dozen of them. False
/// when more are to come.
fn entry_replies(transaction: &mut Transaction) -> Result<bool, Broken> {
    let server = &mut transaction.server;
    let Some(Expected::Enter(entering)) = transaction.expected.front_mut() else { return Err(Broken::Lost) };
    let (mut at, mut done) = (0, false);
    while !done {
        let unread = &server.io.inbuf[at..];
        let Some(header) = frame::peek(unread).map_err(|_| Broken::Lost)? else { break };
        if header.len > MAX_INSPECTED_BYTES {
            return Err(Broken::Lost);
        }
        let Some(message) = unread.get(..header.len) else { break };
        let said = entering.reply(header.tag, &message[frame::HEADER..])?;
        done = server.note_entry(entering, said);
        at += header.len;
    }
    server.io.inbuf.advance(at);
    if done {
        transaction.expected.pop_front();
    }
    Ok(done)
}

/// A reply to the BEGIN that the client has been told of already.
fn begin_reply(transaction: &mut Transaction, header: frame::Header, at: usize) -> Result<Verdict, Broken> {
    let body = &transaction.server.io.inbuf[at + frame::HEADER..at + header.len];
    match header.tag {
        reply::COMMAND_COMPLETE | reply::NOTICE => {}
        reply::PARAMETER_STATUS => {
            let status = ParameterStatus::decode(body).map_err(|_| Broken::Lost)?;
            let (name, value) = (text(status.name), text(status.value));
            transaction.server.report(&name, &value);
        }
        reply::ERROR => {
            let said = ErrorFields::decode(body).map_err(|_| Broken::Lost)?.text(b'M').into_owned();
            let error = ClientError::new(ErrorKind::InvalidInput, said);
            return Err(Broken::NotBegun(error.with_hint("the transaction could not begin; roll it back")));
        }
        reply::READY_FOR_QUERY if ready_status(body) == Ok(TransactionStatus::InTransaction) => {
            transaction.status = TransactionStatus::InTransaction;
            transaction.note_statement_end(Some(TransactionStatus::InTransaction));
            transaction.expected.pop_front();
        }
        _ => return Err(Broken::Lost),
    }
    Ok(Verdict::Swallow)
}

/// A reply to the question what the session looks like, between two transactions of the client's: what the server says of
/// its own accord is for the client.
fn look_reply(transaction: &mut Transaction, header: frame::Header, at: usize) -> Result<Verdict, Broken> {
    let body = &transaction.server.io.inbuf[at + frame::HEADER..at + header.len];
    let Looking::Asked(found) = &mut transaction.looking else { return Err(Broken::Lost) };
    match header.tag {
        reply::DATA_ROW => found.read(body).ok_or(Broken::Lost)?,
        reply::ERROR => found.fail(body),
        reply::NOTIFICATION if !transaction.target.placement.model.is_pooled() => {
            return Ok(Verdict::Forward);
        }
        reply::PARAMETER_STATUS => {
            let status = ParameterStatus::decode(body).map_err(|_| Broken::Lost)?;
            let (name, value) = (text(status.name), text(status.value));
            transaction.server.report(&name, &value);
            return Ok(Verdict::Forward);
        }
        reply::READY_FOR_QUERY if ready_status(body) != Ok(TransactionStatus::Idle) => {
            return Err(Broken::Lost);
        }
        reply::READY_FOR_QUERY => {
            transaction.looking = Looking::Answered(std::mem::take(found));
            transaction.expected.pop_front();
        }
        _ => {}
    }
    Ok(Verdict::Swallow)
}

pub(in crate::session) enum Verdict {
    Forward,
    Swallow,
    /// The client is told this, in the gateway's words.
    Instead(ClientError),
    /// The client gets this whole message.
    Replaced(BytesMut),
}

/// The reply that is owed next must be one of these.
fn must_owe(transaction: &Transaction, owed: impl Fn(&Expected) -> bool) -> Result<(), Broken> {
    if transaction.expected.front().is_some_and(owed) { Ok(()) } else { Err(Broken::Lost) }
}

/// The reply that is owed next must be one of these, and is paid; a simple Query goes on until ReadyForQuery.
fn settle(transaction: &mut Transaction, owed: impl Fn(&Expected) -> bool) -> Result<Expected, Broken> {
    must_owe(transaction, owed)?;
    match transaction.expected.pop_front() {
        Some(Expected::Query) => {
            transaction.expected.push_front(Expected::Query);
            Ok(Expected::Query)
        }
        Some(expected) => Ok(expected),
        None => Err(Broken::Lost),
    }
}

fn is_describe(expected: &Expected) -> bool {
    matches!(
        expected,
        Expected::Describe(_)
            | Expected::DescribeUnnamed(_)
            | Expected::Shape(..)
            | Expected::ShapeUnnamed(_)
    )
}

/// Replies of any length that say nothing about the conversation; and errors too long to be looked at.
fn is_passed_on(header: frame::Header) -> bool {
    let unread = matches!(
        header.tag,
        reply::DATA_ROW | reply::COPY_DATA | reply::COPY_DONE | reply::COPY_OUT | reply::NOTICE
    );
    unread || (header.tag == reply::ERROR && header.len > MAX_INSPECTED_BYTES)
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}
