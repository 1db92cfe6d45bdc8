//! A session's loan of a server connection, and the book-keeping of what the server still owes.
//!
//! Every message that goes to the server leaves an entry in `expected`, so that replies can be told apart: those the
//! client is waiting for, those to messages that the gateway put in, and those that the gateway answers itself
//! without sending anything.

use super::ageing::Ageing;
use super::hold::{Hold, Looking};
use super::passing::Passing;
use super::rewritten::Replies;
use super::{ClientStatement, Interned, Target};
use crate::backend::{Entering, Residue, ServerConnection};
use crate::clients::Meter;
use crate::error::ClientError;
use crate::limit::timer::{Doing, Overdue};
use crate::pool::Pool;
use crate::slow::Stopwatch;
use crate::statement::{Has, Statement, StatementScope};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use tenantry_core::TenancyModel;
use tenantry_wire::backend::TransactionStatus;
use tenantry_wire::frontend;

/// A statement that stands for nothing, as no client calls one of its own.
const NOTHING: &[u8] = b"tenantry_nothing";

/// In the place of a statement's number: it stands for `DEALLOCATE ALL`.
pub(super) const DEALLOCATES_ALL: u64 = u64::MAX;

/// A reply that the server (or the gateway in its place) owes.
pub(super) enum Expected {
    /// The entry into the tenant, in the same pipeline as what follows; swallowed.
    Enter(Entering),
    /// The BEGIN that the client has been told of already; swallowed up to ReadyForQuery.
    Begin,
    /// What the session left behind, see `hold.rs`; swallowed up to ReadyForQuery.
    Look,
    /// A simple Query or a function call: everything up to ReadyForQuery.
    Query,
    Sync,
    /// A Sync that the gateway put in to end a pipeline; its ReadyForQuery is swallowed.
    SyncInjected,
    /// A Parse that the client sent; on failure its statement is forgotten.
    Parse {
        statement: Option<Arc<Statement>>,
        name: Box<[u8]>,
    },
    /// A Parse that the gateway put in because this connection did not have the statement.
    ParseInjected(Option<Arc<Statement>>),
    /// A Parse that need not be sent: the connection has the statement. With the client's name for it.
    ParseKnown(Box<[u8]>),
    /// With the number of its statement, if that is one that clients share; else 0, or [`DEALLOCATES_ALL`].
    Bind(u64),
    /// With that of its statement.
    Describe(u64),
    /// Of the unnamed statement, with the client's number for it.
    DescribeUnnamed(u64),
    /// A Describe that the gateway put in behind a Parse, with the client's name for the statement, if it has one.
    Shape(Arc<Statement>, Box<[u8]>),
    /// The same behind a Parse of a client's unnamed statement.
    ShapeUnnamed(u64),
    Execute,
    /// A Bind that the gateway put in.
    BindInjected,
    /// An Execute that the gateway put in, of what comes before the rows of a COPY are in their table; or of the COPY itself.
    ExecuteInjected,
    /// The last of them, whose end is the end of the client's COPY.
    ExecuteCopied,
    ClosePortal,
    /// A Close that concerns the client's name only, which is free from then on; and what it stood for, should the Close
    /// turn out not to have been carried out.
    CloseKnown(Box<[u8]>, Option<Box<ClientStatement>>),
    /// A Close of a statement that had to make room, if it is one that counts.
    CloseInjected(Option<Arc<Statement>>),
}

/// What a client's name was given, or lost, by a message that was skipped.
pub(super) enum Undone {
    Parse(Box<[u8]>),
    Close(Box<[u8]>, Box<ClientStatement>),
}

/// Where the client's extended messages stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipeline {
    /// The last extended message was a Sync, or there was none.
    Closed,
    /// Extended messages were sent that no Sync has followed yet.
    Open {
        /// A Flush was sent, so that what is owed arrives although no Sync has followed.
        flushed: bool,
    },
    /// One failed and its Sync has not been seen: messages up to it are dropped, as the server would.
    Failed,
    /// The server reads COPY data, of a simple Query or of a pipeline: it ignores Sync and Flush until the data ends.
    CopyIn {
        /// A Sync was sent before COPY data was asked for, and so ignored.
        ignored_sync: bool,
    },
}

impl Pipeline {
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }

    pub(super) fn is_copy_in(self) -> bool {
        matches!(self, Self::CopyIn { .. })
    }
}

#[allow(clippy::struct_excessive_bools, reason = "marks of rare events, each of its own kind")]
pub(super) struct Transaction {
    pub(super) server: Box<ServerConnection>,
    pub(super) target: Arc<Target>,
    pub(super) expected: VecDeque<Expected>,
    pub(super) status: TransactionStatus,
    pub(super) residue: Residue,
    pub(super) pipeline: Pipeline,
    /// Bytes of the client's current message still to be forwarded as they come.
    pub(super) client_pass: usize,
    /// Bytes of the server's current message still to be forwarded as they come.
    pub(super) server_pass: usize,
    /// A simple Query or a function call was sent inside a pipeline, whose Sync has not been seen.
    pub(super) mixed: bool,
    /// COPY failed where the server may or may not have ignored a Sync: the connection is not lent again.
    pub(super) doubtful: bool,
    /// The server has said a FATAL error to the client.
    pub(super) fatal_seen: bool,
    pub(super) hold: Hold,
    /// Not to be given back without a closer look: one of the fields below, or `hold`, says why.
    pub(super) attention: bool,
    /// Something of the session may have changed since the server was asked.
    pub(super) noted: bool,
    /// The server could not say what is left behind.
    pub(super) unknown: bool,
    /// The client has done nothing for as long as it may.
    pub(super) expiring: bool,
    /// The tenant is elsewhere now.
    pub(super) leaving: bool,
    /// The connection is given back because the client switches its tenant.
    pub(super) switching: bool,
    /// The connection acts for another tenant when the transaction is over: nothing that comes behind it may use this server
    /// connection.
    pub(super) lone: bool,
    /// Its last command was a ROLLBACK. Kept of lone ones.
    pub(super) rolled_back: bool,
    /// The client has said goodbye and closed its side, behind what is not answered yet.
    pub(super) goodbye: bool,
    /// The client has had an answer to a message of its own.
    pub(super) ran: bool,
    pub(super) looking: Looking,
    /// Counts the loan; dropped before the connection is given back.
    pub(super) meter: Meter,
    /// What the timer was told last.
    pub(super) doing: Doing,
    /// Why the statement that runs was cancelled.
    pub(super) cancelled: Overdue,
    /// Transactions that have ended on this loan.
    pub(super) rounds: u32,
    /// Bytes that one statement may return, and that this one still may.
    pub(super) result_limit: u64,
    pub(super) result_left: u64,
    /// Where slow statements are logged.
    pub(super) stopwatch: Option<Box<Stopwatch>>,
    /// What was sent in the place of what the client wrote.
    pub(super) replies: Replies,
    /// What may make statements older than what they name.
    pub(super) ageing: Ageing,
    pub(super) passing: Passing,
}

impl Transaction {
    pub(super) fn new(
        server: Box<ServerConnection>,
        target: Arc<Target>,
        entering: Option<Entering>,
        meter: Meter,
    ) -> Self {
        let mut expected = VecDeque::with_capacity(8);
        expected.extend(entering.map(Expected::Enter));
        let result_limit = match target.account.limits().result_bytes {
            0 => u64::MAX,
            bytes => bytes,
        };
        let hold = target.hold;
        Self {
            server,
            target,
            expected,
            status: TransactionStatus::Idle,
            residue: Residue::None,
            pipeline: Pipeline::Closed,
            client_pass: 0,
            server_pass: 0,
            mixed: false,
            doubtful: false,
            fatal_seen: false,
            hold,
            attention: hold != Hold::Transaction,
            noted: false,
            unknown: false,
            expiring: false,
            leaving: false,
            switching: false,
            lone: false,
            rolled_back: false,
            goodbye: false,
            ran: false,
            looking: Looking::No,
            meter,
            doing: Doing::Nothing,
            cancelled: Overdue::Nothing,
            rounds: 0,
            result_limit,
            result_left: result_limit,
            stopwatch: None,
            replies: Replies::default(),
            ageing: Ageing::default(),
            passing: Passing::default(),
        }
    }

    /// Notes that the session is not as it was, beyond what command tags tell.
    pub(super) fn note_session_change(&mut self) {
        self.residue = self.residue.max(Residue::Session);
        self.noted = true;
        self.attention = true;
    }

    /// Whether the client rests on a connection that it keeps.
    pub(super) fn is_resting(&self) -> bool {
        self.hold != Hold::Transaction && self.is_finished()
    }

    /// Ends the loan.
    pub(super) fn into_parts(self, now: Instant) -> (Box<ServerConnection>, Arc<Pool>) {
        self.meter.end(now);
        let mut server = self.server;
        server.residue = server.residue.max(self.residue);
        (server, Arc::clone(&self.target.pool))
    }

    /// Whether the server owes nothing and the transaction is over: the connection can be given back.
    pub(super) fn is_finished(&self) -> bool {
        self.expected.is_empty()
            && self.status == TransactionStatus::Idle
            && self.pipeline == Pipeline::Closed
            && self.client_pass == 0
            && self.server_pass == 0
            // After a FATAL error nothing follows but the end.
            && !self.fatal_seen
            && self.server.io.inbuf.is_empty()
    }

    /// Whether the client's own messages are what is being waited for, or already answered in part.
    pub(super) fn in_prologue(&self) -> bool {
        matches!(self.expected.front(), Some(Expected::Enter(_) | Expected::Begin | Expected::Look))
    }

    /// Begins the transaction that the client believes to be in.
    pub(super) fn begin(&mut self, text: &str) {
        frontend::query(&mut self.server.io.outbuf, text);
        self.server.unnamed = 0;
        self.expected.push_back(Expected::Begin);
    }

    /// Sends what PostgreSQL refuses in the place of a message, so that the error stands where it would.
    pub(super) fn send_refusal(&mut self, tag: u8, error: &ClientError) {
        let text = self.replies.refuse(error);
        let out = &mut self.server.io.outbuf;
        match tag {
            frontend::tag::BIND => {
                frontend::bind_text(out, b"", text.as_bytes(), &[]);
                self.expect(Expected::Bind(0));
            }
            frontend::tag::DESCRIBE => {
                frontend::describe(out, frontend::STATEMENT, text.as_bytes());
                self.expect(Expected::Describe(0));
            }
            frontend::tag::PARSE => {
                frontend::parse(out, b"", &text, &[]);
                self.server.unnamed = 0;
                self.expect(Expected::Parse { statement: None, name: Box::default() });
            }
            _ => {
                frontend::query(out, &text);
                self.server.unnamed = 0;
                self.end_pipeline();
                self.expected.push_back(Expected::Query);
                if let Some(stopwatch) = &mut self.stopwatch {
                    stopwatch.begin(text.as_bytes());
                }
            }
        }
    }

    /// Whether the client has sent anything that is not answered yet.
    pub(super) fn owes_client(&self) -> bool {
        !matches!(self.expected.back(), None | Some(Expected::Enter(_) | Expected::Look))
    }

    pub(super) fn scope(&self) -> StatementScope {
        match self.target.placement.model {
            TenancyModel::Schema => StatementScope::Tenant(self.target.tenant.get()),
            TenancyModel::Shared | TenancyModel::Database => StatementScope::Pool,
        }
    }

    /// The statement behind a client's name, as this pool knows it.
    pub(super) fn known(&mut self, statement: &mut ClientStatement) -> Arc<Statement> {
        let scope = self.scope();
        let rewriter = self.target.rewriter.as_ref().map_or(0, |rewriter| rewriter.id);
        if let Some(known) = &statement.known
            && known.scope == scope
            && known.rewriter == rewriter
            && Arc::ptr_eq(&known.pool, &self.target.pool)
        {
            self.replies.named_copy.clone_from(&known.copy);
            return Arc::clone(&known.statement);
        }
        let (body, copy) = self.rewrite_body(&statement.body);
        let body = body.as_ref().unwrap_or(&statement.body);
        let pool = Arc::clone(&self.target.pool);
        let known = pool.statements().intern(scope, rewriter, body);
        self.replies.named_copy.clone_from(&copy);
        statement.known = Some(Interned { scope, pool, statement: Arc::clone(&known), rewriter, copy });
        known
    }

    /// Prepares what the client calls `name`, which this connection does not have.
    pub(super) fn prepare(&mut self, statement: &Arc<Statement>, name: &[u8]) {
        self.make_room(statement);
        frontend::parse_raw(&mut self.server.io.outbuf, &statement.name, &statement.body);
        self.expect(Expected::ParseInjected(Some(Arc::clone(statement))));
        self.ask_shape(statement, name);
    }

    /// Notes the statement as prepared, closing the least recently used one if the connection is full.
    pub(super) fn make_room(&mut self, statement: &Arc<Statement>) {
        if let Some(evicted) = self.server.prepared.insert(statement) {
            frontend::close(&mut self.server.io.outbuf, frontend::STATEMENT, &evicted.name);
            self.expect(Expected::CloseInjected(Some(evicted)));
        }
    }

    /// A simple Query or a function call ends a pipeline as a Sync does.
    pub(super) fn end_pipeline(&mut self) {
        if self.pipeline.is_open() {
            self.pipeline = Pipeline::Closed;
            self.mixed = true;
        }
    }

    /// The client's Sync. PostgreSQL 18 commits nothing at one that directly follows a simple Query inside a pipeline: it says
    /// that it is idle, and the next statement, which may be anybody's, fails and takes the transaction with it. Any message
    /// that needs a transaction, put in before it, makes it commit.
    pub(super) fn sync(&mut self) {
        if std::mem::take(&mut self.mixed) && self.pipeline != Pipeline::Failed {
            self.prepare_nothing();
            frontend::close(&mut self.server.io.outbuf, frontend::STATEMENT, NOTHING);
            self.expect(Expected::CloseInjected(None));
        }
        frontend::sync(&mut self.server.io.outbuf);
        self.pipeline = Pipeline::Closed;
        self.expected.push_back(Expected::Sync);
    }

    /// Prepares the statement that stands for nothing. One that an earlier failure has left would be in the way; to close one
    /// that does not exist is no error.
    pub(super) fn prepare_nothing(&mut self) {
        let out = &mut self.server.io.outbuf;
        frontend::close(out, frontend::STATEMENT, NOTHING);
        frontend::parse(out, NOTHING, "", &[]);
        self.expect(Expected::CloseInjected(None));
        self.expect(Expected::ParseInjected(None));
    }

    /// Ends a pipeline of which nothing was executed. The client hears nothing of it.
    pub(super) fn inject_sync(&mut self) {
        frontend::sync(&mut self.server.io.outbuf);
        self.pipeline = Pipeline::Closed;
        self.expected.push_back(Expected::SyncInjected);
    }

    /// Notes an extended message and what is owed for it.
    pub(super) fn expect(&mut self, expected: Expected) {
        self.pipeline = Pipeline::Open { flushed: false };
        self.expected.push_back(expected);
    }

    /// Makes the server send what it owes for a pipeline that has no Sync yet.
    pub(super) fn nudge(&mut self) {
        if self.pipeline == (Pipeline::Open { flushed: false }) {
            frontend::flush(&mut self.server.io.outbuf);
            self.pipeline = Pipeline::Open { flushed: true };
        }
    }

    /// Whether a statement's name was given or freed in a pipeline that already has its Sync, and that is not confirmed:
    /// should that pipeline fail, the name would stand for something else in the next one.
    pub(super) fn name_is_unconfirmed(&self) -> bool {
        let names = |e: &Expected| {
            matches!(
                e,
                Expected::Parse { .. } | Expected::ParseInjected(_) | Expected::CloseKnown(_, Some(_))
            )
        };
        let first = self.expected.iter().position(names);
        first.is_some_and(|at| self.expected.iter().skip(at).any(|e| matches!(e, Expected::Sync)))
    }

    /// Whether what the server is doing, or is about to do, may be to read COPY data.
    pub(super) fn may_begin_copy(&self) -> bool {
        self.expected
            .iter()
            .any(|e| matches!(e, Expected::Query | Expected::Execute | Expected::ExecuteInjected))
    }

    /// Closes a statement on the server, if it is there.
    pub(super) fn unprepare(&mut self, statement: &Arc<Statement>) {
        if self.server.prepared.touch(statement.id) != Has::Nothing {
            self.server.prepared.remove(statement.id);
            frontend::close(&mut self.server.io.outbuf, frontend::STATEMENT, &statement.name);
            self.expect(Expected::CloseInjected(Some(Arc::clone(statement))));
        }
    }

    /// What the server does with a failed pipeline: nothing more until its Sync. Statements that were to be prepared
    /// behind the failure do not exist, those that were to be closed or to make room still do; returns what becomes of the
    /// client's names, in this order.
    pub(super) fn fail_pipeline(&mut self) -> Vec<Undone> {
        // The server may have failed before it read, and ignored, that Sync.
        self.doubtful |= self.pipeline == (Pipeline::CopyIn { ignored_sync: true });
        let sync = self
            .expected
            .iter()
            .position(|expected| matches!(expected, Expected::Sync | Expected::SyncInjected));
        if sync.is_none() {
            self.pipeline = Pipeline::Failed;
        }
        let mut skipped = self.expected.split_off(sync.unwrap_or(self.expected.len()));
        std::mem::swap(&mut skipped, &mut self.expected);
        let mut undone = Vec::new();
        // The last first: a statement may have made room and come back.
        for expected in skipped.into_iter().rev() {
            match expected {
                Expected::Parse { statement, name } => {
                    self.forget(statement.as_ref());
                    undone.push(Undone::Parse(name));
                }
                Expected::ParseKnown(name) => undone.push(Undone::Parse(name)),
                Expected::CloseKnown(name, Some(statement)) => undone.push(Undone::Close(name, statement)),
                Expected::ParseInjected(statement) => self.forget(statement.as_ref()),
                Expected::CloseInjected(Some(statement)) => self.server.prepared.restore(&statement),
                _ => {}
            }
        }
        undone
    }

    fn forget(&mut self, statement: Option<&Arc<Statement>>) {
        match statement {
            Some(statement) => self.server.prepared.remove(statement.id),
            None => self.server.unnamed = 0,
        }
    }

    /// The server began to read COPY data. In a pipeline it ignores the Syncs that were sent behind the Execute, so no
    /// reply to them will come. False when something else was sent behind it, which can't end well.
    pub(super) fn begin_copy_in(&mut self) -> bool {
        let before = self.expected.len();
        self.expected.retain(|expected| !matches!(expected, Expected::Sync));
        self.pipeline = Pipeline::CopyIn { ignored_sync: self.expected.len() < before };
        self.expected.len() == 1
    }
}
