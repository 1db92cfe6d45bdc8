//! Data databases: pools, and the databases of single tenants.

use crate::error::CatalogError;
use crate::queries;
use crate::row::{self, get, ident, number, word};
use crate::tx::{Tx, constraint, found, in_use};
use std::collections::BTreeMap;
use tenantry_core::{
    ClusterId, ContextKind, DatabaseId, KeyId, Limits, PlanId, SqlIdent, TenantId, TenantKey,
};
use tokio_postgres::Row;

const WHAT: &str = "database";

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

/// Whose limits databases are to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitsOf {
    Tenant(TenantId),
    Plan(PlanId),
    /// Of all tenants with a database there.
    Cluster(ClusterId),
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
    /// Server connections that one gateway may open. That of a tenant's own database follows the tenant's limit once it is placed there.
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

impl DatabaseKind {
    /// The word in the catalog.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Tenant => "tenant",
        }
    }
}

impl DatabaseState {
    /// The word in the catalog.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Ready => "ready",
            Self::Dropping => "dropping",
        }
    }
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
        let (cluster, name, login) = (new.cluster.get(), new.name.as_str(), new.login.as_str());
        let (kind, context) = (new.kind.as_str(), new.context.as_str());
        let connections = i64::from(new.max_connections);
        let upserted = self
            .query_opt(queries::DATABASE_UPSERT, &[&cluster, &name, &kind, &login, &context, &connections])
            .await
            .map_err(|error| taken(error, new))?;
        let Some(row) = upserted else {
            let differences = vec!["kind".to_owned()];
            return Err(CatalogError::Differs { what: "database", name: name.to_owned(), differences });
        };
        self.database(DatabaseId::new(get(&row, WHAT, "id")?)).await
    }

    /// One database by id.
    pub async fn database(&self, id: DatabaseId) -> Result<Database, CatalogError> {
        let row = self.query_opt(queries::DATABASE_BY_ID, &[&id.get()]).await?;
        let unknown = || CatalogError::Unknown { what: WHAT, name: id.to_string(), suggestion: None };
        read(&row.ok_or_else(unknown)?)
    }

    /// The database of that name on a cluster, if it is registered.
    pub async fn find_database(
        &self,
        cluster: ClusterId,
        name: &SqlIdent,
    ) -> Result<Option<Database>, CatalogError> {
        let row = self.query_opt(queries::DATABASE_BY_NAME, &[&cluster.get(), &name.as_str()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// All databases (of one cluster), by cluster and name.
    pub async fn databases(&self, cluster: Option<ClusterId>) -> Result<Vec<Database>, CatalogError> {
        let cluster = cluster.map(ClusterId::get);
        self.query(queries::DATABASE_LIST, &[&cluster]).await?.iter().map(read).collect()
    }

    /// The databases that a tenant, and the tenants of plans, have of their own, by cluster and name.
    pub async fn own_databases(
        &self,
        tenant: Option<&TenantKey>,
        plans: &[&str],
    ) -> Result<Vec<Database>, CatalogError> {
        let tenant = tenant.map(TenantKey::as_str);
        self.query(queries::DATABASE_OWN, &[&tenant, &plans]).await?.iter().map(read).collect()
    }

    /// Lets tenants' own databases have as many connections as their tenants may use. Their servers must let their login roles have as
    /// many before this is committed.
    pub async fn follow_limits(&self, of: LimitsOf) -> Result<(), CatalogError> {
        let (tenant, plan, cluster) = match of {
            LimitsOf::Tenant(tenant) => (Some(tenant.get()), None, None),
            LimitsOf::Plan(plan) => (None, Some(plan.get()), None),
            LimitsOf::Cluster(cluster) => (None, None, Some(cluster.get())),
        };
        let unsaid = i64::from(Limits::default().connections);
        self.execute(queries::DATABASE_FOLLOW_LIMITS, &[&tenant, &plan, &cluster, &unsaid]).await?;
        Ok(())
    }

    /// How many tenants are placed in each database; one without tenants may be missing.
    pub async fn tenants_per_database(&self) -> Result<BTreeMap<DatabaseId, u64>, CatalogError> {
        let rows = self.query(queries::DATABASE_TENANTS, &[]).await?;
        let count = |row| Ok((DatabaseId::new(get(row, WHAT, "database")?), number(row, WHAT, "tenants")?));
        rows.iter().map(count).collect()
    }

    /// Moves a database along its life.
    pub async fn set_database_state(&self, id: DatabaseId, state: DatabaseState) -> Result<(), CatalogError> {
        found(self.execute(queries::DATABASE_SET_STATE, &[&id.get(), &state.as_str()]).await?, WHAT, id)
    }

    /// Remembers which schema was applied.
    pub async fn set_database_fingerprint(
        &self,
        id: DatabaseId,
        fingerprint: &str,
    ) -> Result<(), CatalogError> {
        found(self.execute(queries::DATABASE_SET_FINGERPRINT, &[&id.get(), &fingerprint]).await?, WHAT, id)
    }

    /// Signs new tokens with the key after `current`, which becomes the previous key and stays valid.
    /// `WrongState` when the database's key is not `current`, or an older key was not retired yet.
    pub async fn rotate_database_key(&self, id: DatabaseId, current: KeyId) -> Result<KeyId, CatalogError> {
        if let Some(row) = self.query_opt(queries::DATABASE_ROTATE_KEY, &[&id.get(), &current.get()]).await? {
            return Ok(KeyId::new(get(&row, WHAT, "key_id")?));
        }
        let database = self.database(id).await?;
        let found = match database.previous_key {
            Some(previous) => format!("at key {} with key {previous} still valid", database.key),
            None => format!("at key {}", database.key),
        };
        Err(CatalogError::WrongState {
            what: WHAT,
            name: database.stable_name(),
            expected: format!("at key {current} alone"),
            found,
        })
    }

    /// Forgets the previous key, after it was dropped from the database itself.
    pub async fn retire_previous_key(&self, id: DatabaseId) -> Result<(), CatalogError> {
        found(self.execute(queries::DATABASE_RETIRE_KEY, &[&id.get()]).await?, WHAT, id)
    }

    /// Removes a database without tenants; `InUse` while one is placed in it.
    pub async fn delete_database(&self, id: DatabaseId) -> Result<(), CatalogError> {
        let deleted = self.execute(queries::DATABASE_DELETE, &[&id.get()]).await;
        deleted.map_err(|error| in_use(error, WHAT, &id.to_string()))?;
        Ok(())
    }
}

fn taken(error: CatalogError, new: &NewDatabase) -> CatalogError {
    constraint(error, |_, broken| match broken {
        "databases_cluster_login_key" => {
            Some(CatalogError::Taken { what: "login role", name: new.login.as_str().to_owned() })
        }
        "databases_cluster_fkey" => {
            Some(CatalogError::Unknown { what: "cluster", name: new.cluster.to_string(), suggestion: None })
        }
        _ => None,
    })
}

fn read(row: &Row) -> Result<Database, CatalogError> {
    let states = [DatabaseState::Provisioning, DatabaseState::Ready, DatabaseState::Dropping];
    Ok(Database {
        id: DatabaseId::new(get(row, WHAT, "id")?),
        cluster: ClusterId::new(get(row, WHAT, "cluster")?),
        cluster_name: get(row, WHAT, "cluster_name")?,
        name: ident(row, WHAT, "name")?,
        kind: word(row, WHAT, "kind", &[DatabaseKind::Pool, DatabaseKind::Tenant], DatabaseKind::as_str)?,
        login: ident(row, WHAT, "login")?,
        context: row::context(row, WHAT)?,
        key: KeyId::new(get(row, WHAT, "key_id")?),
        previous_key: get::<Option<i32>>(row, WHAT, "previous_key_id")?.map(KeyId::new),
        max_connections: number(row, WHAT, "max_connections")?,
        state: word(row, WHAT, "state", &states, DatabaseState::as_str)?,
        fingerprint: get(row, WHAT, "fingerprint")?,
    })
}
