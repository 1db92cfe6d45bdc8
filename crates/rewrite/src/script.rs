//! Migrations: a script of plain statements in, the statements of one placement out.
//!
//! A script keeps its own picture of the plain schema up to date as statements create and change tables, so that a later
//! statement may use what an earlier one made.

use crate::find::Star;
use crate::known::Known;
use crate::lex::{Kind, Lexer, Token};
use crate::parse::{self, parse};
use crate::rewriter::{Rewriter, range_of};
use crate::{Refusal, Rewritten};
use pg_raw_parse::nodes;
use serde::Serialize;
use std::ops::Range;
use tenantry_schema::{Declaration, Model, Target};

/// A statement to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Without a semicolon.
    pub sql: String,
    /// The statement of the script that it comes from, in bytes. Several may come from one.
    pub original: Range<usize>,
    pub class: Class,
    /// False for what PostgreSQL refuses in a transaction block (`CREATE INDEX CONCURRENTLY`).
    pub transactional: bool,
    pub runs: Runs,
}

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It defines objects.
    Schema,
    /// It reads or writes rows.
    Data,
    /// It sets something for the session or the transaction, or begins or ends one.
    Session,
}

/// How often a statement runs, and as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// Once, by the owner of the schema past row-level security: it sees the rows of all tenants.
    Once,
    /// For each tenant, inside its context.
    PerTenant,
}

/// The state of a migration, or of several one after the other.
#[derive(Debug, Clone)]
pub struct Script {
    pub(crate) model: Model,
    pub(crate) declaration: Declaration,
    pub(crate) target: Target,
    pub(crate) rewriter: Rewriter,
}

impl Script {
    /// Starts with the plain model of the schema as it is now.
    pub fn new(model: &Model, declaration: &Declaration, target: &Target) -> Self {
        // What people write in migrations they mean: a view of `*` is expanded, since it stays.
        let rewriter = Rewriter::new(model, declaration, target.model).with_star(Star::Expand);
        Self { model: model.clone(), declaration: declaration.clone(), target: target.clone(), rewriter }
    }

    /// The plain model as the statements so far leave it. Texts of expressions are as they were written.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The statements that a script becomes. Nothing is kept of a script that is refused.
    pub fn migrate(&mut self, sql: &str) -> Result<Vec<Statement>, Refusal> {
        let mut next = self.clone();
        let statements = next.statements(sql)?;
        *self = next;
        Ok(statements)
    }

    fn statements(&mut self, sql: &str) -> Result<Vec<Statement>, Refusal> {
        let parsed = parse(sql).map_err(|message| parse::syntax_error(sql, &message))?;
        let mut out = Vec::new();
        for raw in parsed.iter() {
            let (range, marker) = trimmed(sql, range_of(sql, raw));
            out.extend(self.statement(sql, range, marker, raw)?);
        }
        Ok(out)
    }

    fn statement(
        &mut self,
        sql: &str,
        range: Range<usize>,
        _marker: Option<Marker>,
        _raw: &nodes::RawStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let text = &sql[range.clone()];
        let rewritten = self.rewriter.rewrite(text).map_err(|refusal| refusal.within(sql, range.start))?;
        Ok(vec![Statement {
            sql: match rewritten {
                Rewritten::Unchanged(sql) => sql.to_owned(),
                Rewritten::Changed(sql) => sql,
            },
            original: range,
            class: Class::Schema,
            transactional: true,
            runs: Runs::Once,
        }])
    }

    /// Brings what is known of tables up to date with the model.
    pub(crate) fn learn(&mut self) {
        let known = Known::new(&self.model, &self.declaration, self.target.model);
        self.rewriter.replace_known(known);
    }
}

/// What a comment before a statement says of it: `-- tenantry: per-tenant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    PerTenant,
    Once,
    Verbatim,
}

/// The statement without the comments before it, and what they say.
pub(crate) fn trimmed(sql: &str, range: Range<usize>) -> (Range<usize>, Option<Marker>) {
    let mut marker = None;
    let mut bounds: Option<Range<usize>> = None;
    for token in Lexer::new(sql, range.start).take_while(|token| token.start < range.end) {
        if token.kind == Kind::Comment {
            if bounds.is_none() {
                marker = marked(sql, &token).or(marker);
            }
        } else {
            let start = bounds.map_or(token.start, |bounds| bounds.start);
            bounds = Some(start..token.end);
        }
    }
    (bounds.unwrap_or(range), marker)
}

fn marked(sql: &str, token: &Token) -> Option<Marker> {
    let text = sql[token.start..token.end].trim_start_matches(['-', '/', '*']).trim_end_matches(['*', '/']);
    match text.trim().strip_prefix("tenantry:")?.trim() {
        "per-tenant" => Some(Marker::PerTenant),
        "once" => Some(Marker::Once),
        "verbatim" => Some(Marker::Verbatim),
        _ => None,
    }
}
