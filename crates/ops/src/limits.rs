//! The limits of plans and of single tenants, as an operator changes them. Gateways follow within milliseconds,
//! and so do tenants' own databases: the pool's size and the login roles' (`role_limit.rs`).

use crate::role_limit::{self, Change, Of};
use crate::tenant::TenantInfo;
use crate::{Control, OpsError};
use tenantry_catalog::{LimitsOverride, NewPlan, Plan, Tx};
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
    let plan = write_plan(control, &tx, &new).await?;
    tx.commit().await?;
    Ok(plan)
}

/// Changes a plan; its tenants feel it at once, where they have no limits of their own.
pub async fn set_plan(
    control: &Control,
    name: &str,
    model: Option<TenancyModel>,
    limits: &LimitsOverride,
) -> Result<Plan, OpsError> {
    check(limits)?;
    let found = plan(control, name).await?;
    let new = NewPlan {
        name: name.to_owned(),
        model: model.unwrap_or(found.model),
        limits: limits.over(found.limits),
    };
    let change = PlansChange(vec![new]);
    if limits.connections.is_some() {
        Box::pin(role_limit::follow(control, &change)).await?;
    } else {
        write(control, &change).await?;
    }
    plan(control, name).await
}

/// Makes a change that no server has to know of.
pub(crate) async fn write(control: &Control, change: &impl Change) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    change.write(control, &tx).await?;
    Ok(tx.commit().await?)
}

/// Plans as they are to be.
pub(crate) struct PlansChange(pub(crate) Vec<NewPlan>);

impl Change for PlansChange {
    fn of(&self) -> Of<'_> {
        Of::Plans(&self.0)
    }

    async fn write(&self, control: &Control, tx: &Tx) -> Result<(), OpsError> {
        let found = tx.plans().await?;
        let same = |new: &NewPlan| {
            found
                .iter()
                .any(|known| known.name == new.name && known.model == new.model && known.limits == new.limits)
        };
        for new in self.0.iter().filter(|new| !same(new)) {
            write_plan(control, tx, new).await?;
        }
        Ok(())
    }
}

async fn write_plan(control: &Control, tx: &Tx, new: &NewPlan) -> Result<Plan, OpsError> {
    let plan = tx.upsert_plan(new).await?;
    let details = serde_json::json!({ "model": plan.model.as_str(), "limits": plan.limits });
    tx.audit(&control.audit("plan.set", format!("plan/{}", plan.name), None, details)).await?;
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
    let asked = TenantChange { key, before, change };
    if before == Before::GivenUp || change.connections.is_some() {
        Box::pin(role_limit::follow(control, &asked)).await?;
    } else {
        write(control, &asked).await?;
    }
    let tx = control.catalog.snapshot().await?;
    let own = tx.tenant(key).await?.overrides;
    tx.rollback().await?;
    Ok((crate::tenant::show(control, key).await?, own))
}

/// What a tenant's limits are to be.
struct TenantChange<'a> {
    key: &'a TenantKey,
    before: Before,
    change: &'a LimitsOverride,
}

impl Change for TenantChange<'_> {
    fn of(&self) -> Of<'_> {
        Of::Tenant(self.key)
    }

    async fn write(&self, control: &Control, tx: &Tx) -> Result<(), OpsError> {
        let found = tx.tenant(self.key).await?;
        let own = match self.before {
            Before::Kept => found.overrides.with(self.change),
            Before::GivenUp => *self.change,
        };
        if own == found.overrides {
            return Ok(());
        }
        tx.set_tenant_limits(found.id, &own).await?;
        let details = serde_json::json!({ "limits": own });
        let subject = format!("tenant/{}", self.key);
        tx.audit(&control.audit("tenant.limits", subject, Some(found.id), details)).await?;
        Ok(())
    }
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
