//! Plans (tiers): limits and the model that tenants of a plan get unless told otherwise.

use crate::error::CatalogError;
use crate::queries;
use crate::row::{bad, get, parse};
use crate::suggest::nearest;
use crate::tx::{Tx, in_use};
use serde_json::Value;
use tenantry_core::{Limits, PlanId, TenancyModel};
use tokio_postgres::Row;

const WHAT: &str = "plan";

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
        let limits = serde_json::to_value(new.limits).map_err(|error| bad(WHAT, error))?;
        self.execute(queries::PLAN_UPSERT, &[&new.name, &new.model.as_str(), &limits]).await?;
        self.plan(&new.name).await
    }

    /// The plan of that name, or `Unknown` with a suggestion.
    pub async fn plan(&self, name: &str) -> Result<Plan, CatalogError> {
        if let Some(row) = self.query_opt(queries::PLAN_BY_NAME, &[&name]).await? {
            return read(&row);
        }
        let plans = self.plans().await?;
        let suggestion = nearest(name, plans.iter().map(|plan| plan.name.as_str()));
        Err(CatalogError::Unknown { what: WHAT, name: name.to_owned(), suggestion })
    }

    /// All plans, by name.
    pub async fn plans(&self) -> Result<Vec<Plan>, CatalogError> {
        self.query(queries::PLAN_LIST, &[]).await?.iter().map(read).collect()
    }

    /// Removes a plan; `InUse` while a tenant is on it.
    pub async fn delete_plan(&self, id: PlanId) -> Result<(), CatalogError> {
        let deleted = self.execute(queries::PLAN_DELETE, &[&id.get()]).await;
        deleted.map_err(|error| in_use(error, WHAT, &id.to_string()))?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<Plan, CatalogError> {
    Ok(Plan {
        id: PlanId::new(get(row, WHAT, "id")?),
        name: get(row, WHAT, "name")?,
        model: parse(row, WHAT, "model")?,
        limits: serde_json::from_value(get::<Value>(row, WHAT, "limits")?)
            .map_err(|error| bad(WHAT, error))?,
    })
}
