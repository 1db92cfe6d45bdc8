//! Plans: what the configuration says of tiers, written to the catalog.

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
    let tx = control.catalog.transaction().await?;
    let found = tx.plans().await?;
    for plan in plans {
        let same = |known: &tenantry_catalog::Plan| {
            known.name == plan.name && known.model == plan.model && known.limits == plan.limits
        };
        if found.iter().any(same) {
            continue;
        }
        let new = NewPlan { name: plan.name.clone(), model: plan.model, limits: plan.limits };
        tx.upsert_plan(&new).await?;
        let details = serde_json::json!({ "model": plan.model.as_str(), "limits": plan.limits });
        tx.audit(&control.audit("plan.set", format!("plan/{}", plan.name), None, details)).await?;
    }
    Ok(tx.commit().await?)
}
