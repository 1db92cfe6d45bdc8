//! Clusters: PostgreSQL servers that hold tenants' data.

use crate::error::CatalogError;
use crate::tx::Tx;
use std::path::PathBuf;
use tenantry_core::{ClusterId, ContextKind};

/// Where the administrator's password is found. The catalog never holds the password itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// None is needed (peer authentication, `trust`), or the server's configuration provides it.
    Nothing,
    File(PathBuf),
    /// The name of an environment variable.
    Environment(String),
}

/// What is known of a cluster when it is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCluster {
    pub name: String,
    /// A host name, an address, or the directory of a Unix socket (starts with `/`).
    pub host: String,
    pub port: u16,
    pub admin_user: String,
    pub password: PasswordSource,
    pub maintenance_database: String,
    /// `server_version_num`.
    pub server_version: u32,
    /// What new databases on it get.
    pub context: ContextKind,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub id: ClusterId,
    pub name: String,
    pub host: String,
    pub port: u16,
    pub admin_user: String,
    pub password: PasswordSource,
    pub maintenance_database: String,
    pub server_version: u32,
    pub context: ContextKind,
}

impl Tx {
    /// Makes a cluster, or gives the one of that name these properties.
    pub async fn upsert_cluster(&self, new: &NewCluster) -> Result<Cluster, CatalogError> {
        let _ = new;
        todo!()
    }

    /// The cluster of that name, or `Unknown` with a suggestion.
    pub async fn cluster(&self, name: &str) -> Result<Cluster, CatalogError> {
        let _ = name;
        todo!()
    }

    /// The cluster of that name, if there is one.
    pub async fn find_cluster(&self, name: &str) -> Result<Option<Cluster>, CatalogError> {
        let _ = name;
        todo!()
    }

    /// All clusters, by name.
    pub async fn clusters(&self) -> Result<Vec<Cluster>, CatalogError> {
        todo!()
    }

    /// Removes a cluster without databases; `InUse` while it has some.
    pub async fn delete_cluster(&self, id: ClusterId) -> Result<(), CatalogError> {
        let _ = id;
        todo!()
    }
}
