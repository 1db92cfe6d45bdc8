//! `tenantry tenant limits`: what one tenant may use.

use crate::command::Session;
use crate::command::plan::{LimitArgs, rows};
use crate::print::Document;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_catalog::LimitsOverride;
use tenantry_core::{Limits, TenantKey};
use tenantry_ops::limits::{self, Before};

#[derive(Debug, Args)]
pub(crate) struct TenantLimitArgs {
    /// The tenant's key
    key: TenantKey,
    /// Give up the tenant's own limits first: what is not set now follows its plan
    #[arg(long)]
    reset: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Shows the limits in force, after changing those that are named.
pub(super) async fn run(session: &Session, args: TenantLimitArgs) -> anyhow::Result<()> {
    let (_, control) = session.control().await?;
    let before = if args.reset { Before::GivenUp } else { Before::Kept };
    let (tenant, own) = limits::set_tenant(&control, &args.key, before, &args.limits.to_override()).await?;
    session.printer().emit(&LimitsDocument { key: tenant.key, plan: tenant.plan, limits: tenant.limits, own })
}

/// The limits of a tenant.
#[derive(Debug, Serialize)]
struct LimitsDocument {
    key: TenantKey,
    plan: Option<String>,
    /// Those in force.
    limits: Limits,
    /// Those that differ from the plan's.
    own: LimitsOverride,
}

impl Document for LimitsDocument {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:<24} {}\n{:<24} {}", "key", self.key, "plan", self.plan.as_deref().unwrap_or("-"))?;
        rows(&self.limits).iter().try_for_each(|(name, value)| writeln!(out, "{name:<24} {value}"))?;
        let own = serde_json::to_value(self.own)?;
        let own: Vec<&str> =
            own.as_object().into_iter().flat_map(|own| own.keys().map(String::as_str)).collect();
        let own = if own.is_empty() { "none: all are the plan's".to_owned() } else { own.join(", ") };
        writeln!(out, "{:<24} {own}", "its own")
    }
}
