//! The limits of plans and of single tenants, as an operator changes them. Gateways follow within milliseconds.

use crate::tenant::TenantInfo;
use crate::{Control, OpsError};
use tenantry_catalog::{LimitsOverride, NewPlan, Plan};
use tenantry_core::{ErrorKind, Limits, TenancyModel, TenantKey};

/// Whether a tenant keeps the limits of its own that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Kept,
    /// They are given up: what is not set now follows the plan.
    GivenUp,
}

/// All plans, by name.
pub async fn plans(control: &Control) -> Result<Vec<Plan>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let plans = tx.plans().await?;
    tx.rollback().await?;
    Ok(plans)
}

/// One plan.
pub async fn plan(control: &Control, name: &str) -> Result<Plan, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let plan = tx.plan(name).await?;
    tx.rollback().await?;
    Ok(plan)
}

/// Makes a plan. One that exists is left as it is, and must be the same.
pub async fn create_plan(
    control: &Control,
    name: &str,
    model: TenancyModel,
    limits: &LimitsOverride,
) -> Result<Plan, OpsError> {
    check(limits)?;
    let new = NewPlan { name: name.to_owned(), model, limits: limits.over(Limits::default()) };
    let tx = control.catalog.transaction().await?;
    match tx.plans().await?.into_iter().find(|plan| plan.name == name) {
        Some(plan) if plan.model == model && plan.limits == new.limits => return Ok(plan),
        Some(_) => {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!("the plan {name:?} exists with another model or other limits"),
                "change it with `tenantry plan set`",
            ));
        }
        None => {}
    }
    write_plan(control, tx, &new).await
}

/// Changes a plan; its tenants feel it at once, where they have no limits of their own.
pub async fn set_plan(
    control: &Control,
    name: &str,
    model: Option<TenancyModel>,
    limits: &LimitsOverride,
) -> Result<Plan, OpsError> {
    check(limits)?;
    let tx = control.catalog.transaction().await?;
    let found = tx.plan(name).await?;
    let new = NewPlan {
        name: name.to_owned(),
        model: model.unwrap_or(found.model),
        limits: limits.over(found.limits),
    };
    if (new.model, new.limits) == (found.model, found.limits) {
        return Ok(found);
    }
    write_plan(control, tx, &new).await
}

async fn write_plan(control: &Control, tx: tenantry_catalog::Tx, new: &NewPlan) -> Result<Plan, OpsError> {
    let plan = tx.upsert_plan(new).await?;
    let details = serde_json::json!({ "model": plan.model.as_str(), "limits": plan.limits });
    tx.audit(&control.audit("plan.set", format!("plan/{}", plan.name), None, details)).await?;
    tx.commit().await?;
    Ok(plan)
}

/// Changes the limits of one tenant, over those of its plan. Returns which are its own.
pub async fn set_tenant(
    control: &Control,
    key: &TenantKey,
    before: Before,
    change: &LimitsOverride,
) -> Result<(TenantInfo, LimitsOverride), OpsError> {
    check(change)?;
    let tx = control.catalog.transaction().await?;
    let found = tx.tenant(key).await?;
    let own = match before {
        Before::Kept => found.overrides.with(change),
        Before::GivenUp => *change,
    };
    if own != found.overrides {
        tx.set_tenant_limits(found.id, &own).await?;
        let details = serde_json::json!({ "limits": own });
        tx.audit(&control.audit("tenant.limits", format!("tenant/{key}"), Some(found.id), details)).await?;
    }
    tx.commit().await?;
    Ok((crate::tenant::show(control, key).await?, own))
}

fn check(limits: &LimitsOverride) -> Result<(), OpsError> {
    let zero = |name, value| {
        let hint = "suspend a tenant that may do nothing at all: tenantry tenant suspend";
        match value {
            Some(0) => Err(OpsError::refused(ErrorKind::InvalidInput, format!("{name} can't be 0"), hint)),
            _ => Ok(()),
        }
    };
    zero("connections", limits.connections)?;
    zero("weight", limits.weight)
}
