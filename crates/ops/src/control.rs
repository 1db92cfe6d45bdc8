//! What an operation works with: the catalog, the deployment's secret, and admin access to the clusters.

use std::collections::BTreeMap;
use tenantry_catalog::Catalog;
use tenantry_core::{MasterKey, Secret};

/// Everything an operation needs. The catalog holds no secret, so admin access comes from the configuration.
#[derive(Debug)]
pub struct Control {
    pub catalog: Catalog,
    pub master_key: MasterKey,
    /// Admin access by cluster name.
    pub clusters: BTreeMap<String, ClusterAccess>,
    /// Who asks, for the audit trail (`cli:ada`).
    pub actor: String,
}

/// How to reach a cluster as an administrator.
#[derive(Debug, Clone)]
pub struct ClusterAccess {
    /// A host name, an address, or the directory of a Unix socket (starts with `/`).
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Secret>,
    /// The database that administration starts from.
    pub maintenance_database: String,
}
