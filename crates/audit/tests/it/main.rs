//! The auditor on real servers.

mod attack;
mod by_hand;
mod format;
mod lab;
mod placements;
mod rules;
mod server;
