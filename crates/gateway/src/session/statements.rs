//! The prepared statements of one client: what it calls them, and what a pool knows them as.

use super::Session;
use crate::config::Config;
use crate::error::ClientError;
use crate::lex::Special;
use crate::pool::Pool;
use crate::rewriting::CopyFrom;
use crate::statement::{Promise, Statement, StatementScope};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use tenantry_core::ErrorKind;

/// A statement as a pool knows it.
pub(super) struct Interned {
    pub(super) scope: StatementScope,
    pub(super) pool: Arc<Pool>,
    pub(super) statement: Arc<Statement>,
    /// The rewriter that was asked; 0 is none.
    pub(super) rewriter: u64,
    pub(super) copy: Option<Arc<CopyFrom>>,
}

pub(super) struct ClientStatement {
    pub(super) body: Bytes,
    /// The statement in the pool where it was last used.
    pub(super) known: Option<Interned>,
    /// What the client may believe of its parameters and rows, see `promise.rs`.
    pub(super) promise: Option<Promise>,
    /// What it says about the tenant.
    pub(super) special: Option<Box<Special>>,
}

/// A statement on a connection that the client keeps.
pub(super) struct KeptStatement {
    /// Where slow statements are logged.
    pub(super) text: Bytes,
    pub(super) copy: Option<Arc<CopyFrom>>,
}

/// A client's prepared statements, bounded in number and size.
#[derive(Default)]
pub(super) struct ClientStatements {
    by_name: HashMap<Box<[u8]>, ClientStatement>,
    bytes: usize,
    /// What one of them sets, or set, ends with its transaction.
    pub(super) passing: bool,
    /// One of them, or the unnamed one, is or was special.
    pub(super) special: bool,
    /// What is known of those that the server has under the client's own names.
    #[allow(
        clippy::box_collection,
        reason = "nobody has it but sessions that keep a connection: a pointer in all others"
    )]
    pub(super) kept: Option<Box<HashMap<Box<[u8]>, KeptStatement>>>,
}

impl ClientStatements {
    /// Whether a statement of `len` bytes may be added, or refused because its name is taken.
    pub(super) fn have_room_for(&self, name: &[u8], len: usize, config: &Config) -> bool {
        let room = self.by_name.len() < config.max_client_statements
            && self.bytes.saturating_add(len) <= config.max_message_bytes;
        room || self.by_name.contains_key(name)
    }

    pub(super) fn contains_key(&self, name: &[u8]) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&ClientStatement> {
        self.by_name.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &[u8]) -> Option<&mut ClientStatement> {
        self.by_name.get_mut(name)
    }

    pub(super) fn insert(&mut self, name: Box<[u8]>, statement: ClientStatement) {
        self.bytes += statement.body.len();
        if let Some(old) = self.by_name.insert(name, statement) {
            self.bytes -= old.body.len();
        }
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<ClientStatement> {
        let old = self.by_name.remove(name)?;
        self.bytes -= old.body.len();
        Some(old)
    }

    pub(super) fn clear(&mut self) {
        *self = Self { special: self.special, ..Self::default() };
    }
}

impl Session {
    /// Frees what the client calls `name`, and returns what it stood for. The server keeps its statement for the next client
    /// with the same text.
    pub(super) fn close_statement(&mut self, name: &[u8]) -> Option<ClientStatement> {
        if name.is_empty() {
            self.unnamed_id = 0;
            self.unnamed_special = None;
            return None;
        }
        self.statements.remove(name)
    }
}

pub(super) fn too_many_statements() -> ClientError {
    ClientError::new(ErrorKind::LimitReached, "too many prepared statements on one connection")
        .with_hint("close or deallocate those that are not used any more")
}
