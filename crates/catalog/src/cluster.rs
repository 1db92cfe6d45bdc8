//! Clusters: PostgreSQL servers that hold tenants' data.

use crate::error::CatalogError;
use crate::queries;
use crate::row::{self, bad, get, number};
use crate::suggest::nearest;
use crate::tx::{Tx, in_use};
use std::path::PathBuf;
use tenantry_core::{ClusterId, ContextKind, ServerAddress, ServerTls};
use tokio_postgres::Row;

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
    /// Other servers that may become the primary.
    pub more_hosts: Vec<ServerAddress>,
    /// Servers that follow the primary and take reads.
    pub replicas: Vec<ServerAddress>,
    pub admin_user: String,
    pub password: PasswordSource,
    pub maintenance_database: String,
    /// `server_version_num`.
    pub server_version: u32,
    /// What new databases on it get.
    pub context: ContextKind,
    /// Connections that one gateway may open to all its databases together; `None` is no limit.
    pub max_connections: Option<u32>,
    pub tls: ServerTls,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub id: ClusterId,
    pub name: String,
    pub host: String,
    pub port: u16,
    pub more_hosts: Vec<ServerAddress>,
    pub replicas: Vec<ServerAddress>,
    pub admin_user: String,
    pub password: PasswordSource,
    pub maintenance_database: String,
    pub server_version: u32,
    pub context: ContextKind,
    pub max_connections: Option<u32>,
    pub tls: ServerTls,
}

impl Tx {
    /// Makes a cluster, or gives the one of that name these properties.
    pub async fn upsert_cluster(&self, new: &NewCluster) -> Result<Cluster, CatalogError> {
        let (kind, reference) = new.password.columns()?;
        let (port, version) = (i64::from(new.port), i64::from(new.server_version));
        let context = new.context.as_str();
        let connections = new.max_connections.map(i64::from);
        let texts =
            |servers: &[ServerAddress]| -> Vec<String> { servers.iter().map(ToString::to_string).collect() };
        let (more_hosts, replicas) = (texts(&new.more_hosts), texts(&new.replicas));
        self.execute(
            queries::CLUSTER_UPSERT,
            &[
                &new.name,
                &new.host,
                &port,
                &new.admin_user,
                &kind,
                &reference,
                &new.maintenance_database,
                &version,
                &context,
                &connections,
                &new.tls.mode.as_str(),
                &new.tls.root_certificate.as_deref(),
                &more_hosts,
                &replicas,
            ],
        )
        .await
        .map_err(|error| bad_name(error, &new.name))?;
        self.cluster(&new.name).await
    }

    /// The cluster of that name, or `Unknown` with a suggestion.
    pub async fn cluster(&self, name: &str) -> Result<Cluster, CatalogError> {
        if let Some(cluster) = self.find_cluster(name).await? {
            return Ok(cluster);
        }
        let clusters = self.clusters().await?;
        let suggestion = nearest(name, clusters.iter().map(|cluster| cluster.name.as_str()));
        Err(CatalogError::Unknown { what: "cluster", name: name.to_owned(), suggestion })
    }

    /// The cluster of that name, if there is one.
    pub async fn find_cluster(&self, name: &str) -> Result<Option<Cluster>, CatalogError> {
        self.query_opt(queries::CLUSTER_BY_NAME, &[&name]).await?.as_ref().map(read).transpose()
    }

    /// All clusters, by name.
    pub async fn clusters(&self) -> Result<Vec<Cluster>, CatalogError> {
        self.query(queries::CLUSTER_LIST, &[]).await?.iter().map(read).collect()
    }

    /// Removes a cluster without databases; `InUse` while it has some.
    pub async fn delete_cluster(&self, id: ClusterId) -> Result<(), CatalogError> {
        let deleted = self.execute(queries::CLUSTER_DELETE, &[&id.get()]).await;
        deleted.map_err(|error| in_use(error, "cluster", &id.to_string()))?;
        Ok(())
    }
}

impl PasswordSource {
    fn columns(&self) -> Result<(&'static str, Option<&str>), CatalogError> {
        match self {
            Self::Nothing => Ok(("nothing", None)),
            Self::Environment(name) => Ok(("environment", Some(name))),
            Self::File(path) => match path.to_str() {
                Some(path) => Ok(("file", Some(path))),
                None => Err(CatalogError::Invalid {
                    message: format!("the path {} is not UTF-8", path.display()),
                }),
            },
        }
    }
}

fn bad_name(error: CatalogError, name: &str) -> CatalogError {
    crate::tx::constraint(error, |_, broken| {
        if broken == "clusters_verify_needs_root" {
            let message = format!("cluster {name:?}: verify-ca and verify-full need a root certificate");
            return Some(CatalogError::Invalid { message });
        }
        let message = format!("cluster name {name:?} must be 1 to 63 of a-z, 0-9, '_' and '-'");
        (broken == "clusters_name_check").then_some(CatalogError::Invalid { message })
    })
}

fn read(row: &Row) -> Result<Cluster, CatalogError> {
    const WHAT: &str = "cluster";
    let reference = get::<Option<String>>(row, WHAT, "password_ref")?;
    let password = match (get::<&str>(row, WHAT, "password_kind")?, reference) {
        ("nothing", None) => PasswordSource::Nothing,
        ("file", Some(path)) => PasswordSource::File(path.into()),
        ("environment", Some(name)) => PasswordSource::Environment(name),
        (kind, _) => return Err(bad(WHAT, format!("password_kind is {kind:?}"))),
    };
    let connections = get::<Option<i64>>(row, WHAT, "max_connections")?;
    let connections = connections.map(|n| u32::try_from(n).map_err(|error| bad(WHAT, error)));
    Ok(Cluster {
        id: ClusterId::new(get(row, WHAT, "id")?),
        name: get(row, WHAT, "name")?,
        host: get(row, WHAT, "host")?,
        port: number(row, WHAT, "port")?,
        more_hosts: row::addresses(row, WHAT, "more_hosts")?.into(),
        replicas: row::addresses(row, WHAT, "replicas")?.into(),
        admin_user: get(row, WHAT, "admin_user")?,
        password,
        maintenance_database: get(row, WHAT, "maintenance_database")?,
        server_version: number(row, WHAT, "server_version")?,
        context: row::context(row, WHAT)?,
        max_connections: connections.transpose()?,
        tls: row::tls(row, WHAT)?,
    })
}
