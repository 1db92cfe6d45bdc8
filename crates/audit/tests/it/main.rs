//! The auditor on real servers.

mod attack;
mod lab;
mod placements;
mod rules;
mod server;
