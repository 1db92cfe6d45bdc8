//! One rule about a live database: its documentation, and the query whose rows are its findings.

use crate::rules;
use serde::Serialize;
use tenantry_schema::alter::{Effort, Lock};
use tenantry_schema::{Docs, Severity};

/// A rule. Its query gets the audit's scope as `$1` (see prelude.sql) and answers with columns by name: `place` and
/// `message`; optionally `schema`, `hint`, `severity`, `facts` (JSON text), `proof` (a query that shows it), `fix` (an array of
/// statements), and `then`: a further query, about one object, whose rows are the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Stable, kebab-case.
    pub id: &'static str,
    pub severity: Severity,
    /// In a sentence or two.
    pub about: &'static str,
    pub docs: Docs,
    /// Follows prelude.sql: further CTEs, or the SELECT.
    #[serde(skip)]
    pub sql: &'static str,
    #[serde(skip)]
    pub scope: Scope,
    #[serde(skip)]
    pub fixing: Fixing,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The catalog of the database.
    Database,
    /// The server: asked once, however many of its databases are audited.
    Server,
    /// Rows of tables: bounded by their size, and left out with `--no-data`.
    Data,
}

/// How a rule's fixes are to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixing {
    /// Lower ones first: what closes a door before what builds a new one.
    pub order: u8,
    pub lock: Lock,
    pub effort: Effort,
    pub transactional: bool,
}

impl Fixing {
    /// A change of the catalog that nobody notices: privileges, roles, functions, settings.
    pub(crate) const QUIET: Self =
        Self { order: 10, lock: Lock::None, effort: Effort::Moment, transactional: true };
    /// For a moment nobody else may use the table.
    pub(crate) const TABLE: Self =
        Self { order: 40, lock: Lock::AccessExclusive, effort: Effort::Moment, transactional: true };
    /// Reads the table while everybody goes on.
    pub(crate) const CONCURRENT: Self =
        Self { order: 70, lock: Lock::ShareUpdateExclusive, effort: Effort::Scan, transactional: false };
    /// What the planner knows: read beside everybody, from a sample.
    pub(crate) const STATISTICS: Self =
        Self { order: 80, lock: Lock::ShareUpdateExclusive, effort: Effort::Scan, transactional: true };
    /// Reads the table while it is locked.
    pub(crate) const SCAN: Self =
        Self { order: 60, lock: Lock::AccessExclusive, effort: Effort::Scan, transactional: true };
}

/// What every rule's query begins with.
pub(crate) const PRELUDE: &str = include_str!("prelude.sql");

impl Rule {
    /// The whole query.
    pub fn query(&self) -> String {
        format!("{}\n{}", PRELUDE.trim_end(), self.sql.trim_end())
    }
}

/// The auditor's own rules. Those of the schema engine are in its registry ([`tenantry_schema::rules::registry`]).
pub fn registry() -> &'static [Rule] {
    rules::ALL
}

/// What is known of a rule, whichever registry has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    pub id: &'static str,
    pub about: &'static str,
    pub docs: Docs,
    /// Of the auditor's own rules; those of the schema engine say it with each finding.
    pub severity: Option<Severity>,
    /// The query, of a rule that has one.
    pub query: Option<String>,
}

/// Every rule that an audit can report, in alphabetical order.
pub fn known_rules() -> Vec<Known> {
    let own = registry().iter().map(|rule| Known {
        id: rule.id,
        about: rule.about,
        docs: rule.docs,
        severity: Some(rule.severity),
        query: Some(rule.query()),
    });
    let engine = tenantry_schema::rules::registry().iter().map(|rule| Known {
        id: rule.id(),
        about: rule.about(),
        docs: rule.docs(),
        severity: None,
        query: None,
    });
    let mut all: Vec<Known> = own.chain(engine).chain([crate::drift::known()]).collect();
    all.sort_by_key(|rule| rule.id);
    all
}

/// The documentation of one rule, or the rule that it might have meant.
pub fn explain(id: &str) -> Result<Known, Option<&'static str>> {
    let all = known_rules();
    if let Some(found) = all.iter().find(|rule| rule.id == id) {
        return Ok(found.clone());
    }
    let near = all.iter().map(|rule| (strsim::damerau_levenshtein(id, rule.id), rule.id)).min();
    Err(near.filter(|(distance, _)| *distance <= 1 + id.len() / 3).map(|(_, id)| id))
}
