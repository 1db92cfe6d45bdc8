//! Suspend and resume, through the fence.
//!
//! The catalog speaks first, so that gateways stop trying; the gate decides. The gate's epoch is never ahead of the
//! catalog's. Killed between the two, the same command finishes, and so does the opposite one.

use super::{TenantInfo, find, lock_name, subject};
use crate::fence::replicas::Replicas;
use crate::fence::{self, FenceOptions};
use crate::gate;
use crate::steps::Steps;
use crate::{Control, OpsError, Progress};
use tenantry_catalog::{Database, Tenant};
use tenantry_core::{ErrorKind, Placement, TenantKey, TenantState};

/// Stops serving a tenant, on open connections too: when this returns, none of them is inside the tenant.
pub async fn suspend(
    control: &Control,
    key: &TenantKey,
    options: &FenceOptions,
    progress: &dyn Progress,
) -> Result<TenantInfo, OpsError> {
    let _lock = control.lock(&lock_name(key)).await?;
    let (tenant, database) = find(control, key).await?;
    let (tenant, database, _) = placed(key, tenant, database)?;
    require(&tenant, &[TenantState::Active, TenantState::Suspended])?;
    let steps = Steps::new(progress);
    let on = key.to_string();
    let mut admin = control.connect(&database.cluster_name, database.name.as_str()).await?;

    // A resume that was killed may have opened the gate already; then its epoch is in the gate, and a new one is due.
    let step = steps.next("suspend-in-catalog", &on)?;
    let gate = gate::find(&admin, tenant.id).await?;
    let epoch = tenant.placement.as_ref().map(|placement| placement.epoch);
    let fresh = gate.as_ref().is_none_or(|gate| gate.state == "suspended" || Some(gate.epoch) < epoch);
    let done = tenant.state == TenantState::Suspended && fresh;
    step.run(done, change(control, &tenant, TenantState::Suspended, "tenant.suspend")).await?;
    let (tenant, _) = find(control, key).await?;

    let step = steps.next("close-gate", &on)?;
    let replicas = Replicas::of(control, &database).await?;
    close(step, &mut admin, &tenant, &replicas, options).await?;
    super::show(control, key).await
}

/// The gate's part of a suspension, which `drop` needs too. On replicas readers may be inside until these know of it.
pub(super) async fn close(
    step: crate::steps::Running<'_>,
    admin: &mut tokio_postgres::Client,
    tenant: &Tenant,
    replicas: &Replicas<'_>,
    options: &FenceOptions,
) -> Result<(), OpsError> {
    let Some(Placement { epoch, .. }) = tenant.placement else {
        return step.run(true, async { Ok(()) }).await;
    };
    let gate = gate::find(admin, tenant.id).await?;
    // Without a gate nobody can be inside.
    let closed = gate.is_none_or(|gate| gate.state == "suspended" && gate.epoch == epoch);
    step.run(closed && replicas.is_empty(), async {
        if !closed {
            fence::set(admin, tenant.id, epoch, "suspended", options).await?;
        }
        replicas.empty(admin, tenant.id, options).await
    })
    .await
}

/// Serves a suspended tenant again.
pub async fn resume(
    control: &Control,
    key: &TenantKey,
    progress: &dyn Progress,
) -> Result<TenantInfo, OpsError> {
    let _lock = control.lock(&lock_name(key)).await?;
    let (tenant, database) = find(control, key).await?;
    let (tenant, database, placement) = placed(key, tenant, database)?;
    require(&tenant, &[TenantState::Active, TenantState::Suspended])?;
    let steps = Steps::new(progress);
    let on = key.to_string();
    let mut admin = control.connect(&database.cluster_name, database.name.as_str()).await?;

    let gate = gate::find(&admin, tenant.id).await?;
    let open = gate.is_some_and(|gate| gate.state == "active" && gate.epoch == placement.epoch);
    let active = tenant.state == TenantState::Active;

    let step = steps.next("raise-epoch", &on)?;
    step.run(active || open, change(control, &tenant, TenantState::Suspended, "tenant.resume")).await?;
    let (tenant, _) = find(control, key).await?;

    let step = steps.next("open-gate", &on)?;
    let Some(placement) = &tenant.placement else { return Err(without_place(key)) };
    let open_gate = async {
        fence::set(&mut admin, tenant.id, placement.epoch, "active", &FenceOptions::default()).await.map(drop)
    };
    step.run(open, open_gate).await?;

    let step = steps.next("resume-in-catalog", &on)?;
    let activate = async {
        let tx = control.catalog.transaction().await?;
        tx.set_tenant_state(tenant.id, TenantState::Suspended, TenantState::Active).await?;
        let details = serde_json::json!({ "epoch": placement.epoch.get() });
        tx.audit(&control.audit("tenant.activate", subject(key), Some(tenant.id), details)).await?;
        Ok(tx.commit().await?)
    };
    step.run(active, activate).await?;
    // Whoever is told that the tenant is active may connect at once.
    control.wait_for_gateways(crate::control::HEARING).await?;
    super::show(control, key).await
}

/// State, epoch and audit row in one transaction.
pub(super) async fn change(
    control: &Control,
    tenant: &Tenant,
    to: TenantState,
    action: &str,
) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    tx.set_tenant_state(tenant.id, tenant.state, to).await?;
    let mut epoch = None;
    if let Some(placement) = &tenant.placement {
        epoch = Some(tx.raise_epoch(tenant.id, placement.epoch).await?.get());
    }
    let details = serde_json::json!({ "epoch": epoch });
    tx.audit(&control.audit(action, subject(&tenant.key), Some(tenant.id), details)).await?;
    Ok(tx.commit().await?)
}

fn placed(
    key: &TenantKey,
    tenant: Tenant,
    database: Option<Database>,
) -> Result<(Tenant, Database, Placement), OpsError> {
    match (tenant.placement.clone(), database) {
        (Some(placement), Some(database)) => Ok((tenant, database, placement)),
        _ => Err(without_place(key)),
    }
}

fn without_place(key: &TenantKey) -> OpsError {
    OpsError::refused(
        ErrorKind::Conflict,
        format!("tenant {key} has no place yet"),
        "finish making it: run `tenantry tenant create` with the same arguments again",
    )
}

fn require(tenant: &Tenant, states: &[TenantState]) -> Result<(), OpsError> {
    if states.contains(&tenant.state) {
        return Ok(());
    }
    let hint = match tenant.state {
        TenantState::Dropping => format!("it is being dropped: tenantry tenant drop {}", tenant.key),
        _ => "finish making it: run `tenantry tenant create` with the same arguments again".to_owned(),
    };
    Err(OpsError::refused(ErrorKind::Conflict, format!("tenant {} is {}", tenant.key, tenant.state), hint))
}
