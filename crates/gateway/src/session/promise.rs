//! What a client may believe of a statement that it keeps, whatever server connection it comes to.
//!
//! PostgreSQL holds a prepared statement to the columns that it had when it was prepared, and says so where it can't
//! (`cached plan must not change result type`). Here a client may come to a connection that does not have its statement; prepared
//! there, a text may mean something else by now: a migration, from wherever it came. So each Parse of a named statement has a
//! Describe behind it, whose answer stays with the statement on that connection, and with the client who had it prepared.
//! A client's Bind of a statement that it knows is let go only where the two are the same; where the connection lacks the
//! statement, its Bind waits for the answer. That is one wait for each statement on each connection, and none where the client
//! has yet to be told, or the connection has what it knows.
//!
//! The unnamed statement is described by the client or not at all: most are run once, and a Describe behind each of
//! them would be in vain. What nobody asked about is not promised.

use super::Session;
use super::relay::Verdict;
use super::transaction::{Expected, Transaction};
use crate::statement::{Has, Place, Promise, Shape, Statement};
use std::sync::Arc;
use tenantry_wire::backend::TransactionStatus;
use tenantry_wire::frontend;

/// Whether a statement is what the client believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    /// The server is being asked.
    Waits,
    Broken,
}

impl Transaction {
    fn place(&self) -> Place {
        (self.target.placement.database, self.scope())
    }

    pub(super) fn promise(&self, shape: Shape) -> Promise {
        Promise::new(shape, self.place())
    }

    /// What this connection has of the statement. One that will never be described, because its pipeline failed in between, is
    /// given up.
    pub(super) fn has(&mut self, statement: &Arc<Statement>) -> Has {
        let has = self.server.prepared.touch(statement.id);
        if has == Has::Undescribed && !self.is_describing(statement.id) {
            self.unprepare(statement);
            return Has::Nothing;
        }
        has
    }

    fn is_describing(&self, id: u64) -> bool {
        self.expected.iter().any(|e| matches!(e, Expected::Shape(statement, _) if statement.id == id))
    }

    /// Has the server describe a statement that was just sent; for the client's name, if it has one.
    pub(super) fn ask_shape(&mut self, statement: &Arc<Statement>, name: &[u8]) {
        frontend::describe(&mut self.server.io.outbuf, frontend::STATEMENT, &statement.name);
        self.expect(Expected::Shape(Arc::clone(statement), name.into()));
    }

    /// Sees to it that this connection has what the client calls `name`, and that it is what the client believes.
    pub(super) fn keep_promise(
        &mut self,
        statement: &Arc<Statement>,
        name: &[u8],
        promise: &mut Option<Promise>,
    ) -> Kept {
        let has = self.has(statement);
        let Some(said) = *promise else {
            match has {
                Has::As(shape) => *promise = Some(self.promise(shape)),
                Has::Undescribed => {}
                Has::Nothing => self.prepare(statement, name),
            }
            return Kept::Yes;
        };
        if let Has::As(shape) = has {
            // What PostgreSQL says to anything in a failed transaction, it says first.
            if said.is_kept_by(shape, self.place()) || self.status == TransactionStatus::Failed {
                return Kept::Yes;
            }
            if std::mem::take(&mut self.ageing.asked) == statement.id {
                // Who prepares the text again gets a statement that no connection has as it was.
                self.target.pool.statements().forget(statement);
                return Kept::Broken;
            }
            // One of the two is from before a migration. What is true now, only the server knows.
            self.unprepare(statement);
        }
        if !matches!(has, Has::Undescribed) {
            self.prepare(statement, name);
            self.ageing.asked = statement.id;
        }
        self.nudge();
        Kept::Waits
    }

    fn is_describing_unnamed(&self, id: u64) -> bool {
        self.expected.iter().any(|e| matches!(e, Expected::ShapeUnnamed(asked) if *asked == id))
    }
}

impl Session {
    /// The same for the client's unnamed statement.
    pub(super) fn keep_unnamed_promise(&mut self, transaction: &mut Transaction) -> Kept {
        let id = self.unnamed_id;
        if transaction.server.unnamed == id {
            return Kept::Yes;
        }
        if std::mem::take(&mut transaction.ageing.outdated) == id {
            return Kept::Broken;
        }
        if !transaction.is_describing_unnamed(id) {
            let (sent, copy) = transaction.rewrite_body(&self.unnamed);
            self.unnamed_copy = copy;
            let sent = sent.as_deref().unwrap_or(&self.unnamed);
            frontend::parse_raw(&mut transaction.server.io.outbuf, b"", sent);
            transaction.expect(Expected::ParseInjected(None));
            if self.unnamed_promise.is_none() {
                transaction.server.unnamed = id;
                return Kept::Yes;
            }
            // It is there once it has turned out to be what the client knows.
            transaction.server.unnamed = 0;
            frontend::describe(&mut transaction.server.io.outbuf, frontend::STATEMENT, b"");
            transaction.expect(Expected::ShapeUnnamed(id));
        }
        transaction.nudge();
        Kept::Waits
    }

    /// The server has described a statement.
    pub(super) fn described(
        &mut self,
        transaction: &mut Transaction,
        described: Expected,
        shape: Shape,
    ) -> Verdict {
        match described {
            Expected::Shape(statement, name) => {
                transaction.server.prepared.describe(statement.id, shape);
                self.promise_known(transaction, &name);
                Verdict::Swallow
            }
            Expected::ShapeUnnamed(id) => {
                let promise = self.unnamed_promise.filter(|_| id == self.unnamed_id);
                if promise.is_some_and(|promise| promise.is_kept_by(shape, transaction.place())) {
                    transaction.server.unnamed = id;
                } else {
                    transaction.ageing.outdated = id;
                }
                Verdict::Swallow
            }
            Expected::DescribeUnnamed(id) => {
                if id == self.unnamed_id {
                    self.unnamed_promise = Some(transaction.promise(shape));
                }
                Verdict::Forward
            }
            _ => Verdict::Forward,
        }
    }

    /// What the connection has is what the client who prepares it may believe.
    pub(super) fn promise_known(&mut self, transaction: &Transaction, name: &[u8]) {
        let Some(entry) = self.statements.get_mut(name).filter(|entry| entry.promise.is_none()) else {
            return;
        };
        let Some(known) = &entry.known else { return };
        let shape = transaction.server.prepared.shape(known.statement.id);
        entry.promise = shape.map(|shape| transaction.promise(shape));
    }
}
