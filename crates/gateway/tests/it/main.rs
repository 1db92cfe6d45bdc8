//! The gateway against real servers, in every tenancy model.

#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and may tell a long story"
)]

mod ageing;
mod cancel;
mod console;
mod copying;
mod differential;
mod door;
mod drivers;
mod fairness;
mod faults;
mod hostile;
mod isolation;
mod isolation_table;
mod limits;
mod login;
mod metrics;
mod network;
mod passing;
mod pooled;
mod protocol;
mod raw;
mod readers;
mod replicas;
mod restart;
mod sequences;
mod sessions;
mod smoke;
mod switching;
mod tls;
mod whole;
mod workers;
mod world;
