//! The auditor: what a database does not keep apart, with the evidence that proves it and the statement that mends it.
//!
//! Two kinds of rules: those of the schema engine, run over the model of a live database, and those about what no schema
//! shows (roles, privileges, policies, settings, statistics, versions), each a query whose rows are the evidence. It reads
//! in one read-only transaction; only [`fix::apply`] and [`attack`] write, and only when they are called.

mod access;
pub mod attack;
mod drift;
mod engine;
mod error;
mod finding;
pub mod fix;
pub mod format;
mod look;
mod rule;
mod rules;
mod run;

pub use access::{Access, connect};
pub use drift::{Copy, drift};
pub use error::AuditError;
pub use finding::{Evidence, Finding, Ignored, Place, Report, Skipped, Summary, Totals};
pub use fix::Fix;
pub use look::{Ask, Found, Home, Space, look};
pub use rule::{Known, Rule, explain, known_rules, registry};
pub use run::{Options, audit};
pub use tenantry_schema::{Docs, Severity};
