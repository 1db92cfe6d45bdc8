//! Tenants: an id for ever, a key that may change, a state, and what belongs to them.

use crate::LimitsOverride;
use crate::error::CatalogError;
use crate::tx::Tx;
use std::time::SystemTime;
use tenantry_core::{Domain, Limits, Placement, TenancyModel, TenantId, TenantKey, TenantState};
use uuid::Uuid;

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
        let _ = new;
        todo!()
    }

    /// The tenant of that key, or `Unknown` with a suggestion.
    pub async fn tenant(&self, key: &TenantKey) -> Result<Tenant, CatalogError> {
        let _ = key;
        todo!()
    }

    /// The tenant of that key, if there is one.
    pub async fn find_tenant(&self, key: &TenantKey) -> Result<Option<Tenant>, CatalogError> {
        let _ = key;
        todo!()
    }

    /// The tenant of that id, if it (still) exists.
    pub async fn tenant_by_id(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError> {
        let _ = id;
        todo!()
    }

    /// At most `limit` tenants, by key; the next page starts after the last one's key.
    pub async fn tenants(&self, filter: &TenantFilter, limit: u32) -> Result<Vec<Tenant>, CatalogError> {
        let _ = (filter, limit);
        todo!()
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
        let _ = (id, from, to);
        todo!()
    }

    /// Gives a tenant another key. `Taken` when another tenant has it.
    pub async fn rename_tenant(&self, id: TenantId, key: &TenantKey) -> Result<(), CatalogError> {
        let _ = (id, key);
        todo!()
    }

    /// Removes a tenant, its domains and its placement. Its id is never used again and its audit rows stay.
    /// Only in the state `Dropping`. Says whether it was there.
    pub async fn delete_tenant(&self, id: TenantId) -> Result<bool, CatalogError> {
        let _ = id;
        todo!()
    }
}
