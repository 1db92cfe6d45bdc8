//! `tenantry tenant`: the life of a tenant, from the command line.

mod create;
mod domain;
mod limits;
mod remove;
mod view;

use super::Session;
use clap::{Args, Subcommand};
use std::time::Duration;
use tenantry_core::TenantKey;
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant;

pub(crate) use view::TenantDocument;

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Create a tenant and its place; run again, it finds or finishes what is there
    Create(create::CreateArgs),
    /// List the tenants
    #[command(visible_alias = "ls")]
    List,
    /// Show one tenant
    Show(KeyArgs),
    /// Stop serving a tenant, on open connections too
    Suspend(SuspendArgs),
    /// Serve a suspended tenant again
    Resume(KeyArgs),
    /// Show what a tenant may use, and change it
    Limits(limits::TenantLimitArgs),
    /// Remove a tenant, its data and its place
    Drop(remove::DropArgs),
    /// The domains that mean a tenant
    #[command(subcommand)]
    Domain(domain::DomainCommand),
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The tenant's key
    key: TenantKey,
}

#[derive(Debug, Args)]
pub(crate) struct SuspendArgs {
    /// The tenant's key
    key: TenantKey,
    #[command(flatten)]
    fence: FenceArgs,
}

/// How polite to be to those who are inside the tenant.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FenceArgs {
    /// Let open transactions finish for so many seconds before they are cut
    #[arg(long, value_name = "SECONDS", default_value_t = FenceOptions::default().grace.as_secs())]
    grace: u64,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = FenceOptions::default().deadline.as_secs())]
    deadline: u64,
}

impl FenceArgs {
    fn options(self) -> FenceOptions {
        FenceOptions { grace: Duration::from_secs(self.grace), deadline: Duration::from_secs(self.deadline) }
    }
}

pub(crate) async fn run(session: &Session, command: TenantCommand) -> anyhow::Result<()> {
    match command {
        TenantCommand::Create(args) => create::run(session, args).await,
        TenantCommand::List => {
            let (_, control) = session.control().await?;
            session.printer().emit(&view::TenantList::from(tenant::list(&control).await?))
        }
        TenantCommand::Show(args) => {
            let (_, control) = session.control().await?;
            session.printer().emit(&TenantDocument::from(tenant::show(&control, &args.key).await?))
        }
        TenantCommand::Suspend(args) => {
            let (_, control) = session.control().await?;
            let reporter = session.reporter()?;
            let found = tenant::suspend(&control, &args.key, &args.fence.options(), &reporter).await?;
            drop(reporter);
            session.printer().emit(&TenantDocument::from(found))
        }
        TenantCommand::Resume(args) => {
            let (_, control) = session.control().await?;
            let reporter = session.reporter()?;
            let found = tenant::resume(&control, &args.key, &reporter).await?;
            drop(reporter);
            session.printer().emit(&TenantDocument::from(found))
        }
        TenantCommand::Limits(args) => limits::run(session, args).await,
        TenantCommand::Drop(args) => remove::run(session, args).await,
        TenantCommand::Domain(command) => domain::run(session, command).await,
    }
}
