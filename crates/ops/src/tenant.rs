//! The life of a tenant: create, suspend, resume, list, show, drop.

use crate::fence::FenceOptions;
use crate::{Control, OpsError, Progress};
use tenantry_core::{Domain, Epoch, Limits, SqlIdent, TenancyModel, TenantId, TenantKey, TenantState};

/// What `tenant create` is asked for. The same request again finds the tenant, or finishes it.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    pub key: TenantKey,
    /// A name for people; the key when `None`.
    pub name: Option<String>,
    /// `None`: the plan's model.
    pub model: Option<TenancyModel>,
    /// `None`: the only cluster there is.
    pub cluster: Option<String>,
    /// `None`: the cluster's only pool, or the one with the fewest tenants.
    pub pool: Option<String>,
    /// `None`: no plan; default limits.
    pub plan: Option<String>,
    pub domains: Vec<Domain>,
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

/// Makes a tenant and its place.
pub async fn create(
    control: &Control,
    request: &CreateTenant,
    progress: &dyn Progress,
) -> Result<TenantInfo, OpsError> {
    let _ = (control, request, progress);
    todo!()
}

/// Stops serving a tenant, on open connections too: when this returns, none of them is inside the tenant.
pub async fn suspend(
    control: &Control,
    key: &TenantKey,
    fence: &FenceOptions,
    progress: &dyn Progress,
) -> Result<TenantInfo, OpsError> {
    let _ = (control, key, fence, progress);
    todo!()
}

/// Serves a suspended tenant again.
pub async fn resume(
    control: &Control,
    key: &TenantKey,
    progress: &dyn Progress,
) -> Result<TenantInfo, OpsError> {
    let _ = (control, key, progress);
    todo!()
}

/// All tenants, by key.
pub async fn list(control: &Control) -> Result<Vec<TenantInfo>, OpsError> {
    let _ = control;
    todo!()
}

/// One tenant.
pub async fn show(control: &Control, key: &TenantKey) -> Result<TenantInfo, OpsError> {
    let _ = (control, key);
    todo!()
}

/// Removes a tenant, its data and its place.
pub async fn drop(
    control: &Control,
    key: &TenantKey,
    data: DataLoss,
    fence: &FenceOptions,
    progress: &dyn Progress,
) -> Result<(), OpsError> {
    let _ = (control, key, data, fence, progress);
    todo!()
}
