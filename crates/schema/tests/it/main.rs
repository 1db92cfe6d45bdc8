//! The engine against real servers: what it reads, what it writes, and whether PostgreSQL agrees.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test, in what tests share too")]
#![allow(clippy::format_push_string, reason = "short texts, built to be read")]

mod alter;
mod construct;
mod declaration;
mod dump;
mod guess;
mod harness;
mod introspection;
mod isolation;
mod partition;
mod property;
mod refusal;
mod sample;
mod scope;
mod table23;
