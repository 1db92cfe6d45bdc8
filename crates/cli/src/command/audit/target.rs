//! Which databases: one by URL, one of a configured cluster, or all that the catalog knows.

use super::AuditArgs;
use crate::command::Session;
use crate::config::{Config, ConfigError};
use crate::failure::Refusal;
use crate::wiring;
use clap::Args;
use std::env;
use std::path::PathBuf;
use tenantry_audit::{Access, Ask};
use tenantry_catalog::{Database, DatabaseState};
use tenantry_core::Secret;
use tenantry_ops::{ClusterAccess, Control, schema};
use tenantry_schema::{Declaration, Suppression};

#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// A database, Tenantry's or anybody's: postgres://USER@HOST:PORT/DATABASE, without a password
    #[arg(long, value_name = "URL", conflicts_with_all = ["cluster", "database"])]
    url: Option<String>,
    /// A file that holds the password of the user in --url
    #[arg(long, value_name = "FILE", requires = "url", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// The environment variable that holds it [default: PGPASSWORD, if it is set]
    #[arg(long, value_name = "NAME", requires = "url")]
    password_env: Option<String>,
    /// A cluster of the configuration [default: all]
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// A database of that cluster [default: all that the catalog knows]
    #[arg(long, value_name = "NAME", requires = "cluster")]
    pub(super) database: Option<String>,
}

/// One database to audit.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) access: Access,
    pub(super) ask: Ask,
}

/// The databases, and what the declaration accepts.
pub(super) async fn resolve(
    session: &Session,
    args: &AuditArgs,
) -> anyhow::Result<(Vec<Target>, Vec<Suppression>)> {
    if let Some(url) = &args.target.url {
        let config = match session.config() {
            Err(error) if matches!(error.downcast_ref(), Some(ConfigError::NoFile)) => Config::empty(),
            result => result?,
        };
        let declaration = config.declaration();
        let access = args.target.access(url)?;
        let label = access.maintenance_database.clone();
        let ignore = declaration.ignore.clone();
        let target = target(&access, None, label, declared(declaration), args);
        return Ok((vec![target], ignore));
    }
    let config = session.config()?;
    let ignore = config.declaration().ignore;
    let control = wiring::control(&config).await?;
    let targets = match (&args.target.cluster, &args.target.database) {
        (Some(cluster), Some(database)) => {
            vec![of_cluster(&config, &control, args, cluster, database).await?]
        }
        (cluster, _) => of_catalog(&control, args, cluster.as_deref()).await?,
    };
    Ok((targets, ignore))
}

/// A declaration that says something.
fn declared(mut declaration: Declaration) -> Option<Declaration> {
    declaration.ignore.clear();
    (declaration != Declaration::default()).then_some(declaration)
}

impl TargetArgs {
    /// Reads the URL as one of the configuration is read: the same checks, the same words.
    fn access(&self, url: &str) -> anyhow::Result<ClusterAccess> {
        let mut section = toml::Table::new();
        section.insert("url".into(), url.into());
        if let Some(file) = &self.password_file {
            let file = env::current_dir()?.join(file);
            section.insert("password_file".into(), file.display().to_string().into());
        }
        let variable =
            self.password_env.clone().or_else(|| env::var_os("PGPASSWORD").map(|_| "PGPASSWORD".to_owned()));
        if let (Some(variable), None) = (variable, &self.password_file) {
            section.insert("password_env".into(), variable.into());
        }
        let clusters: toml::Table = [("url".to_owned(), section.into())].into_iter().collect();
        let whole: toml::Table = [("clusters".to_owned(), clusters.into())].into_iter().collect();
        let config = Config::parse(PathBuf::from("--url"), whole.to_string())?;
        Ok(config.cluster("url")?.access)
    }
}

async fn of_cluster(
    config: &Config,
    control: &Control,
    args: &AuditArgs,
    cluster: &str,
    database: &str,
) -> anyhow::Result<Target> {
    let access = config.cluster(cluster)?.access;
    let known = databases(control).await?;
    let ours = known.iter().any(|known| known.cluster_name == cluster && known.name.as_str() == database);
    let declaration = if ours { published(control).await? } else { declared(config.declaration()) };
    Ok(target(&access, Some(database), format!("{cluster}/{database}"), declaration, args))
}

async fn of_catalog(
    control: &Control,
    args: &AuditArgs,
    cluster: Option<&str>,
) -> anyhow::Result<Vec<Target>> {
    let declaration = published(control).await?;
    let mut targets = Vec::new();
    for database in databases(control).await? {
        let wanted = cluster.is_none_or(|cluster| cluster == database.cluster_name);
        if !wanted || database.state != DatabaseState::Ready {
            continue;
        }
        let Some(access) = control.clusters.get(&database.cluster_name) else {
            let message = format!("no admin access to cluster {:?} is configured", database.cluster_name);
            return Err(Refusal::input(message, "add it to the configuration").into());
        };
        let label = format!("{}/{}", database.cluster_name, database.name.as_str());
        targets.push(target(access, Some(database.name.as_str()), label, declaration.clone(), args));
    }
    if targets.is_empty() {
        return Err(Refusal::input(
            "the catalog knows no database that is ready",
            "name one with --url, or add a cluster",
        )
        .into());
    }
    Ok(targets)
}

async fn databases(control: &Control) -> anyhow::Result<Vec<Database>> {
    let tx = control.catalog.snapshot().await?;
    let databases = tx.databases(None).await?;
    tx.rollback().await?;
    Ok(databases)
}

/// What was declared when the schema was published.
async fn published(control: &Control) -> anyhow::Result<Option<Declaration>> {
    Ok(schema::current(control).await?.map(|schema| schema.declaration))
}

fn target(
    access: &ClusterAccess,
    database: Option<&str>,
    label: String,
    declaration: Option<Declaration>,
    args: &AuditArgs,
) -> Target {
    let access = Access {
        host: access.host.clone(),
        port: access.port,
        user: access.user.clone(),
        password: access.password.as_ref().map(|password| Secret::new(password.expose())),
        database: database.unwrap_or(&access.maintenance_database).to_owned(),
    };
    let ask = Ask {
        label,
        schema: args.schema.clone(),
        declaration,
        tenant_column: args.tenant_column.clone(),
        roles: args.roles.clone(),
    };
    Target { access, ask }
}
