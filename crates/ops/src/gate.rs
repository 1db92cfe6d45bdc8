//! The gate row of a tenant in its data database: the local copy of the mapping, and what `enter` obeys.

use crate::OpsError;
use crate::isolation::TenantType;
use crate::sql::Doing;
use tenantry_catalog::Tenant;
use tenantry_core::{Epoch, Placement, TenantId};
use tokio_postgres::{Client, GenericClient};

/// A gate row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gate {
    pub(crate) tenant: TenantId,
    pub(crate) key: String,
    pub(crate) epoch: Epoch,
    pub(crate) state: String,
}

const FIND: &str = "SELECT tenant, key, epoch, state FROM tenancy.gate WHERE tenant = $1";
const ALL: &str = "SELECT tenant, key, epoch, state FROM tenancy.gate ORDER BY tenant";
const OPEN: &str = include_str!("gate/open.sql");

fn read(row: &tokio_postgres::Row) -> Gate {
    Gate {
        tenant: TenantId::new(row.get(0)),
        key: row.get(1),
        epoch: Epoch::new(row.get(2)),
        state: row.get(3),
    }
}

/// The tenant's gate here, if it has one.
pub(crate) async fn find(admin: &impl GenericClient, tenant: TenantId) -> Result<Option<Gate>, OpsError> {
    let row = admin.query_opt(FIND, &[&tenant.get()]).await.doing("reading the tenant's gate")?;
    Ok(row.as_ref().map(read))
}

/// Every gate of this database.
pub(crate) async fn all(admin: &Client) -> Result<Vec<Gate>, OpsError> {
    Ok(admin.query(ALL, &[]).await.doing("reading the gates")?.iter().map(read).collect())
}

/// What the tenant column holds.
pub(crate) fn value(tenant: &Tenant, tenant_type: TenantType) -> String {
    match tenant_type {
        TenantType::Bigint | TenantType::Text => tenant.id.to_string(),
        TenantType::Uuid => tenant.uuid.to_string(),
    }
}

/// Opens a new tenant's gate. An existing one is left alone unless it is older.
pub(crate) async fn open(
    admin: &impl GenericClient,
    tenant: &Tenant,
    placement: &Placement,
    tenant_type: TenantType,
) -> Result<(), OpsError> {
    let place = serde_json::json!({ "model": placement.model.as_str(), "schema": placement.schema.as_str() });
    admin
        .execute(
            OPEN,
            &[
                &tenant.id.get(),
                &tenant.key.as_str(),
                &value(tenant, tenant_type),
                &placement.epoch.get(),
                &place.to_string(),
            ],
        )
        .await
        .doing("opening the tenant's gate")?;
    Ok(())
}
