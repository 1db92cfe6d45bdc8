//! Clusters: adding one, listing them, checking that what was installed is still whole.

use crate::isolation::{Probe, TenantType};
use crate::{Control, OpsError, Progress};
use tenantry_core::{ContextKind, SqlIdent};

/// What `cluster add` is asked for.
#[derive(Debug, Clone)]
pub struct AddCluster {
    pub name: String,
    /// Databases for tenants of the shared and schema models; made when missing.
    pub pools: Vec<SqlIdent>,
    pub tenant_type: TenantType,
    /// `None`: the strongest the cluster can have.
    pub context: Option<ContextKind>,
    /// Server connections that one gateway may open to each pool.
    pub max_connections: u32,
}

/// What `cluster add` made or found.
#[derive(Debug, Clone)]
pub struct AddedCluster {
    pub probe: Probe,
    pub context: ContextKind,
}

/// A cluster and its databases.
#[derive(Debug, Clone)]
pub struct ClusterSummary {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub pools: Vec<PoolSummary>,
}

/// A data database as people list it.
#[derive(Debug, Clone)]
pub struct PoolSummary {
    pub name: String,
    pub context: ContextKind,
    pub tenants: u64,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Notice,
    Warning,
    Error,
}

/// Something `cluster check` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable word (`core-version`, `surface`, `minor-version`, `gate-drift`, …).
    pub rule: &'static str,
    pub severity: Severity,
    /// The database, or the cluster's name.
    pub place: String,
    pub message: String,
    pub hint: Option<String>,
}

/// Makes a cluster ready: probe, roles, pools with the isolation core, catalog rows. Running it again finds it done.
pub async fn add(
    control: &Control,
    request: &AddCluster,
    progress: &dyn Progress,
) -> Result<AddedCluster, OpsError> {
    let _ = (control, request, progress);
    todo!()
}

/// All clusters, by name.
pub async fn list(control: &Control) -> Result<Vec<ClusterSummary>, OpsError> {
    let _ = control;
    todo!()
}

/// Looks whether a cluster still is what `add` made of it. Changes nothing.
pub async fn check(control: &Control, name: &str) -> Result<Vec<Finding>, OpsError> {
    let _ = (control, name);
    todo!()
}
