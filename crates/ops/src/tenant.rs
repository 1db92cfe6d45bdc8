//! The life of a tenant: create, suspend, resume, list, show, drop.

mod create;
mod erase;
mod remove;
mod suspend;

pub use create::create;
pub use remove::drop;
pub use suspend::{resume, suspend};

use crate::{Control, OpsError};
use std::collections::BTreeMap;
use tenantry_catalog::{Database, Tenant, TenantFilter, Tx};
use tenantry_core::{
    DatabaseId, Domain, Epoch, Limits, SqlIdent, TenancyModel, TenantId, TenantKey, TenantState,
};

/// What `tenant create` is asked for. The same request again finds the tenant, or finishes it.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    pub key: TenantKey,
    /// A name for people; the key when `None`.
    pub name: Option<String>,
    /// `None`: the plan's model, or shared.
    pub model: Option<TenancyModel>,
    /// `None`: the only cluster there is.
    pub cluster: Option<String>,
    /// `None`: of the cluster's pools, the one with the fewest tenants. Not for the database model.
    pub pool: Option<String>,
    /// `None`: no plan; default limits.
    pub plan: Option<String>,
    pub domains: Vec<Domain>,
}

impl CreateTenant {
    /// A tenant with nothing but a key: everything else is chosen.
    pub fn new(key: TenantKey) -> Self {
        Self { key, name: None, model: None, cluster: None, pool: None, plan: None, domains: Vec::new() }
    }
}

/// A tenant and where it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantInfo {
    pub id: TenantId,
    pub key: TenantKey,
    pub name: String,
    pub state: TenantState,
    pub placement: Option<PlacementInfo>,
    pub plan: Option<String>,
    pub limits: Limits,
    pub domains: Vec<Domain>,
}

/// A placement by names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementInfo {
    pub model: TenancyModel,
    pub cluster: String,
    pub database: String,
    pub schema: SqlIdent,
    pub epoch: Epoch,
}

/// What `drop` may destroy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataLoss {
    /// Refuse while the tenant has a single row.
    Refuse,
    /// The person said yes.
    Accept,
}

/// How many tenants are read from the catalog at once.
const PAGE: u32 = 1_000;

/// All tenants, by key.
pub async fn list(control: &Control) -> Result<Vec<TenantInfo>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let databases: BTreeMap<DatabaseId, Database> =
        tx.databases(None).await?.into_iter().map(|database| (database.id, database)).collect();
    let mut all = Vec::new();
    let mut filter = TenantFilter::default();
    loop {
        let page = tx.tenants(&filter, PAGE).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.key.clone());
        all.extend(page.into_iter().map(|tenant| info(tenant, |id| databases.get(&id))));
    }
    tx.rollback().await?;
    Ok(all)
}

/// One tenant.
pub async fn show(control: &Control, key: &TenantKey) -> Result<TenantInfo, OpsError> {
    let (tenant, database) = find(control, key).await?;
    Ok(info(tenant, |_| database.as_ref()))
}

fn info<'a>(tenant: Tenant, database: impl FnOnce(DatabaseId) -> Option<&'a Database>) -> TenantInfo {
    let placement = tenant.placement.and_then(|placement| {
        let database = database(placement.database)?;
        Some(PlacementInfo {
            model: placement.model,
            cluster: database.cluster_name.clone(),
            database: database.name.as_str().to_owned(),
            schema: placement.schema,
            epoch: placement.epoch,
        })
    });
    TenantInfo {
        id: tenant.id,
        key: tenant.key,
        name: tenant.name,
        state: tenant.state,
        placement,
        plan: tenant.plan,
        limits: tenant.limits,
        domains: tenant.domains,
    }
}

/// A tenant and the database it is placed in.
pub(crate) async fn find(control: &Control, key: &TenantKey) -> Result<(Tenant, Option<Database>), OpsError> {
    let tx = control.catalog.snapshot().await?;
    let tenant = tx.tenant(key).await?;
    let database = database_of(&tx, &tenant).await?;
    tx.rollback().await?;
    Ok((tenant, database))
}

async fn database_of(tx: &Tx, tenant: &Tenant) -> Result<Option<Database>, OpsError> {
    match &tenant.placement {
        Some(placement) => Ok(Some(tx.database(placement.database).await?)),
        None => Ok(None),
    }
}

/// What one operation at a time may hold. By id would be stricter, but a tenant that is being made has none yet.
pub(crate) fn lock_name(key: &TenantKey) -> String {
    format!("tenant/{key}")
}

fn subject(key: &TenantKey) -> String {
    format!("tenant/{key}")
}
