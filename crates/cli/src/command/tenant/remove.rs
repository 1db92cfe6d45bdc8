//! `tenantry tenant drop`.

use super::FenceArgs;
use crate::command::Session;
use crate::print::{Document, confirm};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::{TenancyModel, TenantKey};
use tenantry_ops::tenant::{self, DataLoss, TenantInfo};

#[derive(Debug, Args)]
pub(crate) struct DropArgs {
    /// The tenant's key
    key: TenantKey,
    /// Do not ask, and destroy its data
    #[arg(long)]
    yes: bool,
    /// Say what would be destroyed, and destroy nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    fence: FenceArgs,
}

pub(crate) async fn run(session: &Session, args: DropArgs) -> anyhow::Result<()> {
    let printer = session.printer();
    let (_, control) = session.control().await?;
    let found = tenant::show(&control, &args.key).await?;
    let outcome = Dropped { key: args.key.clone(), destroys: destroys(&found), done: !args.dry_run };
    if args.dry_run {
        return printer.emit(&outcome);
    }
    if !args.yes {
        confirm(printer, &format!("this destroys {}", outcome.destroys), args.key.as_str())?;
    }
    let reporter = session.reporter()?;
    tenant::drop(&control, &args.key, DataLoss::Accept, &args.fence.options(), &reporter).await?;
    drop(reporter);
    printer.emit(&outcome)
}

fn destroys(info: &TenantInfo) -> String {
    match &info.placement {
        None => format!("tenant {}, which has no place yet", info.key),
        Some(place) => {
            let what = match place.model {
                TenancyModel::Shared => format!("its rows in every table of {}", place.database),
                TenancyModel::Schema => format!("the schema {} of {}", place.schema, place.database),
                TenancyModel::Database => format!("the database {}", place.database),
            };
            format!("tenant {} and {what} on {}", info.key, place.cluster)
        }
    }
}

/// What was, or would be, destroyed.
#[derive(Debug, Serialize)]
struct Dropped {
    key: TenantKey,
    destroys: String,
    done: bool,
}

impl Document for Dropped {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.done {
            writeln!(out, "tenant {} is gone", self.key)
        } else {
            writeln!(out, "tenant drop would destroy {}", self.destroys)
        }
    }
}
