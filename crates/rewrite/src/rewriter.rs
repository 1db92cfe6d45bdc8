//! The rewriter of queries and data statements: for the gateway, and for the data statements of migrations.

use crate::edit::{self, Change};
use crate::find::{Finder, Star};
use crate::known::Known;
use crate::lex::{Kind, Lexer};
use crate::parse::{self, DEEPEST};
use crate::{Refusal, guard, prefilter};
use pg_raw_parse::nodes;
use std::ops::Range;
use tenantry_core::TenancyModel;
use tenantry_core::rewrite::QuotedStrings;

use tenantry_schema::{Declaration, Model};

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewritten<'s> {
    /// It works as it is (or fails as it would in a plain database).
    Unchanged(&'s str),
    /// Run this instead.
    Changed(String),
}

impl Rewritten<'_> {
    /// The text to run.
    pub fn sql(&self) -> &str {
        match self {
            Self::Unchanged(sql) => sql,
            Self::Changed(sql) => sql,
        }
    }
}

/// Rewrites queries and data statements of an application that knows the plain schema. Cheap to share, costly to make: it holds
/// what it knows of every table.
#[derive(Debug, Clone)]
pub struct Rewriter {
    known: Known,
    star: Star,
}

impl Rewriter {
    /// For the plain model of a schema. In the schema and the database model nothing is ever rewritten.
    pub fn new(model: &Model, declaration: &Declaration, tenancy: TenancyModel) -> Self {
        Self { known: Known::new(model, declaration, tenancy), star: Star::default() }
    }

    /// What `*` becomes.
    #[must_use]
    pub fn with_star(mut self, star: Star) -> Self {
        self.star = star;
        self
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    pub(crate) fn known_mut(&mut self) -> &mut Known {
        &mut self.known
    }

    pub(crate) fn replace_known(&mut self, known: Known) -> Known {
        std::mem::replace(&mut self.known, known)
    }

    /// A cheap look (about a nanosecond a byte). False: [`rewrite`](Self::rewrite) would leave it as it is.
    pub fn might_need_rewrite(&self, sql: &str) -> bool {
        !self.known.tables.is_empty() && prefilter::might_matter(sql, self.star)
    }

    /// [`rewrite`](Self::rewrite) for a session that may read strings otherwise. `PostgreSQL` reports
    /// `standard_conforming_strings` to its clients: whoever passes texts on knows it, and must say it here, since the same text is
    /// two different statements. Where no backslash stands in a plain string both are the same, and so is what they become.
    /// Else the text is left alone if nothing in it could need the grammar, and refused if something could.
    ///
    /// The text must be in the encoding that the server reads: in client encodings other than UTF-8 the second byte of a character may
    /// look like a quote or a backslash.
    pub fn rewrite_as<'s>(&self, sql: &'s str, strings: QuotedStrings) -> Result<Rewritten<'s>, Refusal> {
        match strings {
            QuotedStrings::Backslash if self.might_need_rewrite(sql) => {
                refuse_backslash(sql)?;
                self.rewrite(sql)
            }
            _ => self.rewrite(sql),
        }
    }

    /// Rewrites a text of one or more statements. What doesn't parse is left alone: the server says what is wrong with it. QuotedStrings are
    /// read as the standard has them ([`QuotedStrings::Standard`]); see [`rewrite_as`](Self::rewrite_as) for sessions that read them otherwise.
    pub fn rewrite<'s>(&self, sql: &'s str) -> Result<Rewritten<'s>, Refusal> {
        if !self.might_need_rewrite(sql) || sql.contains('\0') {
            return Ok(Rewritten::Unchanged(sql));
        }
        parse::without_panic(sql, || self.rewrite_parsed(sql))
    }

    fn rewrite_parsed<'s>(&self, sql: &'s str) -> Result<Rewritten<'s>, Refusal> {
        let Ok(parsed) = parse::parse(sql) else { return Ok(Rewritten::Unchanged(sql)) };
        let mut changes = Vec::new();
        let mut splices = Vec::new();
        for raw in parsed.iter() {
            let range = range_of(sql, raw);
            let found = self.look(sql, range, raw)?;
            changes.push(found.0);
            splices.extend(found.1);
        }
        if splices.is_empty() {
            return Ok(Rewritten::Unchanged(sql));
        }
        let whole = 0..sql.len();
        let held = || Refusal::guard(sql, whole.clone(), "the statement could not be rewritten safely");
        let text = edit::apply(sql, &mut splices).ok_or_else(held)?;
        let again = parse::parse(&text).map_err(|_| held())?;
        if again.len() != changes.len() {
            return Err(held());
        }
        for ((raw, changes), new) in parsed.iter().zip(&changes).zip(again.iter()) {
            if !changes.is_empty() && !guard::holds(raw, changes, new) {
                return Err(held());
            }
        }
        Ok(Rewritten::Changed(text))
    }

    /// What has to change in one statement.
    fn look(
        &self,
        sql: &str,
        range: Range<usize>,
        raw: &nodes::RawStmt,
    ) -> Result<(Vec<Change>, Vec<edit::Splice>), Refusal> {
        // Each level takes two bytes at least (`+1`), so most texts are too short to be deep.
        if range.len() / 2 > DEEPEST && parse::is_deep_statement(raw.stmt()) {
            let deep = Refusal::new(sql, range, "the statement is nested too deeply to be rewritten")
                .hint("split it, or use ANY (array) or a list of VALUES instead of a long chain");
            return if self.concerns(raw) { Err(deep) } else { Ok((Vec::new(), Vec::new())) };
        }
        let mut finder = Finder::new(&self.known, self.star, sql, range.clone());
        finder.statement(raw.stmt());
        match finder.refusal.take() {
            Some(refusal) => Err(refusal),
            None if is_too_long(&finder, raw) => {
                Err(Refusal::new(sql, range, "the statement is too long to be rewritten")
                    .hint("split it, or use ANY (array)"))
            }
            None => Ok((finder.changes, finder.splices)),
        }
    }

    /// Whether a statement that can't be looked through would be one that needs it: it writes to a table that we know.
    fn concerns(&self, raw: &nodes::RawStmt) -> bool {
        match raw.stmt() {
            pg_raw_parse::Node::InsertStmt(insert) => insert.relation().is_some_and(|relation| {
                relation.relname().is_some_and(|name| self.known.table(relation.schemaname(), name).is_some())
            }),
            _ => false,
        }
    }
}

/// The first string of a text that a session with `standard_conforming_strings = off` reads otherwise. Up to there both read the
/// same tokens.
/// Refuses a text that is another where a backslash escapes.
pub(crate) fn refuse_backslash(sql: &str) -> Result<(), Refusal> {
    match backslash(sql) {
        Some(place) => Err(Refusal::new(
            sql,
            place,
            "with standard_conforming_strings = off this string may go on, and the statement can't be rewritten",
        )
        .hint("write E'…', a parameter, or leave standard_conforming_strings on")),
        None => Ok(()),
    }
}

fn backslash(sql: &str) -> Option<Range<usize>> {
    if !sql.contains('\\') {
        return None;
    }
    let unlike = |token: &crate::lex::Token| {
        let text = &sql[token.start..token.end];
        token.kind == Kind::Text
            && text.contains('\\')
            && matches!(text.bytes().next(), Some(b'\'' | b'n' | b'N' | b'u' | b'U'))
    };
    Lexer::new(sql, 0).find(unlike).map(|token| token.start..token.end)
}

/// The guard prints what was changed, in a time that grows with the square of its length (but for the rows of an INSERT).
fn is_too_long(finder: &Finder<'_>, raw: &nodes::RawStmt) -> bool {
    const TOKENS: usize = 65_536;
    const CHANGES: usize = 4_096;
    const NODES: usize = 32_768;
    if finder.changes.is_empty() {
        return false;
    }
    let long = || match guard::rows(raw) {
        Some(rows) if rows.len() > 1 => rows.into_iter().any(|row| parse::size(row) > NODES),
        _ => finder.tokens().len() > TOKENS,
    };
    finder.changes.len() > CHANGES || long()
}

/// The part of the text that a statement is, with the comments before it.
pub(crate) fn range_of(sql: &str, raw: &nodes::RawStmt) -> Range<usize> {
    let start = usize::try_from(raw.stmt_location).unwrap_or(0).min(sql.len());
    let length = usize::try_from(raw.stmt_len).unwrap_or(0);
    let end = if length == 0 { sql.len() } else { (start + length).min(sql.len()) };
    start..end
}
