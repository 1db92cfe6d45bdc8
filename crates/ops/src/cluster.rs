//! Clusters: adding one, listing them, checking that what was installed is still whole.

mod check;
pub mod servers;
pub(crate) mod upgrade;

pub use check::{Finding, Severity, check};

use crate::database::{self, CoreOf};
use crate::isolation::{self, Probe, TenantType};
use crate::steps::Steps;
use crate::{Control, OpsError, Progress};
use tenantry_catalog::{
    Cluster, Database, DatabaseKind, DatabaseState, NewCluster, NewDatabase, PasswordSource,
};
use tenantry_core::{ContextKind, ErrorKind, ServerAddress, SqlIdent};

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
    /// Server connections that one gateway may open to all databases of the cluster; `None` is no limit.
    pub cluster_connections: Option<u32>,
}

/// What `cluster add` made or found.
#[derive(Debug, Clone)]
pub struct AddedCluster {
    pub probe: Probe,
    pub context: ContextKind,
}

/// A cluster and its databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSummary {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub more_hosts: Vec<ServerAddress>,
    pub replicas: Vec<ServerAddress>,
    /// `server_version_num` when it was added.
    pub server_version: u32,
    pub context: ContextKind,
    pub databases: Vec<DatabaseSummary>,
}

/// A data database as people list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSummary {
    pub name: String,
    pub kind: DatabaseKind,
    pub context: ContextKind,
    pub tenants: u64,
    /// Of the schema that was applied last.
    pub fingerprint: Option<String>,
}

/// Makes a cluster ready: probe, catalog row, and per pool a database with the isolation core. Databases that tenants have of their
/// own get this program's core too.
/// Running it again finds each step done, and makes whole what is not.
pub async fn add(
    control: &Control,
    request: &AddCluster,
    progress: &dyn Progress,
) -> Result<AddedCluster, OpsError> {
    let steps = Steps::new(progress);
    let _lock = control.lock(&format!("cluster/{}", request.name)).await?;
    let maintenance = control.connect_maintenance(&request.name).await?;
    let probe = isolation::probe(&maintenance).await?;
    let context = choose_context(request, &probe)?;

    let step = steps.next("register-cluster", &request.name)?;
    let new = new_cluster(control, request, &probe, context)?;
    let found = find(control, &request.name).await?;
    step.run(found.as_ref().is_some_and(|found| same(found, &new)), register(control, &new)).await?;
    let cluster = find(control, &request.name).await?.ok_or_else(|| vanished(&request.name))?;

    for name in &request.pools {
        add_pool(control, request, &cluster, name, &maintenance, steps).await?;
    }
    Box::pin(upgrade::own_databases(control, &cluster, &maintenance, steps)).await?;
    Ok(AddedCluster { probe, context })
}

async fn add_pool(
    control: &Control,
    request: &AddCluster,
    cluster: &Cluster,
    name: &SqlIdent,
    maintenance: &tokio_postgres::Client,
    steps: Steps<'_>,
) -> Result<(), OpsError> {
    let on = format!("{}/{}", request.name, name.as_str());
    let step = steps.next("register-pool", &on)?;
    let found = find_pool(control, cluster, name).await?;
    let new = NewDatabase {
        cluster: cluster.id,
        name: name.clone(),
        kind: DatabaseKind::Pool,
        login: isolation::pool_login(name)?,
        // Policies depend on the context: an existing pool keeps its own.
        context: found.as_ref().map_or(cluster.context, |found| found.context),
        max_connections: request.max_connections,
    };
    let done = found.as_ref().is_some_and(|found| {
        found.login == new.login && found.max_connections == new.max_connections && found.kind == new.kind
    });
    step.run(done, async {
        let tx = control.catalog.transaction().await?;
        tx.upsert_database(&new).await?;
        let details =
            serde_json::json!({ "context": new.context.as_str(), "max_connections": new.max_connections });
        tx.audit(&control.audit("pool.add", format!("database/{on}"), None, details)).await?;
        Ok(tx.commit().await?)
    })
    .await?;
    let pool = find_pool(control, cluster, name).await?.ok_or_else(|| vanished(&on))?;

    let step = steps.next("create-database", &on)?;
    step.run(database::exists(maintenance, name).await?, database::create(maintenance, name)).await?;

    let step = steps.next("install-core", &on)?;
    let mut admin = control.connect(&request.name, name.as_str()).await?;
    let core = CoreOf::new(control, &pool, request.tenant_type, None)?;
    step.run(core.is_whole(&admin).await?, core.install(&mut admin)).await?;

    let step = steps.next("pool-ready", &on)?;
    step.run(pool.state == DatabaseState::Ready, async {
        let tx = control.catalog.transaction().await?;
        tx.set_database_state(pool.id, DatabaseState::Ready).await?;
        tx.audit(&control.audit("pool.ready", format!("database/{on}"), None, serde_json::json!({}))).await?;
        Ok(tx.commit().await?)
    })
    .await
}

fn choose_context(request: &AddCluster, probe: &Probe) -> Result<ContextKind, OpsError> {
    match request.context {
        Some(ContextKind::Carrier) if !probe.carrier_possible => Err(OpsError::refused(
            ErrorKind::NotSupported,
            format!(
                "cluster {:?} can't have the privileged carrier: {}",
                request.name,
                probe.reasons.join(", ")
            ),
            "give a superuser as the admin user, or choose the signed context",
        )),
        Some(asked) => Ok(asked),
        None if probe.carrier_possible => Ok(ContextKind::Carrier),
        None => Ok(ContextKind::Signed),
    }
}

fn new_cluster(
    control: &Control,
    request: &AddCluster,
    probe: &Probe,
    context: ContextKind,
) -> Result<NewCluster, OpsError> {
    let access = control.access(&request.name)?;
    Ok(NewCluster {
        name: request.name.clone(),
        host: access.host.clone(),
        port: access.port,
        more_hosts: access.more_hosts.clone(),
        replicas: access.replicas.clone(),
        admin_user: access.user.clone(),
        // The configuration says where the password is, again at each start.
        password: PasswordSource::Nothing,
        maintenance_database: access.maintenance_database.clone(),
        server_version: probe.version,
        context,
        max_connections: request.cluster_connections,
        tls: access.tls.clone(),
    })
}

fn same(found: &Cluster, new: &NewCluster) -> bool {
    let Cluster {
        id: _,
        name,
        host,
        port,
        more_hosts,
        replicas,
        admin_user,
        password,
        maintenance_database,
        server_version,
        context,
        max_connections,
        tls,
    } = found.clone();
    let found = NewCluster {
        name,
        host,
        port,
        more_hosts,
        replicas,
        admin_user,
        password,
        maintenance_database,
        server_version,
        context,
        max_connections,
        tls,
    };
    found == *new
}

async fn register(control: &Control, new: &NewCluster) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    tx.upsert_cluster(new).await?;
    let details = serde_json::json!({
        "host": new.host, "port": new.port, "server_version": new.server_version, "context": new.context.as_str(),
        "sslmode": new.tls.mode.as_str(), "more_hosts": texts(&new.more_hosts), "replicas": texts(&new.replicas),
    });
    tx.audit(&control.audit("cluster.add", format!("cluster/{}", new.name), None, details)).await?;
    Ok(tx.commit().await?)
}

fn texts(servers: &[ServerAddress]) -> Vec<String> {
    servers.iter().map(ToString::to_string).collect()
}

async fn find(control: &Control, name: &str) -> Result<Option<Cluster>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let found = tx.find_cluster(name).await?;
    tx.rollback().await?;
    Ok(found)
}

async fn find_pool(
    control: &Control,
    cluster: &Cluster,
    name: &SqlIdent,
) -> Result<Option<Database>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let found = tx.find_database(cluster.id, name).await?;
    tx.rollback().await?;
    Ok(found)
}

fn vanished(name: &str) -> OpsError {
    OpsError::refused(ErrorKind::Conflict, format!("{name} was removed while it was added"), "run it again")
}

/// All clusters, by name.
pub async fn list(control: &Control) -> Result<Vec<ClusterSummary>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let counts = tx.tenants_per_database().await?;
    let mut all = Vec::new();
    for cluster in tx.clusters().await? {
        let databases = tx.databases(Some(cluster.id)).await?;
        all.push(ClusterSummary {
            databases: databases
                .into_iter()
                .map(|database| DatabaseSummary {
                    tenants: counts.get(&database.id).copied().unwrap_or(0),
                    name: database.name.as_str().to_owned(),
                    kind: database.kind,
                    context: database.context,
                    fingerprint: database.fingerprint,
                })
                .collect(),
            name: cluster.name,
            host: cluster.host,
            port: cluster.port,
            more_hosts: cluster.more_hosts,
            replicas: cluster.replicas,
            server_version: cluster.server_version,
            context: cluster.context,
        });
    }
    tx.rollback().await?;
    Ok(all)
}
