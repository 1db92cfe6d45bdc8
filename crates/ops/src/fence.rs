//! The fence: whoever holds a tenant's exclusive lock knows that no connection anywhere is inside the tenant.
//!
//! Every session inside a tenant holds the tenant's lock shared, from `tenancy.enter` to the handover. Raising the
//! gate's epoch under the exclusive lock therefore shuts out every gateway that knows only the old epoch, at once.

pub(crate) mod replicas;

use crate::OpsError;
use crate::sql::Doing;
use std::time::{Duration, Instant};
use tenantry_core::{Epoch, ErrorKind, TenantId};
use tokio_postgres::{Client, Transaction};

/// How long to be polite to those inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FenceOptions {
    /// How long to wait for open transactions before their connections are terminated.
    pub grace: Duration,
    /// How long to wait in all.
    pub deadline: Duration,
}

impl Default for FenceOptions {
    fn default() -> Self {
        Self { grace: Duration::from_secs(2), deadline: Duration::from_secs(10) }
    }
}

/// What the fence did to those inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fenced {
    /// Connections that were terminated because they did not leave within the grace.
    pub terminated: u32,
}

const LOCK: &str = "SELECT pg_advisory_xact_lock(tenancy.fence_key($1))";
const TERMINATE: &str = include_str!("fence/terminate.sql");
const SET: &str = include_str!("fence/set.sql");

/// Sets the gate of a tenant that nobody is inside of any more.
pub(crate) async fn set(
    admin: &mut Client,
    tenant: TenantId,
    epoch: Epoch,
    state: &str,
    options: &FenceOptions,
) -> Result<Fenced, OpsError> {
    let (tx, fenced) = hold(admin, tenant, options).await?;
    let changed =
        tx.execute(SET, &[&tenant.get(), &epoch.get(), &state]).await.doing("setting the tenant's gate")?;
    if changed != 1 {
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("the gate of tenant {tenant} is missing, or ahead of epoch {epoch}"),
            "look at it with `tenantry cluster check`",
        ));
    }
    tx.commit().await.doing("setting the tenant's gate")?;
    Ok(fenced)
}

/// Begins a transaction that holds the tenant's lock until its end. Newcomers are turned away while it waits.
pub(crate) async fn hold<'a>(
    admin: &'a mut Client,
    tenant: TenantId,
    options: &FenceOptions,
) -> Result<(Transaction<'a>, Fenced), OpsError> {
    let begun = Instant::now();
    let mut fenced = Fenced::default();
    let mut wait = options.grace.min(options.deadline);
    while !try_lock(admin, tenant, wait).await? {
        if begun.elapsed() >= options.deadline {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!("connections stayed inside tenant {tenant} for {} s", options.deadline.as_secs_f32()),
                "run the same command again: gateways turn new transactions away meanwhile",
            ));
        }
        fenced.terminated += terminate(admin, tenant).await?;
        // A terminated process needs a moment to go; look again often.
        wait = Duration::from_millis(200);
    }
    // The lock is held by the session for an instant, and then, without a gap, by the transaction too.
    let tx = admin.transaction().await.doing("beginning the fence")?;
    tx.execute(LOCK, &[&tenant.get()]).await.doing("taking the tenant's fence")?;
    tx.execute("SELECT pg_advisory_unlock(tenancy.fence_key($1))", &[&tenant.get()])
        .await
        .doing("taking the tenant's fence")?;
    Ok((tx, fenced))
}

/// Waits for the session-level lock; `false` when the wait was too long.
async fn try_lock(admin: &Client, tenant: TenantId, wait: Duration) -> Result<bool, OpsError> {
    const WHAT: &str = "waiting for the tenant's fence";
    // 0 would mean for ever.
    let wait = wait.as_millis().max(1);
    admin.batch_execute(&format!("SET lock_timeout = {wait}")).await.doing(WHAT)?;
    let locked = admin.execute("SELECT pg_advisory_lock(tenancy.fence_key($1))", &[&tenant.get()]).await;
    admin.batch_execute("SET lock_timeout = '10s'").await.doing(WHAT)?;
    match locked {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE) => Ok(false),
        Err(error) => Err(error).doing(WHAT),
    }
}

async fn terminate(admin: &Client, tenant: TenantId) -> Result<u32, OpsError> {
    let row = admin
        .query_one(TERMINATE, &[&tenant.get()])
        .await
        .doing("terminating connections inside the tenant")?;
    let terminated = u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX);
    if terminated > 0 {
        tracing::warn!(tenant = tenant.get(), terminated, "connections did not leave the tenant in time");
    }
    Ok(terminated)
}
