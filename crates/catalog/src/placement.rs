//! Where tenants live. An epoch only grows, whatever the code does: a trigger refuses anything else.

use crate::database::LimitsOf;
use crate::error::CatalogError;
use crate::queries;
use crate::row::{self, get};
use crate::tx::{Tx, constraint};
use tenantry_core::{Epoch, Placement, TenancyModel, TenantId};

const WHAT: &str = "placement";

impl Tx {
    /// Where the tenant lives, if a place was chosen.
    pub async fn placement(&self, tenant: TenantId) -> Result<Option<Placement>, CatalogError> {
        let row = self.query_opt(queries::PLACEMENT_GET, &[&tenant.get()]).await?;
        row.map_or(Ok(None), |row| row::placement(&row, WHAT))
    }

    /// Places a tenant. The same placement again changes nothing; another one needs a greater epoch (`StaleEpoch`).
    pub async fn set_placement(&self, tenant: TenantId, placement: &Placement) -> Result<(), CatalogError> {
        let found = self.placement(tenant).await?;
        if found.as_ref() == Some(placement) {
            return Ok(());
        }
        let (database, epoch) = (placement.database.get(), placement.epoch.get());
        let (model, schema) = (placement.model.as_str(), placement.schema.as_str());
        let set =
            self.execute(queries::PLACEMENT_SET, &[&tenant.get(), &model, &database, &schema, &epoch]).await;
        set.map_err(|error| refused(error, tenant, placement, found.as_ref()))?;
        match placement.model {
            TenancyModel::Database => self.follow_limits(LimitsOf::Tenant(tenant)).await,
            TenancyModel::Shared | TenancyModel::Schema => Ok(()),
        }
    }

    /// Raises the epoch of a placement that is at `expected`, and returns the new one.
    pub async fn raise_epoch(&self, tenant: TenantId, expected: Epoch) -> Result<Epoch, CatalogError> {
        if let Some(row) =
            self.query_opt(queries::PLACEMENT_RAISE_EPOCH, &[&tenant.get(), &expected.get()]).await?
        {
            return Ok(Epoch::new(get(&row, WHAT, "epoch")?));
        }
        match self.placement(tenant).await? {
            Some(found) => {
                Err(CatalogError::StaleEpoch { found: found.epoch.get(), asked: expected.next().get() })
            }
            None => Err(CatalogError::Unknown { what: WHAT, name: tenant.to_string(), suggestion: None }),
        }
    }
}

fn refused(
    error: CatalogError,
    tenant: TenantId,
    asked: &Placement,
    found: Option<&Placement>,
) -> CatalogError {
    let database = || asked.database.to_string();
    constraint(error, |_, broken| match broken {
        "placements_epoch_grows" => Some(CatalogError::StaleEpoch {
            found: found.map_or(0, |placement| placement.epoch.get()),
            asked: asked.epoch.get(),
        }),
        "placements_own_schema" => {
            Some(CatalogError::Taken { what: "schema", name: asked.schema.as_str().to_owned() })
        }
        "placements_own_database" => Some(CatalogError::Taken { what: "database", name: database() }),
        "placements_kind" => Some(CatalogError::Invalid {
            message: format!("the {} model does not go into a database of this kind", asked.model),
        }),
        "placements_schema_model" => Some(CatalogError::Invalid {
            message: "the schema model needs a schema of its own, the others use public".into(),
        }),
        "placements_database_fkey" => {
            Some(CatalogError::Unknown { what: "database", name: database(), suggestion: None })
        }
        "placements_tenant_fkey" => {
            Some(CatalogError::Unknown { what: "tenant", name: tenant.to_string(), suggestion: None })
        }
        _ => None,
    })
}
