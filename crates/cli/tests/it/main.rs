//! The real binary, from the outside: what it says, what it refuses, and the demo from start to end.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod audit;
mod binary;
mod completions;
mod convert;
mod demo;
mod deployment;
mod docs;
mod erd;
mod errors;
mod help;
mod life;
mod rewrite;
mod rules;
