//! Tenants: an id for ever, a key that may change, a state, and what belongs to them.

use crate::LimitsOverride;
use crate::error::CatalogError;
use crate::queries;
use crate::row::{self, bad, get, parse};
use crate::suggest::nearest;
use crate::tx::{Tx, constraint, found};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::SystemTime;
use tenantry_core::{DatabaseId, Domain, Limits, Placement, TenancyModel, TenantId, TenantKey, TenantState};
use tokio_postgres::Row;
use uuid::Uuid;

const WHAT: &str = "tenant";

/// What a tenant is created with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTenant {
    pub key: TenantKey,
    /// A name for people.
    pub name: String,
    /// The plan's name.
    pub plan: Option<String>,
    pub limits: LimitsOverride,
    /// The product's own settings: a JSON object.
    pub settings: serde_json::Value,
    pub domains: Vec<Domain>,
}

/// A tenant whose rows were there before it: at least one of its id and its UUID stands in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtTenant {
    pub id: Option<TenantId>,
    pub uuid: Option<Uuid>,
    pub key: TenantKey,
    pub name: String,
}

impl NewTenant {
    /// A tenant called like its key, without a plan and domains.
    pub fn new(key: TenantKey) -> Self {
        let name = key.to_string();
        let settings = serde_json::Value::Object(serde_json::Map::new());
        Self { key, name, plan: None, limits: LimitsOverride::default(), settings, domains: Vec::new() }
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    pub id: TenantId,
    pub uuid: Uuid,
    pub key: TenantKey,
    pub name: String,
    pub state: TenantState,
    /// The plan's name.
    pub plan: Option<String>,
    /// What differs from the plan.
    pub overrides: LimitsOverride,
    /// What is in force: the plan's, or the defaults, with `overrides`.
    pub limits: Limits,
    pub settings: serde_json::Value,
    /// Sorted.
    pub domains: Vec<Domain>,
    pub placement: Option<Placement>,
    pub created_at: SystemTime,
}

/// Which tenants to list. Fields that are `None` or empty don't filter.
#[derive(Debug, Clone, Default)]
pub struct TenantFilter {
    pub states: Vec<TenantState>,
    pub model: Option<TenancyModel>,
    /// The cluster's name.
    pub cluster: Option<String>,
    /// The plan's name.
    pub plan: Option<String>,
    /// Keys that start with this.
    pub key_prefix: Option<String>,
    /// The last key of the page before.
    pub after: Option<TenantKey>,
}

impl Tx {
    /// Makes a tenant in the state `Provisioning`, with its domains. The same arguments again give the same tenant,
    /// whatever its state is by now; other arguments for the key are `Differs`, which names them.
    pub async fn create_tenant(&self, new: &NewTenant) -> Result<Tenant, CatalogError> {
        if let Some(found) = self.find_tenant(&new.key).await? {
            return same(found, new);
        }
        let plan = match &new.plan {
            Some(name) => Some(self.plan(name).await?.id.get()),
            None => None,
        };
        let limits = serde_json::to_value(new.limits).map_err(|error| bad(WHAT, error))?;
        let params: crate::connection::Params<'_> =
            &[&new.key.as_str(), &new.name, &plan, &limits, &new.settings];
        let inserted = self.query_opt(queries::TENANT_INSERT, params).await;
        let inserted = inserted.map_err(|error| malformed(error, &new.key))?;
        if let Some(row) = &inserted {
            let id = TenantId::new(get(row, WHAT, "id")?);
            for domain in &new.domains {
                self.add_domain(id, domain).await?;
            }
        }
        let tenant = self.tenant(&new.key).await?;
        // Somebody else may have made it since we looked.
        if inserted.is_some() { Ok(tenant) } else { same(tenant, new) }
    }

    /// Makes many tenants in the state `Provisioning` at one place. Ids that are given out later are greater than those that
    /// were brought. Which of them were there before, or could not be made because somebody else has the id, the UUID or the
    /// key, shows [`Tx::tenants_by_identity`].
    pub async fn bring_tenants(
        &self,
        brought: &[BroughtTenant],
        placement: &Placement,
    ) -> Result<(), CatalogError> {
        let ids: Vec<Option<i64>> = brought.iter().map(|one| one.id.map(TenantId::get)).collect();
        let uuids: Vec<Option<Uuid>> = brought.iter().map(|one| one.uuid).collect();
        let keys: Vec<&str> = brought.iter().map(|one| one.key.as_str()).collect();
        let names: Vec<&str> = brought.iter().map(|one| one.name.as_str()).collect();
        let (model, schema) = (placement.model.as_str(), placement.schema.as_str());
        let (database, epoch) = (placement.database.get(), placement.epoch.get());
        let params: crate::connection::Params<'_> =
            &[&ids, &uuids, &keys, &names, &model, &database, &schema, &epoch];
        self.execute(queries::TENANT_BRING, params).await?;
        self.execute(queries::TENANT_RAISE_IDS, &[]).await?;
        Ok(())
    }

    /// Tenants by what stays the same: their id or their UUID.
    pub async fn tenants_by_identity(
        &self,
        ids: &[TenantId],
        uuids: &[Uuid],
    ) -> Result<Vec<Tenant>, CatalogError> {
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        self.query(queries::TENANT_BY_IDENTITY, &[&ids, &uuids]).await?.iter().map(read).collect()
    }

    /// Those of these keys that tenants have.
    pub async fn taken_keys(&self, keys: &[TenantKey]) -> Result<BTreeSet<TenantKey>, CatalogError> {
        let keys: Vec<&str> = keys.iter().map(TenantKey::as_str).collect();
        let rows = self.query(queries::TENANT_TAKEN_KEYS, &[&keys]).await?;
        rows.iter().map(|row| parse(row, WHAT, "key")).collect()
    }

    /// Makes every tenant of a database that is still `Provisioning` `Active`.
    pub async fn activate_tenants_of(&self, database: DatabaseId) -> Result<(), CatalogError> {
        self.execute(queries::TENANT_ACTIVATE_ALL, &[&database.get()]).await?;
        Ok(())
    }

    /// Ids for tenants to come, which nobody else will be given.
    pub async fn reserve_tenant_ids(&self, count: u32) -> Result<Vec<TenantId>, CatalogError> {
        let rows = self.query(queries::TENANT_RESERVE_IDS, &[&i64::from(count)]).await?;
        rows.iter().map(|row| Ok(TenantId::new(get(row, WHAT, "nextval")?))).collect()
    }

    /// The tenant of that key, or `Unknown` with a suggestion.
    pub async fn tenant(&self, key: &TenantKey) -> Result<Tenant, CatalogError> {
        if let Some(tenant) = self.find_tenant(key).await? {
            return Ok(tenant);
        }
        let rows = self.query(queries::TENANT_SIMILAR_KEYS, &[&key.as_str()]).await?;
        let names: Vec<&str> = rows.iter().map(|row| get(row, WHAT, "name")).collect::<Result<_, _>>()?;
        Err(CatalogError::Unknown {
            what: WHAT,
            name: key.to_string(),
            suggestion: nearest(key.as_str(), names),
        })
    }

    /// The tenant of that key, if there is one.
    pub async fn find_tenant(&self, key: &TenantKey) -> Result<Option<Tenant>, CatalogError> {
        self.query_opt(queries::TENANT_BY_KEY, &[&key.as_str()]).await?.as_ref().map(read).transpose()
    }

    /// The tenant of that id, if it (still) exists.
    pub async fn tenant_by_id(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError> {
        self.query_opt(queries::TENANT_BY_ID, &[&id.get()]).await?.as_ref().map(read).transpose()
    }

    /// At most `limit` tenants, by key; the next page starts after the last one's key.
    pub async fn tenants(&self, filter: &TenantFilter, limit: u32) -> Result<Vec<Tenant>, CatalogError> {
        let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        let model = filter.model.map(TenancyModel::as_str);
        let after = filter.after.as_ref().map(TenantKey::as_str);
        let limit = i64::from(limit);
        let rows = self
            .query(
                queries::TENANT_LIST,
                &[&states, &model, &filter.cluster, &filter.plan, &filter.key_prefix, &after, &limit],
            )
            .await?;
        rows.iter().map(read).collect()
    }

    /// Tenants whose provisioning or dropping has begun and not ended, at most `limit`, by key.
    pub async fn pending_tenants(&self, limit: u32) -> Result<Vec<Tenant>, CatalogError> {
        let states = vec![TenantState::Provisioning, TenantState::Dropping];
        self.tenants(&TenantFilter { states, ..TenantFilter::default() }, limit).await
    }

    /// Moves a tenant from one state to another. Changes nothing when it is in `to` already; `WrongState` when it is
    /// in neither.
    pub async fn set_tenant_state(
        &self,
        id: TenantId,
        from: TenantState,
        to: TenantState,
    ) -> Result<(), CatalogError> {
        let (before, after) = (from.as_str(), to.as_str());
        if self.execute(queries::TENANT_SET_STATE, &[&id.get(), &before, &after]).await? == 1 {
            return Ok(());
        }
        match self.tenant_by_id(id).await? {
            None => Err(CatalogError::Unknown { what: WHAT, name: id.to_string(), suggestion: None }),
            Some(tenant) => Err(wrong_state(&tenant, from)),
        }
    }

    /// Gives a tenant another key. `Taken` when another tenant has it.
    pub async fn rename_tenant(&self, id: TenantId, key: &TenantKey) -> Result<(), CatalogError> {
        let renamed = self.execute(queries::TENANT_RENAME, &[&id.get(), &key.as_str()]).await;
        found(renamed.map_err(|error| malformed(error, key))?, WHAT, id)
    }

    /// Gives a tenant these limits of its own, over those of its plan. Gateways follow at once.
    pub async fn set_tenant_limits(&self, id: TenantId, limits: &LimitsOverride) -> Result<(), CatalogError> {
        let limits = serde_json::to_value(limits).map_err(|error| bad(WHAT, error))?;
        found(self.execute(queries::TENANT_SET_LIMITS, &[&id.get(), &limits]).await?, WHAT, id)
    }

    /// Removes a tenant, its domains and its placement. Its id is never used again and its audit rows stay.
    /// Only in the state `Dropping`. Says whether it was there.
    pub async fn delete_tenant(&self, id: TenantId) -> Result<bool, CatalogError> {
        if self.execute(queries::TENANT_DELETE, &[&id.get()]).await? == 1 {
            return Ok(true);
        }
        match self.tenant_by_id(id).await? {
            None => Ok(false),
            Some(tenant) => Err(wrong_state(&tenant, TenantState::Dropping)),
        }
    }
}

fn wrong_state(tenant: &Tenant, expected: TenantState) -> CatalogError {
    let (expected, found) = (expected.to_string(), tenant.state.to_string());
    CatalogError::WrongState { what: WHAT, name: tenant.key.to_string(), expected, found }
}

/// The tenant, if it is what `new` asks for.
fn same(tenant: Tenant, new: &NewTenant) -> Result<Tenant, CatalogError> {
    let domains_differ = || {
        let asked: BTreeSet<&Domain> = new.domains.iter().collect();
        asked != tenant.domains.iter().collect()
    };
    let differences: Vec<String> = [
        ("name", tenant.name != new.name),
        ("plan", tenant.plan != new.plan),
        ("limits", tenant.overrides != new.limits),
        ("settings", tenant.settings != new.settings),
        ("domains", domains_differ()),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(field, _)| field.to_owned())
    .collect();
    if differences.is_empty() {
        return Ok(tenant);
    }
    Err(CatalogError::Differs { what: WHAT, name: new.key.to_string(), differences })
}

fn malformed(error: CatalogError, key: &TenantKey) -> CatalogError {
    constraint(error, |_, broken| match broken {
        "tenants_key_key" => Some(CatalogError::Taken { what: "tenant key", name: key.to_string() }),
        "tenants_settings_check" => {
            Some(CatalogError::Invalid { message: "a tenant's settings must be a JSON object".into() })
        }
        _ => None,
    })
}

fn read(row: &Row) -> Result<Tenant, CatalogError> {
    let json = |error: serde_json::Error| bad(WHAT, error);
    let overrides: LimitsOverride =
        serde_json::from_value(get::<Value>(row, WHAT, "limits")?).map_err(json)?;
    let plan_limits = match get::<Option<Value>>(row, WHAT, "plan_limits")? {
        Some(limits) => serde_json::from_value(limits).map_err(json)?,
        None => Limits::default(),
    };
    let domains = get::<Vec<String>>(row, WHAT, "domains")?;
    Ok(Tenant {
        id: TenantId::new(get(row, WHAT, "id")?),
        uuid: get(row, WHAT, "uuid")?,
        key: parse(row, WHAT, "key")?,
        name: get(row, WHAT, "name")?,
        state: parse(row, WHAT, "state")?,
        plan: get(row, WHAT, "plan")?,
        overrides,
        limits: overrides.over(plan_limits),
        settings: get(row, WHAT, "settings")?,
        domains: domains
            .into_iter()
            .map(Domain::new)
            .collect::<Result<_, _>>()
            .map_err(|error| bad(WHAT, error))?,
        placement: row::placement(row, WHAT)?,
        created_at: get(row, WHAT, "created_at")?,
    })
}
