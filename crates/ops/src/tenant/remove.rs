//! Dropping a tenant: out of the catalog's routes, out of the gate, its data, its place, its row.

use super::{DataLoss, erase, find, lock_name, subject, suspend};
use crate::fence::FenceOptions;
use crate::fence::replicas::Replicas;
use crate::steps::Steps;
use crate::{Control, OpsError, Progress, database, fence, gate, schema};
use tenantry_catalog::{Database, Tenant};
use tenantry_core::{ErrorKind, Placement, TenancyModel, TenantKey, TenantState};
use tokio_postgres::Client;

/// Removes a tenant, its data and its place. With `DataLoss::Refuse` only a tenant without a single row is dropped.
pub async fn drop(
    control: &Control,
    key: &TenantKey,
    data: DataLoss,
    options: &FenceOptions,
    progress: &dyn Progress,
) -> Result<(), OpsError> {
    let _lock = control.lock(&lock_name(key)).await?;
    let (tenant, home) = find(control, key).await?;
    let steps = Steps::new(progress);
    let on = key.to_string();
    // Before anything changes; and again below, when nobody can write any more.
    if data == DataLoss::Refuse
        && tenant.state != TenantState::Dropping
        && let Some(place) = Place::find(control, &tenant, home.as_ref()).await?
    {
        refuse_data(key, place.has_rows().await?)?;
    }

    let step = steps.next("mark-dropping", &on)?;
    let marked = tenant.state == TenantState::Dropping;
    step.run(marked, suspend::change(control, &tenant, TenantState::Dropping, "tenant.drop")).await?;
    let (tenant, home) = find(control, key).await?;

    if let Some(mut place) = Place::find(control, &tenant, home.as_ref()).await? {
        let step = steps.next("close-gate", &on)?;
        if place.has_core().await? {
            let replicas = place.replicas(control).await?;
            suspend::close(step, &mut place.admin, &tenant, &replicas, options).await?;
        } else {
            step.run(true, async { Ok(()) }).await?;
        }
        if data == DataLoss::Refuse {
            refuse_data(key, place.has_rows().await?)?;
        }
        let step = steps.next("erase-data", &on)?;
        step.run(place.is_erased().await?, place.erase(options)).await?;
    }
    if let Some(home) = home.as_ref().filter(|_| model(&tenant) == Some(TenancyModel::Database)) {
        drop_database(control, home, steps).await?;
    }

    let step = steps.next("delete-tenant", &on)?;
    step.run(false, delete(control, &tenant, home.as_ref())).await
}

fn refuse_data(key: &TenantKey, table: Option<String>) -> Result<(), OpsError> {
    let Some(table) = table else { return Ok(()) };
    Err(OpsError::refused(
        ErrorKind::WouldLoseData,
        format!("tenant {key} has data (in table {table})"),
        format!("to destroy it for good: tenantry tenant drop {key} --yes"),
    ))
}

fn model(tenant: &Tenant) -> Option<TenancyModel> {
    tenant.placement.as_ref().map(|placement| placement.model)
}

async fn drop_database(control: &Control, home: &Database, steps: Steps<'_>) -> Result<(), OpsError> {
    let on = home.stable_name();
    let step = steps.next("drop-database", &on)?;
    let maintenance = control.connect_maintenance(&home.cluster_name).await?;
    let done = !database::exists(&maintenance, &home.name).await?;
    step.run(done, database::drop(&maintenance, &home.name)).await?;
    let step = steps.next("drop-login", &on)?;
    step.run(false, database::drop_logins(&maintenance, &home.login)).await
}

/// The tenant's row, and its database's, with the audit row.
async fn delete(control: &Control, tenant: &Tenant, home: Option<&Database>) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    tx.delete_tenant(tenant.id).await?;
    if let Some(home) = home.filter(|_| model(tenant) == Some(TenancyModel::Database)) {
        tx.delete_database(home.id).await?;
    }
    let details = serde_json::json!({ "model": model(tenant).map(TenancyModel::as_str) });
    tx.audit(&control.audit("tenant.dropped", subject(&tenant.key), Some(tenant.id), details)).await?;
    Ok(tx.commit().await?)
}

/// A place that exists, and a connection to it.
struct Place<'a> {
    admin: Client,
    home: &'a Database,
    tenant: &'a Tenant,
    placement: &'a Placement,
    declared: Option<schema::PlainSchema>,
}

impl<'a> Place<'a> {
    /// `None` when nothing was placed, or its database is gone or half gone (or was never made).
    async fn find(
        control: &Control,
        tenant: &'a Tenant,
        home: Option<&'a Database>,
    ) -> Result<Option<Self>, OpsError> {
        let (Some(placement), Some(home)) = (&tenant.placement, home) else { return Ok(None) };
        let maintenance = control.connect_maintenance(&home.cluster_name).await?;
        if !database::is_usable(&maintenance, &home.name).await? {
            return Ok(None);
        }
        let admin = control.connect(&home.cluster_name, home.name.as_str()).await?;
        let declared = schema::current(control).await?;
        Ok(Some(Self { admin, home, tenant, placement, declared }))
    }

    async fn replicas<'c>(&self, control: &'c Control) -> Result<Replicas<'c>, OpsError> {
        Replicas::of(control, self.home).await
    }

    async fn has_core(&self) -> Result<bool, OpsError> {
        erase::has_core(&self.admin).await
    }

    /// A table in which the tenant has rows.
    async fn has_rows(&self) -> Result<Option<String>, OpsError> {
        let Some(declared) = &self.declared else { return Ok(None) };
        let tables = erase::tables(declared);
        let found = match self.placement.model {
            TenancyModel::Shared => {
                erase::shared_rows(&self.admin, declared, &tables, self.value(declared)).await?
            }
            TenancyModel::Schema => {
                match erase::any_rows(&self.admin, &self.placement.schema, &tables).await? {
                    // Before version 3 of the core it could write to the pool's tables by their full names.
                    None => erase::shared_rows(&self.admin, declared, &tables, self.value(declared)).await?,
                    found => found,
                }
            }
            TenancyModel::Database => erase::any_rows(&self.admin, &self.placement.schema, &tables).await?,
        };
        match found {
            None if self.placement.model != TenancyModel::Database => {
                erase::scoped_rows(&self.admin, &self.value(declared)).await
            }
            found => Ok(found),
        }
    }

    fn value(&self, declared: &schema::PlainSchema) -> String {
        gate::value(self.tenant, declared.declaration.tenancy.value_type)
    }

    async fn is_erased(&self) -> Result<bool, OpsError> {
        // A database is dropped as a whole, by the next step.
        if self.placement.model == TenancyModel::Database {
            return Ok(true);
        }
        Ok(gate::find(&self.admin, self.tenant.id).await?.is_none())
    }

    /// The data and the gate go together, while the fence is held: afterwards nobody can even ask to enter.
    async fn erase(&mut self, options: &FenceOptions) -> Result<(), OpsError> {
        let declared = self.declared.clone();
        let value = declared.as_ref().map(|declared| self.value(declared));
        // The gate is closed, and nothing opens the gate of a tenant that is being dropped.
        if self.placement.model == TenancyModel::Schema {
            erase::ties(&self.admin, &self.placement.schema).await?;
        }
        let (tx, _) = fence::hold(&mut self.admin, self.tenant.id, options).await?;
        // Before version 3 of the core, a tenant of a schema could write to the pool's tables, too, by their full names.
        if let (true, Some(declared), Some(value)) =
            (self.placement.model.is_pooled(), &declared, value.clone())
        {
            erase::shared(&tx, declared, &erase::tables(declared), value).await?;
        }
        if self.placement.model == TenancyModel::Schema {
            erase::schema(&tx, &self.placement.schema).await?;
        }
        // Last: nothing of the tenant refers to shared rows any more.
        if let Some(value) = &value {
            erase::scopes(&tx, value).await?;
        }
        erase::gate(&tx, self.tenant.id).await?;
        erase::commit(tx).await
    }
}
