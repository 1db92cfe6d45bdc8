//! Prepared statements over pooled connections.
//!
//! A client names its statements as it likes; the server knows them under names of ours. The same text from any
//! client of the same pool and schema is one statement, so that a server connection plans it once.

mod shape;

use crate::lex;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

pub(crate) use shape::{Place, Promise, Shape};

/// A statement as a server knows it.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) id: u64,
    pub(crate) scope: StatementScope,
    /// The rewriter that was asked for the text, see [`Statements::intern`].
    rewriter: u64,
    /// The name on the server, see [`unguessable_name`].
    pub(crate) name: Box<[u8]>,
    /// What follows the name in a Parse message: the text, a zero byte, and the parameter types.
    pub(crate) body: Bytes,
    /// Whether running it may change the session, see [`lex::may_change_session`].
    pub(crate) changes_session: bool,
    /// Whether what it sets ends with its transaction.
    pub(crate) passes: bool,
}

/// A name that can't be guessed, nor told from another's: PostgreSQL's errors show names, and SQL's `EXECUTE` and
/// `DEALLOCATE` reach every statement of a connection.
pub(crate) fn unguessable_name() -> Box<[u8]> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    format!("tenantry_{:032x}", u128::from_ne_bytes(random)).into_bytes().into()
}

/// What a statement's meaning depends on besides its text: whose tables its names resolve to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StatementScope {
    /// All tenants of the pool see the same tables.
    Pool,
    /// One tenant's own schema.
    Tenant(i64),
}

/// The statements that the clients of one pool use. Weak: a statement lives as long as a session refers to it.
#[derive(Debug)]
pub(crate) struct Statements {
    next_id: u64,
    known: HashMap<(StatementScope, u64, Bytes), Weak<Statement>>,
    sweep_at: usize,
}

impl Statements {
    pub(crate) fn new() -> Self {
        Self { next_id: 0, known: HashMap::new(), sweep_at: 1_024 }
    }

    /// The statement with this text, made if no session has it yet. A rewriter follows one version of the schema: who prepares
    /// a text under the next version's is not given a statement that a server may have had prepared before it.
    pub(crate) fn intern(&mut self, scope: StatementScope, rewriter: u64, body: &[u8]) -> Arc<Statement> {
        let key = (scope, rewriter, Bytes::copy_from_slice(body));
        if let Some(statement) = self.known.get(&key).and_then(Weak::upgrade) {
            return statement;
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, statement| statement.strong_count() > 0);
            self.sweep_at = (self.known.len() * 2).max(1_024);
        }
        self.next_id += 1;
        let statement = Arc::new(Statement {
            id: self.next_id,
            scope,
            rewriter,
            name: unguessable_name(),
            body: key.2.clone(),
            changes_session: lex::may_change_session(body),
            passes: lex::passes(body),
        });
        self.known.insert(key, Arc::downgrade(&statement));
        statement
    }

    /// Who prepares this text from now on gets a statement of its own. Who has this one keeps it.
    pub(crate) fn forget(&mut self, statement: &Statement) {
        let key = (statement.scope, statement.rewriter, statement.body.clone());
        let known = self.known.get(&key).and_then(Weak::upgrade);
        if known.is_some_and(|known| known.id == statement.id) {
            self.known.remove(&key);
        }
    }

    /// The same for every text.
    pub(crate) fn forget_all(&mut self) {
        self.known.clear();
    }
}

/// What a server connection has of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    Nothing,
    /// The statement, but the server has not described it.
    Undescribed,
    As(Shape),
}

/// Which statements a server connection has prepared, least recently used first out.
#[derive(Debug)]
pub(crate) struct Prepared {
    used: FxHashMap<u64, Used>,
    clock: u64,
    limit: usize,
}

#[derive(Debug)]
struct Used {
    clock: u64,
    statement: Arc<Statement>,
    /// What the server says of it; `None` until it has.
    shape: Option<Shape>,
}

impl Prepared {
    pub(crate) fn new(limit: usize) -> Self {
        Self { used: FxHashMap::default(), clock: 0, limit: limit.max(1) }
    }

    /// What the connection has of the statement; marks it as used.
    pub(crate) fn touch(&mut self, id: u64) -> Has {
        self.clock += 1;
        let Some(used) = self.used.get_mut(&id) else { return Has::Nothing };
        used.clock = self.clock;
        used.shape.map_or(Has::Undescribed, Has::As)
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Arc<Statement>> {
        self.used.get(&id).map(|used| &used.statement)
    }

    pub(crate) fn shape(&self, id: u64) -> Option<Shape> {
        self.used.get(&id)?.shape
    }

    /// The server has described the statement.
    pub(crate) fn describe(&mut self, id: u64, shape: Shape) {
        if let Some(used) = self.used.get_mut(&id) {
            used.shape = Some(shape);
        }
    }

    /// Notes a statement that is being prepared. Returns the one to close for it, if the connection is full.
    pub(crate) fn insert(&mut self, statement: &Arc<Statement>) -> Option<Arc<Statement>> {
        self.clock += 1;
        let evicted = if self.used.len() >= self.limit && !self.used.contains_key(&statement.id) {
            let oldest = self.used.iter().min_by_key(|(_, used)| used.clock).map(|(id, _)| *id);
            oldest.and_then(|id| self.used.remove(&id)).map(|used| used.statement)
        } else {
            None
        };
        let used = Used { clock: self.clock, statement: Arc::clone(statement), shape: None };
        self.used.insert(statement.id, used);
        evicted
    }

    /// Notes that a statement's Close was not carried out. For once there may be one too many.
    pub(crate) fn restore(&mut self, statement: &Arc<Statement>) {
        let used = Used { clock: 0, statement: Arc::clone(statement), shape: None };
        self.used.insert(statement.id, used);
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.used.remove(&id);
    }

    pub(crate) fn len(&self) -> usize {
        self.used.len()
    }

    pub(crate) fn clear(&mut self) {
        self.used.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_one_statement_per_scope() {
        let mut statements = Statements::new();
        let a = statements.intern(StatementScope::Pool, 0, b"select 1\0\0\0");
        let b = statements.intern(StatementScope::Pool, 0, b"select 1\0\0\0");
        let c = statements.intern(StatementScope::Tenant(7), 0, b"select 1\0\0\0");
        let d = statements.intern(StatementScope::Pool, 1, b"select 1\0\0\0");
        assert_eq!(a.id, b.id);
        assert_ne!(a.id, c.id);
        assert_ne!(a.id, d.id);
        assert_ne!(Statements::new().intern(StatementScope::Pool, 0, b"x").name, a.name);
    }

    #[test]
    fn a_forgotten_statement_is_made_anew_and_the_newer_one_stays() {
        let mut statements = Statements::new();
        let intern = |statements: &mut Statements| statements.intern(StatementScope::Pool, 0, b"x");
        let old = intern(&mut statements);
        statements.forget(&old);
        let new = intern(&mut statements);
        assert_ne!(old.id, new.id);
        statements.forget(&old);
        assert_eq!(intern(&mut statements).id, new.id);
        statements.forget_all();
        assert_ne!(intern(&mut statements).id, new.id);
    }

    #[test]
    fn a_full_connection_closes_the_least_recently_used() {
        let mut statements = Statements::new();
        let [a, b, c] = [&b"a"[..], b"b", b"c"].map(|text| statements.intern(StatementScope::Pool, 0, text));
        let mut prepared = Prepared::new(2);
        assert!(prepared.insert(&a).is_none());
        assert!(prepared.insert(&b).is_none());
        assert_eq!(prepared.touch(a.id), Has::Undescribed);
        assert_eq!(prepared.insert(&c).unwrap().id, b.id);
        assert_eq!([&a, &b, &c].map(|one| prepared.touch(one.id) != Has::Nothing), [true, false, true]);
    }
}
