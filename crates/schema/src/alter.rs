//! From one model to another: the statements that change a database that has rows, in an order that is safe while it is in use,
//! each with the lock it takes. `audit --fix`, `convert` and, later, migrations of the engine's own objects run them.
//!
//! It plans; it runs nothing. What it can't change is an error that names the object, never silently left out. It may be asked
//! again at any point of its own plan: what an interrupted run left behind (an index under a temporary name, a check that is
//! not validated) is recognised, used or removed.

mod access;
mod check;
mod column;
mod create;
mod foreign;
mod guard;
mod index;
mod key;
mod leftover;
mod object;
mod plan;
mod rest;
mod same;

pub use access::access;
pub use leftover::{is_leftover, without_leftovers};

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
    /// The shortest way, for one transaction: for databases that nobody uses at the moment.
    Plain,
    /// No lock that keeps readers or writers out is held while rows are read: indexes are built concurrently, constraints are
    /// added `NOT VALID` and validated, a column becomes `NOT NULL` through a check. Exclusion constraints and keys `WITHOUT
    /// OVERLAPS` can't be had like this; their steps say so (`AccessExclusive` and `Scan`).
    Online,
}

/// The plan from `from` (as read from a database) to `to` (as the rules left it).
pub fn alter(from: &Model, to: &Model, target: &Target, style: Style) -> Result<Vec<Step>, SchemaError> {
    alter_by(from, to, target, &|_| style)
}

/// The same, with a style for each table: what is small may be changed the short way. Partitions have their root's.
pub fn alter_by(
    from: &Model,
    to: &Model,
    target: &Target,
    style: &dyn Fn(&str) -> Style,
) -> Result<Vec<Step>, SchemaError> {
    let mut plan = plan::Plan::new(from, to, target, style);
    guard::refuse(&plan)?;
    leftover::invalid_indexes(&mut plan);
    create::objects(&mut plan)?;
    column::add(&mut plan);
    column::attributes(&mut plan);
    foreign::drop_removed(&mut plan);
    check::checks(&mut plan);
    key::build(&mut plan);
    index::build(&mut plan);
    foreign::swap(&mut plan);
    key::swap(&mut plan);
    foreign::validate(&mut plan);
    leftover::drop(&mut plan);
    create::finish(&mut plan);
    rest::triggers(&mut plan);
    rest::statistics(&mut plan);
    rest::policies(&mut plan);
    object::views(&mut plan);
    rest::comments(&mut plan);
    Ok(plan.steps)
}
