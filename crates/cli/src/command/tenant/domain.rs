//! `tenantry tenant domain`: the host names that mean a tenant.

use super::TenantDocument;
use crate::command::Session;
use clap::{Args, Subcommand};
use tenantry_catalog::AuditEntry;
use tenantry_core::{Domain, TenantKey};
use tenantry_ops::tenant;

#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// Let a domain mean a tenant
    Add(DomainArgs),
    /// Let a domain mean no tenant any more
    Remove(DomainArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DomainArgs {
    /// The tenant's key
    key: TenantKey,
    /// The domain, such as us.example.com
    domain: Domain,
}

pub(crate) async fn run(session: &Session, command: DomainCommand) -> anyhow::Result<()> {
    let (_, control) = session.control().await?;
    let (action, args) = match &command {
        DomainCommand::Add(args) => ("domain.add", args),
        DomainCommand::Remove(args) => ("domain.remove", args),
    };
    let tx = control.catalog.transaction().await?;
    let found = tx.tenant(&args.key).await?;
    let changed = match &command {
        DomainCommand::Add(_) if found.domains.contains(&args.domain) => false,
        DomainCommand::Add(_) => tx.add_domain(found.id, &args.domain).await.map(|()| true)?,
        DomainCommand::Remove(_) => tx.remove_domain(found.id, &args.domain).await?,
    };
    if changed {
        tx.audit(&AuditEntry {
            actor: control.actor.clone(),
            action: action.into(),
            subject: format!("tenant/{}", args.key),
            tenant: Some(found.id),
            details: serde_json::json!({ "domain": args.domain }),
        })
        .await?;
    }
    tx.commit().await?;
    session.printer().emit(&TenantDocument::from(tenant::show(&control, &args.key).await?))
}
