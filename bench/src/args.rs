//! The options.

use crate::variant::{Mode, Other};
use crate::workload::Workload;
use clap::Parser;
use std::path::PathBuf;

/// Compares direct PostgreSQL, PgBouncer and the gateway in one run; other poolers on request.
#[derive(Debug, Parser)]
#[command(name = "gateway", version)]
pub(crate) struct Args {
    /// Measured seconds of each run.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Rounds; each runs every variant once.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Only so many clients, one after the other [default: 16 for everything; 1, 64 and 256 for `select` too].
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) clients: Vec<u32>,
    /// Server connections of a pool; without a pooler each client has its own.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) connections: u32,
    /// PostgreSQL's major version; the newest that is installed if not given.
    #[arg(long, value_name = "VERSION")]
    pub(crate) pg: Option<u32>,
    /// Event loops of the gateway. PgBouncer has one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: u16,
    /// Also writes the results to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Only these variants (names as in the tables; `direct` and `pgbouncer` are what ratios refer to).
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) variants: Vec<String>,
    /// Another pooler that is installed, too, where it has a server connection for each client.
    #[arg(long, value_delimiter = ',', value_enum, value_name = "POOLER")]
    pub(crate) with: Vec<Other>,
    /// Only these workloads.
    #[arg(long, value_delimiter = ',', value_enum)]
    pub(crate) workloads: Vec<Workload>,
    /// Only these query modes [default: all for `select` and `tpcb` with 16 clients, else simple].
    #[arg(long, value_delimiter = ',', value_enum)]
    pub(crate) modes: Vec<Mode>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds @ 0.2..=600.0) => Ok(seconds),
        _ => Err("from 0.2 to 600 seconds".into()),
    }
}
