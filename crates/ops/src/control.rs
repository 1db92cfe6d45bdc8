//! What an operation works with: the catalog, the deployment's secret, and admin access to the clusters.

use crate::{OpsError, sql};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tenantry_catalog::{AuditEntry, Catalog, CatalogError, Database, OperationLock};
use tenantry_core::{ContextKey, MasterKey, Secret, ServerAddress, ServerTls, SqlIdent, TenantId};
use tenantry_wire::scram::{DEFAULT_ROUNDS, Verifier};
use tokio_postgres::Client;

/// How long an operation waits for another one on the same thing.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A gateway acknowledges at least at every poll of its feed; one silent for longer than some of them is gone.
const GATEWAY_SILENCE: Duration = Duration::from_secs(20);
const GATEWAY_PAUSE: Duration = Duration::from_millis(10);
/// How long an operation that has done its work waits for gateways to hear of it. They do in milliseconds.
pub(crate) const HEARING: Duration = Duration::from_secs(2);

/// Everything an operation needs. The catalog holds no secret, so admin access comes from the configuration.
#[derive(Debug, Clone)]
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
    /// Other servers that may be the primary one day. Whichever takes writes is used.
    pub more_hosts: Vec<ServerAddress>,
    /// Servers that follow the primary and take reads.
    pub replicas: Vec<ServerAddress>,
    pub user: String,
    pub password: Option<Secret>,
    /// The database that administration starts from.
    pub maintenance_database: String,
    pub tls: ServerTls,
}

impl Control {
    /// Takes the right to run an operation on `name`. A process that was killed a moment ago, or an operation that has
    /// just ended, still holds it until the catalog's server notices; so a lock that is taken is asked for again.
    pub(crate) async fn lock(&self, name: &str) -> Result<OperationLock, OpsError> {
        let begun = Instant::now();
        loop {
            match self.catalog.lock(name).await {
                Err(CatalogError::Locked { .. }) if begun.elapsed() < LOCK_PATIENCE => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                answer => return Ok(answer?),
            }
        }
    }

    /// Waits until every gateway has heard of all that is committed now, for `patience` at most. One that stopped
    /// acknowledging is not waited for: it is gone, or cut off from the catalog, and then the database refuses it.
    pub(crate) async fn wait_for_gateways(&self, patience: Duration) -> Result<(), OpsError> {
        let begun = Instant::now();
        let mut wanted = None;
        loop {
            let tx = self.catalog.snapshot().await?;
            let revision = match wanted {
                Some(revision) => revision,
                None => *wanted.insert(tx.route_revision().await?),
            };
            let gateways = tx.gateways().await?;
            tx.rollback().await?;
            let behind = gateways.iter().any(|gateway| {
                let silent = gateway.seen_at.elapsed().unwrap_or_default();
                gateway.revision < revision && silent < GATEWAY_SILENCE
            });
            if !behind || begun.elapsed() >= patience {
                return Ok(());
            }
            tokio::time::sleep(GATEWAY_PAUSE).await;
        }
    }

    pub(crate) fn access(&self, cluster: &str) -> Result<&ClusterAccess, OpsError> {
        self.clusters.get(cluster).ok_or_else(|| OpsError::NoAccess(cluster.to_owned()))
    }

    /// An admin connection to one database of a cluster.
    pub(crate) async fn connect(&self, cluster: &str, database: &str) -> Result<Client, OpsError> {
        sql::connect(cluster, self.access(cluster)?, database).await
    }

    /// An admin connection from which databases are made and dropped.
    pub(crate) async fn connect_maintenance(&self, cluster: &str) -> Result<Client, OpsError> {
        let access = self.access(cluster)?;
        sql::connect(cluster, access, &access.maintenance_database).await
    }

    /// The password of a data database's login role (the application's or the reader), and a fresh verifier of it.
    pub(crate) fn login_secret(&self, database: &Database, role: &SqlIdent) -> (Secret, String) {
        let password = self.master_key.login_password(&database.stable_name(), role.as_str());
        let verifier = Verifier::generate(password.expose(), DEFAULT_ROUNDS).to_string();
        (password, verifier)
    }

    /// The key that new tokens for a data database are signed with.
    pub(crate) fn context_key(&self, database: &Database) -> ContextKey {
        self.master_key.context_key(&database.stable_name(), database.key)
    }

    pub(crate) fn audit(
        &self,
        action: &str,
        subject: String,
        tenant: Option<TenantId>,
        details: serde_json::Value,
    ) -> AuditEntry {
        AuditEntry { actor: self.actor.clone(), action: action.to_owned(), subject, tenant, details }
    }
}
