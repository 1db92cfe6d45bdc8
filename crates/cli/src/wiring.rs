//! From a configuration to the parts: the control plane, the feed of routes.

pub(crate) mod rewriters;

use crate::config::Config;
use std::env;
use std::path::Path;
use tenantry_catalog::{Catalog, CatalogConfig};
use tenantry_core::MasterKey;
use tenantry_ops::{ClusterAccess, Control, plan};
use tenantry_testkit::{Postgres, PostgresOptions};

/// The catalog's own configuration.
pub(crate) fn catalog_config(access: ClusterAccess) -> CatalogConfig {
    let config = CatalogConfig::new(access.host, access.port, access.user, access.maintenance_database)
        .with_tls(access.tls);
    match access.password {
        Some(password) => config.with_password(password),
        None => config,
    }
}

/// Connects to the catalog, brings it to this version if the configuration says so, and gathers admin access.
pub(crate) async fn control(config: &Config) -> anyhow::Result<Control> {
    let catalog = Catalog::connect(catalog_config(config.catalog()?)).await?;
    if config.auto_migrate() {
        catalog.migrate().await?;
    }
    let (master_key, clusters) = (config.master_key()?, config.clusters()?);
    Ok(Control { catalog, master_key, clusters, actor: actor() })
}

/// The same, for commands that build: the catalog gets the plans of the configuration.
pub(crate) async fn control_with_plans(config: &Config) -> anyhow::Result<Control> {
    let control = control(config).await?;
    plan::upsert(&control, &config.plans()).await?;
    Ok(control)
}

/// Who asks, for the audit trail.
pub(crate) fn actor() -> String {
    let user = env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    format!("cli:{user}")
}

/// A server to read schemas with: a cluster of the configuration, or a PostgreSQL started for it.
pub(crate) struct Bench {
    pub(crate) control: Control,
    pub(crate) cluster: String,
    started: Option<Postgres>,
}

impl Bench {
    /// The named cluster. The catalog is neither needed nor touched; its place is taken by the cluster itself.
    pub(crate) async fn configured(config: &Config, name: &str) -> anyhow::Result<Self> {
        let access = config.cluster(name)?.access;
        Ok(Self { control: scratch_control(name, access).await?, cluster: name.to_owned(), started: None })
    }

    /// A PostgreSQL that is gone when this is.
    pub(crate) async fn started() -> anyhow::Result<Self> {
        let postgres = Postgres::start(PostgresOptions::default()).await?;
        let cluster = "scratch".to_owned();
        let control = scratch_control(&cluster, admin_of(&postgres)).await?;
        Ok(Self { control, cluster, started: Some(postgres) })
    }

    pub(crate) async fn stop(self) {
        drop(self.control);
        if let Some(postgres) = self.started {
            postgres.stop().await;
        }
    }
}

/// Enough of a control plane to read a schema: nothing in it is ever written.
async fn scratch_control(name: &str, access: ClusterAccess) -> anyhow::Result<Control> {
    let catalog = Catalog::connect(catalog_config(access.clone())).await?;
    let clusters = [(name.to_owned(), access)].into();
    Ok(Control { catalog, master_key: MasterKey::generate(), clusters, actor: actor() })
}

/// Admin access to a managed PostgreSQL.
pub(crate) fn admin_of(postgres: &Postgres) -> ClusterAccess {
    ClusterAccess {
        host: postgres.host().to_owned(),
        port: postgres.port(),
        more_hosts: Vec::new(),
        replicas: Vec::new(),
        user: postgres.superuser().to_owned(),
        password: Some(postgres.password().clone()),
        maintenance_database: "postgres".to_owned(),
        tls: tenantry_core::ServerTls::default(),
    }
}

/// The words for a file that can't be read.
pub(crate) fn unreadable(what: &str, path: &Path) -> String {
    format!("can't read {what} from {}", path.display())
}
