//! Plans (tiers): limits and the model that tenants of a plan get unless told otherwise.

use crate::error::CatalogError;
use crate::tx::Tx;
use tenantry_core::{Limits, PlanId, TenancyModel};

/// What the configuration says of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlan {
    pub name: String,
    pub model: TenancyModel,
    pub limits: Limits,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub id: PlanId,
    pub name: String,
    pub model: TenancyModel,
    pub limits: Limits,
}

impl Tx {
    /// Makes a plan, or gives the one of that name these limits. Gateways hear of it only when something changed.
    pub async fn upsert_plan(&self, new: &NewPlan) -> Result<Plan, CatalogError> {
        let _ = new;
        todo!()
    }

    /// The plan of that name, or `Unknown` with a suggestion.
    pub async fn plan(&self, name: &str) -> Result<Plan, CatalogError> {
        let _ = name;
        todo!()
    }

    /// All plans, by name.
    pub async fn plans(&self) -> Result<Vec<Plan>, CatalogError> {
        todo!()
    }

    /// Removes a plan; `InUse` while a tenant is on it.
    pub async fn delete_plan(&self, id: PlanId) -> Result<(), CatalogError> {
        let _ = id;
        todo!()
    }
}
