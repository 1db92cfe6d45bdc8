//! Data databases: pools, and the databases of single tenants.

use crate::error::CatalogError;
use crate::tx::Tx;
use std::collections::BTreeMap;
use tenantry_core::{ClusterId, ContextKind, DatabaseId, KeyId, SqlIdent};

/// Who lives in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// Many tenants, of the shared and schema models.
    Pool,
    /// One tenant, of the database model.
    Tenant,
}

/// Where a database is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseState {
    /// Being made.
    Provisioning,
    Ready,
    /// Being dropped.
    Dropping,
}

/// What is known of a database when it is registered. It starts in `Provisioning` with key 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDatabase {
    pub cluster: ClusterId,
    pub name: SqlIdent,
    pub kind: DatabaseKind,
    /// The application's login role.
    pub login: SqlIdent,
    pub context: ContextKind,
    /// Server connections that one gateway may open.
    pub max_connections: u32,
}

/// A data database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub id: DatabaseId,
    pub cluster: ClusterId,
    pub cluster_name: String,
    pub name: SqlIdent,
    pub kind: DatabaseKind,
    pub login: SqlIdent,
    pub context: ContextKind,
    /// The key that new tokens are signed with.
    pub key: KeyId,
    /// The key before, while it is still valid.
    pub previous_key: Option<KeyId>,
    pub max_connections: u32,
    pub state: DatabaseState,
    /// Of the schema that was applied last (`schema_versions`).
    pub fingerprint: Option<String>,
}

impl Database {
    /// `<cluster>/<database>`: what its secrets are derived from (`MasterKey`).
    pub fn stable_name(&self) -> String {
        format!("{}/{}", self.cluster_name, self.name.as_str())
    }
}

impl Tx {
    /// Registers a database, or updates login, context and connections of the one of that name. `Differs` when it
    /// is of another kind.
    pub async fn upsert_database(&self, new: &NewDatabase) -> Result<Database, CatalogError> {
        let _ = new;
        todo!()
    }

    /// One database by id.
    pub async fn database(&self, id: DatabaseId) -> Result<Database, CatalogError> {
        let _ = id;
        todo!()
    }

    /// The database of that name on a cluster, if it is registered.
    pub async fn find_database(
        &self,
        cluster: ClusterId,
        name: &SqlIdent,
    ) -> Result<Option<Database>, CatalogError> {
        let _ = (cluster, name);
        todo!()
    }

    /// All databases (of one cluster), by cluster and name.
    pub async fn databases(&self, cluster: Option<ClusterId>) -> Result<Vec<Database>, CatalogError> {
        let _ = cluster;
        todo!()
    }

    /// How many tenants are placed in each database; one without tenants may be missing.
    pub async fn tenants_per_database(&self) -> Result<BTreeMap<DatabaseId, u64>, CatalogError> {
        todo!()
    }

    /// Moves a database along its life.
    pub async fn set_database_state(&self, id: DatabaseId, state: DatabaseState) -> Result<(), CatalogError> {
        let _ = (id, state);
        todo!()
    }

    /// Remembers which schema was applied.
    pub async fn set_database_fingerprint(
        &self,
        id: DatabaseId,
        fingerprint: &str,
    ) -> Result<(), CatalogError> {
        let _ = (id, fingerprint);
        todo!()
    }

    /// Signs new tokens with the key after `current`, which becomes the previous key and stays valid.
    /// `WrongState` when the database's key is not `current`, or an older key was not retired yet.
    pub async fn rotate_database_key(&self, id: DatabaseId, current: KeyId) -> Result<KeyId, CatalogError> {
        let _ = (id, current);
        todo!()
    }

    /// Forgets the previous key, after it was dropped from the database itself.
    pub async fn retire_previous_key(&self, id: DatabaseId) -> Result<(), CatalogError> {
        let _ = id;
        todo!()
    }

    /// Removes a database without tenants; `InUse` while one is placed in it.
    pub async fn delete_database(&self, id: DatabaseId) -> Result<(), CatalogError> {
        let _ = id;
        todo!()
    }
}
