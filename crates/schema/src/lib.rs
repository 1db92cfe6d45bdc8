//! The schema engine: a developer's plain, single-tenant schema in, the DDL of each tenancy model out.
//!
//! Pure: it neither connects nor reads files. The caller runs the [`introspection()`] queries against a database that
//! holds the plain schema, hands the answers to [`read`], and gets a [`Model`]. [`check`] says what the rules think of
//! it under a [`Declaration`]; [`compile`] gives the statements of one placement.

pub mod alter;
mod check;
mod compile;
mod declaration;
mod error;
pub mod guess;
mod introspect;
pub mod model;
mod read;
mod render;
pub mod rules;
mod suppression;

pub use check::{Classified, Finding, Ignored, Origin, Remedy, Report, Severity, check, check_beside};
pub use compile::{Compiled, Target, compile};
pub use declaration::{
    Declaration, Keys, Kind, Partition, Suppression, TableDetails, TableEntry, Tenancy, TenantType,
    UniqueScope, Unnamed, WritableBy,
};
pub use error::SchemaError;
pub use introspect::{Query, introspection, introspection_settings};
pub use model::Model;
pub use read::read;
pub use render::constraint::{asks_for_the_same_index, is_twin, written as constraint_sql};
pub use render::render;
pub use rules::{
    Docs, Floor, MATERIALIZED_LOG, Reconciled, RuleInfo, materialized_companions, needs_pool, reconcile,
    reconcile_owned,
};
pub use suppression::Suppressions;
