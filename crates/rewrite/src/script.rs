//! Migrations: a script of plain statements in, the statements of one placement out.
//!
//! A script keeps its own picture of the plain schema up to date as statements create and change tables, so that a later
//! statement may use what an earlier one made.

mod alter;
mod apply;
mod build;
mod create;
mod data;
mod drop;
mod element;
mod expand;
mod fate;
mod follow;
mod function;
mod index;
mod journal;
mod made;
mod materialized;
mod other;
mod partition;
mod plain;
mod pool;
mod read;
mod refused;
mod rights;
mod session;
mod split;
mod text;
mod view;
mod work;

use crate::Refusal;
use crate::find::Star;
use crate::lex::{Kind, Lexer, Token};
use crate::parse::{self, parse};
use crate::rewriter::{Rewriter, range_of};
use element::Names;
use journal::Journal;
use pg_raw_parse::nodes;
pub(crate) use plain::Plain;
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::Range;
use tenantry_schema::{Declaration, Model, Target};
use work::Work;

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
    /// What a person should know of it.
    pub notes: Vec<String>,
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
    /// Once, by a role with `BYPASSRLS` and no other: `PostgreSQL` looks whether rows that are there satisfy a foreign key with the
    /// eyes of the tables' owner. An owner whom row-level security binds sees none of them, and the key would be marked valid over rows that
    /// nobody has looked at.
    Validating,
    /// For each tenant, inside its context.
    PerTenant,
}

/// The state of a migration, or of several one after the other.
#[derive(Debug, Clone)]
pub struct Script {
    pub(crate) model: Plain,
    pub(crate) declaration: Declaration,
    pub(crate) target: Target,
    pub(crate) rewriter: Rewriter,
    journal: Journal,
}

impl Script {
    /// Starts with the plain model of the schema as it is now.
    pub fn new(model: &Model, declaration: &Declaration, target: &Target) -> Self {
        // What people write in migrations they mean: a view of `*` is expanded, since it stays.
        let rewriter = Rewriter::new(model, declaration, target.model).with_star(Star::Expand);
        Self {
            model: model.clone().into(),
            declaration: declaration.clone(),
            target: target.clone(),
            rewriter,
            journal: Journal::default(),
        }
    }

    /// The plain model as the statements so far leave it. Texts of expressions are as they were written.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The statements that a script becomes. Nothing is kept of a script that is refused.
    pub fn migrate(&mut self, sql: &str) -> Result<Vec<Statement>, Refusal> {
        self.all_or_nothing(|script| parse::without_panic(sql, || script.statements(sql)))
    }

    fn statements(&mut self, sql: &str) -> Result<Vec<Statement>, Refusal> {
        split::refuse_client_text(sql)?;
        let parsed = parse(sql).map_err(|message| parse::syntax_error(sql, &message))?;
        let mut out = Vec::new();
        // The parser's places leave out the comments before a statement.
        let mut from = 0;
        for raw in parsed.iter() {
            let (range, marker) = trimmed(sql, from..range_of(sql, raw).end);
            from = range.end;
            if range.len() / 2 > parse::DEEPEST && parse::is_deep_statement(raw.stmt()) {
                return Err(Refusal::new(sql, range, "the statement is nested too deeply").hint("split it"));
            }
            let work = Work::new(sql, range, raw);
            out.extend(self.dispatch(&work, marker)?);
        }
        Ok(out)
    }

    /// The placement has one schema, and the statements run with the search path set to it.
    fn own_schema(&self, work: &Work<'_>, relation: &nodes::RangeVar) -> Result<(), Refusal> {
        let Some(schema) = relation.schemaname() else { return Ok(()) };
        if schema == self.target.schema.as_str() && schema == self.model.source.schema {
            return Ok(());
        }
        let message = if schema == self.model.source.schema {
            format!("the schema of the placement is not called {schema}")
        } else {
            format!("{schema} is another schema, and tables of other schemas are not Tenantry's")
        };
        Err(work.refuse_at(relation.location, message).hint("leave the schema out: the search path is set"))
    }

    /// In a schema of a tenant's own, the plain schema's name is that of the pool: `DROP TABLE public.t` would drop everybody's.
    pub(super) fn pool_is_not_named(&self, work: &Work<'_>) -> Result<(), Refusal> {
        let plain = self.model.source.schema.as_str();
        if plain.is_empty() || plain == self.target.schema.as_str() {
            return Ok(());
        }
        let tokens = &work.tokens;
        let quoted = format!("\"{}\"", plain.replace('"', "\"\""));
        let names_it = |at: &usize| {
            (tokens.is(*at, plain) || tokens.text(*at) == quoted)
                && tokens.is(at + 1, ".")
                && !at.checked_sub(1).is_some_and(|before| tokens.is(before, "."))
        };
        match (0..tokens.len()).find(names_it).and_then(|at| tokens.get(at)) {
            None => Ok(()),
            Some(token) => {
                let message = format!("the schema of the placement is not called {plain}");
                let refusal = Refusal::new(work.sql, token.start..token.end, message);
                Err(refusal.hint("leave the schema out: the search path is set"))
            }
        }
    }

    /// An object of a placement is in its schema.
    pub(super) fn own_path(&self, work: &Work<'_>, path: &[String]) -> Result<(), Refusal> {
        match path {
            [.., schema, _] if schema != self.target.schema.as_str() => Err(work
                .refuse(format!("{schema} is another schema, and what is in it is not Tenantry's"))
                .hint("leave the schema out: the search path is set")),
            _ => Ok(()),
        }
    }

    /// The names that are taken.
    fn names(&self) -> Names<'_> {
        Names { taken: &self.model, made: BTreeSet::new() }
    }
}

/// What a comment before a statement says of it: `-- tenantry: per-tenant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    PerTenant,
    Once,
    Verbatim,
    Skip,
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
        } else if bounds.is_some() || &sql[token.start..token.end] != ";" {
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
        "skip" => Some(Marker::Skip),
        _ => None,
    }
}
