//! The rewriter against real servers and the schema engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test, in what tests share too")]
#![allow(clippy::format_push_string, reason = "short texts, built to be read")]

mod behaviour;
mod proof;
mod real;
mod statement;
