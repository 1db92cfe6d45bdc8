//! Plans: what the configuration says of tiers, written to the catalog.

use crate::{Control, OpsError};
use tenantry_core::{Limits, TenancyModel};

/// A plan of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub name: String,
    /// Where tenants of this plan go when nothing else is said.
    pub model: TenancyModel,
    pub limits: Limits,
}

/// Writes the plans: new ones are made, changed ones updated, others left alone.
pub async fn upsert(control: &Control, plans: &[Plan]) -> Result<(), OpsError> {
    let _ = (control, plans);
    todo!()
}
