//! Domains: host names that mean one tenant.

use crate::error::CatalogError;
use crate::tx::Tx;
use tenantry_core::{Domain, TenantId};

impl Tx {
    /// Gives a tenant a domain. `Taken` when another tenant has it.
    pub async fn add_domain(&self, tenant: TenantId, domain: &Domain) -> Result<(), CatalogError> {
        let _ = (tenant, domain);
        todo!()
    }

    /// Takes a domain away from a tenant; says whether it had it.
    pub async fn remove_domain(&self, tenant: TenantId, domain: &Domain) -> Result<bool, CatalogError> {
        let _ = (tenant, domain);
        todo!()
    }
}
