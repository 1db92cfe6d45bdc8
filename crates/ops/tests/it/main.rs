//! The operations against real servers, on every version and with both kinds of context.
#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

mod admin;
mod attack;
mod context;
mod convert;
mod install;
mod lifecycle;
mod limits;
mod materialized;
mod placements;
mod provision;
mod readers;
mod replicas;
mod support;
mod surface;
mod world;
