//! Domains: host names that mean one tenant.

use crate::error::CatalogError;
use crate::queries;
use crate::row::get;
use crate::tx::{Tx, constraint};
use tenantry_core::{Domain, TenantId};

impl Tx {
    /// Gives a tenant a domain. `Taken` when another tenant has it.
    pub async fn add_domain(&self, tenant: TenantId, domain: &Domain) -> Result<(), CatalogError> {
        let params: crate::connection::Params<'_> = &[&domain.as_str(), &tenant.get()];
        let added = self.execute(queries::DOMAIN_ADD, params).await.map_err(|error| {
            constraint(error, |_, broken| {
                let name = tenant.to_string();
                (broken == "domains_tenant_fkey").then_some(CatalogError::Unknown {
                    what: "tenant",
                    name,
                    suggestion: None,
                })
            })
        })?;
        if added == 1 {
            return Ok(());
        }
        let owner = self.query_opt(queries::DOMAIN_OWNER, &[&domain.as_str()]).await?;
        match owner.map(|row| get::<i64>(&row, "domain", "tenant")).transpose()? {
            Some(owner) if owner == tenant.get() => Ok(()),
            _ => Err(CatalogError::Taken { what: "domain", name: domain.to_string() }),
        }
    }

    /// Takes a domain away from a tenant; says whether it had it.
    pub async fn remove_domain(&self, tenant: TenantId, domain: &Domain) -> Result<bool, CatalogError> {
        Ok(self.execute(queries::DOMAIN_REMOVE, &[&domain.as_str(), &tenant.get()]).await? == 1)
    }
}
