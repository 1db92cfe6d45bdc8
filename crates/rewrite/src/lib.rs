//! The rewriter: a plain statement in, what it must be for shared tables out, or a refusal that says why and where.
//!
//! PostgreSQL's own grammar reads and writes the statements, never a regular expression. Nothing of the isolation guarantee rests
//! on it: a statement that is not rewritten fails or does less than in a plain database, and reaches no other tenant.

#![allow(clippy::result_large_err, reason = "a refusal is rare, and carries all that a person needs")]

mod aggregate;
mod copy;
mod edit;
mod find;
mod gateway;
mod guard;
mod known;
mod lex;
mod name;
mod parse;
mod prefilter;
mod refusal;
mod rewriter;
mod script;

pub use copy::{STAGE, Sent, Staged};
pub use find::Star;
pub use gateway::rewriters;
pub use refusal::{Place, Refusal};
pub use rewriter::{Rewriter, Rewritten};
pub use script::{Class, Runs, Script, Statement};
pub use tenantry_core::rewrite::QuotedStrings;

#[cfg(test)]
mod tests;
