//! The auditor on real servers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test, in what tests share too")]

mod attack;
mod by_hand;
mod converted;
mod format;
mod lab;
mod placements;
mod rules;
mod server;
