//! Prepared statements that have become older than what they name.
//!
//! A server's statement outlives the client that had it prepared, so that the next with the same text need not prepare it again.
//! But PostgreSQL settles the types of a statement's parameters and results when it is prepared: on a direct connection, a client
//! that prepares its text again after a migration has the new ones, and drivers do that once they are told that a plan must not
//! change its result type. Here such a client must not be given the old statement again.

use super::transaction::{Expected, Transaction};
use crate::statement::{Shape, Statement};
use std::sync::Arc;
use tenantry_core::TenancyModel;

#[derive(Debug, Default)]
pub(super) struct Ageing {
    /// The statement of the last portal; 0 is none that clients share, and see `DEALLOCATES_ALL`.
    pub(super) bound: u64,
    /// The transaction has defined something.
    defining: bool,
    /// The parameters of a description whose rows are still to come.
    pub(super) parameters: Option<Shape>,
    /// The statement that was prepared to see what it is now; 0 is none.
    pub(super) asked: u64,
    /// The unnamed statement that turned out to be another; 0 is none.
    pub(super) outdated: u64,
}

impl Ageing {
    /// Whether a command has just changed what names mean, so that whatever is prepared from now on is to be prepared anew. In
    /// a pool, applications may define nothing; there, to say so must not cost the others their statements.
    pub(super) fn begin_with(&mut self, command: &[u8], model: TenancyModel) -> bool {
        let defines = [&b"CREATE"[..], b"ALTER", b"DROP"].iter().any(|verb| command.starts_with(verb));
        self.defining |= defines && !model.is_pooled();
        self.defining && (defines || command == b"ROLLBACK")
    }
}

impl Transaction {
    /// What a transaction has defined is there for everybody now, or for nobody.
    pub(super) fn note_definitions_end(&mut self) {
        if std::mem::take(&mut self.ageing.defining) {
            self.target.pool.statements().forget_all();
        }
    }

    /// The statement that is not what its text would be now, if an error may mean that. It is the one that says it: nothing is
    /// lost but a Parse for each client that prepares the same text.
    pub(super) fn outlived(&self, sqlstate: &[u8]) -> Option<Arc<Statement>> {
        let (id, before_execution) = match self.expected.front()? {
            // Of a portal.
            Expected::Describe(0) => (self.ageing.bound, true),
            Expected::Bind(id) | Expected::Describe(id) => (*id, true),
            Expected::Execute => (self.ageing.bound, false),
            _ => return None,
        };
        // "cached plan must not change result type", "cache lookup failed for type 16403"; and whatever a name may have become.
        let tells =
            matches!(sqlstate, b"0A000" | b"XX000") || (before_execution && sqlstate.starts_with(b"42"));
        if tells { self.server.prepared.get(id).cloned() } else { None }
    }
}
