//! Plans: what the configuration says of tiers, written to the catalog.

use crate::limits::{self, PlansChange};
use crate::role_limit::{self, Of};
use crate::{Control, OpsError};
use tenantry_catalog::NewPlan;
use tenantry_core::{Limits, TenancyModel};

/// A plan of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub name: String,
    /// Where tenants of this plan go when nothing else is said.
    pub model: TenancyModel,
    pub limits: Limits,
}

/// Writes the plans: new ones are made, changed ones updated, others left alone.
pub async fn upsert(control: &Control, plans: &[Plan]) -> Result<(), OpsError> {
    let tx = control.catalog.snapshot().await?;
    let found = tx.plans().await?;
    tx.rollback().await?;
    let same = |new: &NewPlan| {
        found
            .iter()
            .any(|known| known.name == new.name && known.model == new.model && known.limits == new.limits)
    };
    let changed: Vec<NewPlan> = plans.iter().map(new).filter(|new| !same(new)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let connections = |new: &NewPlan| {
        found.iter().any(|known| known.name == new.name && known.limits.connections != new.limits.connections)
    };
    if changed.iter().any(connections) {
        Box::pin(role_limit::follow(control, &PlansChange(changed))).await
    } else {
        limits::write(control, &PlansChange(changed)).await
    }
}

/// The same, and does what was left undone when it was stopped before.
pub async fn apply(control: &Control, plans: &[Plan]) -> Result<(), OpsError> {
    upsert(control, plans).await?;
    let plans: Vec<NewPlan> = plans.iter().map(new).collect();
    Box::pin(role_limit::settle(control, Of::Plans(&plans))).await
}

fn new(plan: &Plan) -> NewPlan {
    NewPlan { name: plan.name.clone(), model: plan.model, limits: plan.limits }
}
