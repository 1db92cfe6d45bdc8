//! What becomes of a statement, or of a transaction, that has taken longer than its tenant may.
//!
//! A statement is cancelled as PostgreSQL's own timeout would: with an error of the same code and words, in a transaction that can be
//! rolled back. The cancel goes out by the session itself, which passes nothing on to the server until the server has
//! delivered it: so it hits the statement that it is meant for, or none. The connection is closed afterwards in any case.

use super::Session;
use super::transaction::{Expected, Pipeline, Transaction};
use crate::error::{ClientError, SessionEnd};
use crate::limit::timer::{Doing, Overdue};
use tenantry_core::ErrorKind;
use tenantry_wire::backend::TransactionStatus;

impl Transaction {
    /// Tells the timer what the session is waiting for. Called before each wait, so it only stores what has changed.
    pub(super) fn note_doing(&mut self) {
        let doing = match (self.expected.is_empty(), self.status) {
            (false, _) if self.cancelled != Overdue::Nothing => Doing::Cancelled,
            (false, _) => Doing::Running,
            (true, TransactionStatus::Idle) if !self.pipeline.is_open() => Doing::Nothing,
            (true, _) => Doing::Idling,
        };
        if doing != self.doing {
            self.doing = doing;
            self.server.timer.set(doing);
        }
    }

    /// A statement has ended, and perhaps its transaction.
    pub(super) fn note_statement_end(&mut self, ready: Option<TransactionStatus>) {
        let timer = &self.server.timer;
        timer.restart();
        self.result_left = self.result_limit;
        if let Some(status) = ready {
            // The next wait tells the timer anew.
            self.doing = Doing::Nothing;
            self.cancelled = Overdue::Nothing;
            if status == TransactionStatus::Idle {
                self.rounds += 1;
                timer.next_transaction();
            }
        }
    }

    /// Counts bytes of a result. False when there are too many.
    #[inline]
    pub(super) fn count_result(&mut self, len: usize) -> bool {
        match self.result_left.checked_sub(len as u64) {
            Some(left) => self.result_left = left,
            None => return false,
        }
        true
    }

    /// Whether a client that goes on without a pause has had so many transactions that others should have their turn.
    pub(super) fn should_yield(&self) -> bool {
        self.rounds >= MOST_ROUNDS && self.pipeline == Pipeline::Closed && self.owes_client()
    }
}

/// Transactions of one pipelining client before its connection is given back at the next occasion.
const MOST_ROUNDS: u32 = 64;

impl Session {
    /// Ends what is overdue: the statement, or the session.
    pub(super) async fn end_overdue(&mut self, transaction: &mut Transaction) -> Result<(), SessionEnd> {
        let overdue = transaction.server.timer.overdue();
        transaction.server.timer.seen_to();
        // It may have ended just before it was looked at.
        let running = transaction.expected.iter().any(|expected| !matches!(expected, Expected::Enter(_)));
        match overdue {
            Overdue::Statement | Overdue::Transaction if running => {}
            Overdue::Nothing | Overdue::Statement | Overdue::Transaction => return Ok(()),
            Overdue::IdleTransaction | Overdue::IdleInTransaction | Overdue::Stuck => {
                return Err(session_error(overdue).into());
            }
        }
        self.limited();
        transaction.cancelled = overdue;
        transaction.doubtful = true;
        let deadline = self.worker.shared.config.connect_timeout;
        transaction.server.cancel.send(deadline).await;
        Ok(())
    }

    /// A limit was applied to the tenant.
    pub(super) fn limited(&self) {
        if let Some(target) = &self.target {
            target.stats.limited.add(1);
        }
    }
}

/// What a client is told of its statement in place of "canceling statement due to user request".
pub(super) fn statement_error(overdue: Overdue) -> Option<ClientError> {
    let message = match overdue {
        Overdue::Statement => "canceling statement due to statement timeout",
        Overdue::Transaction => "canceling statement due to transaction timeout",
        _ => return None,
    };
    Some(
        ClientError::new(ErrorKind::LimitReached, message)
            .with_sqlstate("57014")
            .with_hint("the limit is that of the tenant's plan; a client can set a shorter one only"),
    )
}

/// What a client is told of a statement that was cancelled before it was begun.
pub(super) fn cancelled(overdue: Overdue) -> ClientError {
    statement_error(overdue).unwrap_or_else(|| {
        ClientError::new(ErrorKind::LimitReached, "canceling statement due to user request")
            .with_sqlstate("57014")
    })
}

fn session_error(overdue: Overdue) -> ClientError {
    let (sqlstate, message) = match overdue {
        Overdue::IdleInTransaction => ("25P03", "terminating connection due to idle-in-transaction timeout"),
        Overdue::IdleTransaction => ("25P04", "terminating connection due to transaction timeout"),
        _ => ("57014", "terminating connection because a statement that timed out can't be cancelled"),
    };
    ClientError::new(ErrorKind::LimitReached, message).with_sqlstate(sqlstate)
}

pub(super) fn result_too_large(limit: u64) -> ClientError {
    ClientError::new(
        ErrorKind::LimitReached,
        format!("the result of a statement is larger than the tenant's limit of {limit} bytes"),
    )
    .with_sqlstate("54000")
    .with_hint("ask for fewer rows or columns, or have the limit of the tenant's plan raised")
}
