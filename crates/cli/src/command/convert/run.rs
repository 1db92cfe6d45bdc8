//! `tenantry convert run` and `abort`.

use super::RequestArgs;
use crate::command::Session;
use crate::print::Document;
use crate::wiring;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_ops::convert::{self, Phase, Until};

#[derive(Debug, Args)]
#[command(after_help = "\
Until --enforce nothing is refused to anybody: the application goes on as before, and `tenantry convert status` tells what it \
does that would be refused. Point it at the gateway when there is nothing left, then run again with --enforce.")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Go all the way: from then on only the gateway's application sees rows, each tenant its own
    #[arg(long, help_heading = "Options")]
    enforce: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AbortArgs {
    #[command(flatten)]
    request: RequestArgs,
}

pub(super) async fn run(session: &Session, args: RunArgs) -> anyhow::Result<()> {
    let config = session.config()?;
    let until = if args.enforce { Until::Enforce } else { Until::Observe };
    let request = args.request.request(&config, until)?;
    let control = wiring::control_with_plans(&config).await?;
    let reporter = session.reporter()?;
    let done = convert::run(&control, &request, &reporter).await?;
    drop(reporter);
    for note in &done.notes {
        session.printer().warn(note);
    }
    session.printer().emit(&Outcome {
        database: format!("{}/{}", request.cluster, request.database.as_str()),
        phase: done.phase.as_str(),
        tenants: done.tenants,
        enforced: done.phase == Phase::Enforced,
    })
}

pub(super) async fn abort(session: &Session, args: AbortArgs) -> anyhow::Result<()> {
    let config = session.config()?;
    let request = args.request.request(&config, Until::Observe)?;
    let control = wiring::control(&config).await?;
    let reporter = session.reporter()?;
    convert::abort(&control, &request, &reporter).await?;
    reporter.done(&format!("{} is as it was", request.database.as_str()));
    drop(reporter);
    session
        .printer()
        .emit(&Aborted { database: format!("{}/{}", request.cluster, request.database.as_str()) })
}

#[derive(Debug, Serialize)]
struct Outcome {
    database: String,
    phase: &'static str,
    tenants: u64,
    enforced: bool,
}

impl Document for Outcome {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.enforced {
            return writeln!(
                out,
                "{} is a pool with {} tenants, and row-level security is in force",
                self.database, self.tenants
            );
        }
        writeln!(
            out,
            "{} has {} tenants; what would be refused is written down, not refused",
            self.database, self.tenants
        )?;
        writeln!(out, "  tenantry convert status --cluster … --database …   what would be refused")?;
        writeln!(out, "  the same command with --enforce                    when that is nothing")
    }
}

#[derive(Debug, Serialize)]
struct Aborted {
    database: String,
}

impl Document for Aborted {
    fn write_text(&self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
