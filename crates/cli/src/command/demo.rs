//! `tenantry demo`: everything on this machine, with sample tenants.

use super::Session;
use crate::demo;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Take a guided tour instead of staying: each step shows the SQL and what came back. Fails if anything did not hold
    #[arg(long)]
    pub(crate) once: bool,
    /// Keep the data in this folder, and find it again on the next run; otherwise nothing is left behind
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// The gateway's port [default: 6432, or the next one that is free]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// The major version of PostgreSQL [default: the newest there is, from 15]
    #[arg(long, value_name = "MAJOR")]
    pub(crate) postgres: Option<u32>,
    /// The folder that holds PostgreSQL's `postgres` and `initdb` [default: PG_BIN, or found]
    #[arg(long, value_name = "DIR")]
    pub(crate) pg_bin: Option<PathBuf>,
}

pub(crate) async fn run(session: &Session, args: DemoArgs) -> anyhow::Result<()> {
    Box::pin(demo::run(session.printer(), args)).await
}
