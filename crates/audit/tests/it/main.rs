//! The auditor on real servers.

mod lab;
mod rules;
mod server;
