//! `tenantry schema apply`.

use super::source::SourceArgs;
use crate::command::Session;
use crate::print::Document;
use crate::wiring;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_ops::cluster;
use tenantry_ops::schema::{self, Applied};

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    source: SourceArgs,
}

pub(super) async fn run(session: &Session, args: ApplyArgs) -> anyhow::Result<()> {
    let config = session.config()?;
    let control = wiring::control_with_plans(&config).await?;
    let source = args.source.source(&config)?;
    let plain = args.source.load(session, &config).await?;
    let version = schema::publish(&control, &source, &plain).await?;
    let mut outcome = Outcome { version, pools: Vec::new() };
    let reporter = session.reporter()?;
    for found in cluster::list(&control).await? {
        for pool in config.cluster(&found.name)?.pools {
            let applied = schema::apply(&control, &found.name, &pool, &reporter).await?;
            let changed = applied == Applied::Now;
            outcome.pools.push(PoolOutcome { cluster: found.name.clone(), pool, changed });
        }
    }
    drop(reporter);
    session.printer().emit(&outcome)
}

#[derive(Debug, Serialize)]
struct Outcome {
    version: i32,
    pools: Vec<PoolOutcome>,
}

#[derive(Debug, Serialize)]
struct PoolOutcome {
    cluster: String,
    pool: String,
    changed: bool,
}

impl Document for Outcome {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "the schema is version {}", self.version)?;
        for pool in &self.pools {
            let what = if pool.changed { "applied" } else { "there already" };
            writeln!(out, "  {}/{}: {what}", pool.cluster, pool.pool)?;
        }
        Ok(())
    }
}
