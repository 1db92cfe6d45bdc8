//! Where tenants live. An epoch only grows, whatever the code does: a trigger refuses anything else.

use crate::error::CatalogError;
use crate::tx::Tx;
use tenantry_core::{Epoch, Placement, TenantId};

impl Tx {
    /// Where the tenant lives, if a place was chosen.
    pub async fn placement(&self, tenant: TenantId) -> Result<Option<Placement>, CatalogError> {
        let _ = tenant;
        todo!()
    }

    /// Places a tenant. The same placement again changes nothing; another one needs a greater epoch (`StaleEpoch`).
    pub async fn set_placement(&self, tenant: TenantId, placement: &Placement) -> Result<(), CatalogError> {
        let _ = (tenant, placement);
        todo!()
    }

    /// Raises the epoch of a placement that is at `expected`, and returns the new one.
    pub async fn raise_epoch(&self, tenant: TenantId, expected: Epoch) -> Result<Epoch, CatalogError> {
        let _ = (tenant, expected);
        todo!()
    }
}
