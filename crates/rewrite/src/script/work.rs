//! One statement of a script at work: its text, its tokens, and what comes out.

use super::{Class, Runs, Statement};
use crate::Refusal;
use crate::edit::{self, Splice};
use crate::guard;
use crate::lex::Tokens;
use crate::parse::parse;
use pg_raw_parse::make::{MemoryToken, Unique, owned};
use pg_raw_parse::{Owned, nodes};
use std::ops::Range;

/// A statement of a script.
pub(crate) struct Work<'a> {
    /// The whole script: places of the tree refer to it.
    pub sql: &'a str,
    pub range: Range<usize>,
    pub tokens: Tokens<'a>,
    pub raw: &'a nodes::RawStmt,
}

impl<'a> Work<'a> {
    pub(crate) fn new(sql: &'a str, range: Range<usize>, raw: &'a nodes::RawStmt) -> Self {
        let tokens = Tokens::new(sql, range.clone());
        Self { sql, range, tokens, raw }
    }

    pub(crate) fn text(&self) -> &'a str {
        &self.sql[self.range.clone()]
    }

    /// The position of the token at a place of the tree.
    pub(crate) fn at(&self, location: i32) -> Option<usize> {
        self.tokens.at(usize::try_from(location).ok()?)
    }

    /// The text of the tokens at these positions.
    pub(crate) fn slice(&self, positions: Range<usize>) -> &'a str {
        self.tokens.span(positions).map_or("", |span| &self.sql[span])
    }

    pub(crate) fn refuse(&self, message: impl Into<String>) -> Refusal {
        Refusal::new(self.sql, self.range.clone(), message)
    }

    /// A refusal at the token that starts at a place of the tree, or at the statement.
    pub(crate) fn refuse_at(&self, location: i32, message: impl Into<String>) -> Refusal {
        let token = self.at(location).and_then(|at| self.tokens.get(at));
        let range = token.map_or_else(|| self.range.clone(), |token| token.start..token.end);
        Refusal::new(self.sql, range, message)
    }

    /// What it is: a statement about objects, in a transaction, once.
    pub(crate) fn statement(&self, sql: impl Into<String>) -> Statement {
        Statement {
            sql: sql.into(),
            original: self.range.clone(),
            class: Class::Schema,
            transactional: true,
            runs: Runs::Once,
            notes: Vec::new(),
        }
    }

    /// The statement as it was written.
    pub(crate) fn verbatim(&self) -> Statement {
        self.statement(self.text())
    }

    /// Puts the pieces in, and holds the result against what was meant: the tree of the statement as `change` leaves it.
    pub(crate) fn spliced(
        &self,
        mut splices: Vec<Splice>,
        change: impl for<'mem> FnOnce(MemoryToken<'mem>, &mut Unique<'mem, &'mem nodes::RawStmt>) -> bool,
    ) -> Result<String, Refusal> {
        let held =
            || Refusal::guard(self.sql, self.range.clone(), "the statement could not be rewritten safely");
        for splice in &mut splices {
            let start = splice.range.start.checked_sub(self.range.start).ok_or_else(held)?;
            splice.range = start..start + splice.range.len();
        }
        let text = edit::apply(self.text(), &mut splices).ok_or_else(held)?;
        let new = parse(&text).map_err(|_| held())?;
        let mut understood = false;
        let wanted: Owned<nodes::RawStmt> = owned(|mem| {
            let mut copy = mem.make_unique(self.raw);
            understood = change(mem, &mut copy);
            copy
        });
        let mut statements = new.iter();
        match (statements.next(), statements.next()) {
            (Some(only), None) if understood && guard::prints_alike(&wanted, only) => Ok(text),
            _ => Err(held()),
        }
    }
}
