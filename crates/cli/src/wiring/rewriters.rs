//! The rewriter of statements on shared tables, of the deployment's current schema, for a gateway. It is made anew when another
//! version is published; while the catalog is away the last one stays.

use std::sync::Arc;
use std::time::Duration;
use tenantry_catalog::{Catalog, CatalogConfig, SchemaVersion};
use tenantry_core::RouteTable;
use tenantry_gateway::Rewriters;
use tenantry_schema::read;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the catalog is asked at least, and at most, for its schema's version.
const SLOWEST: Duration = Duration::from_secs(5);
const FASTEST: Duration = Duration::from_millis(100);

/// What a gateway follows, and the task that tells it. Dropped, the task ends.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) rewriters: watch::Receiver<Arc<Rewriters>>,
    task: JoinHandle<()>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the current schema, and follows it: routes change when a schema is applied, and whoever missed that asks by and by.
pub(crate) async fn follow(
    config: CatalogConfig,
    routes: watch::Receiver<Arc<RouteTable>>,
) -> anyhow::Result<Followed> {
    let catalog = Catalog::connect(config).await?;
    let mut version = None;
    // Without it statements go on as they are, which is less than an application may want and still safe.
    let first = newer(&catalog, &mut version).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the current schema could not be read: statements on shared tables stay as they are");
        None
    });
    let (sender, rewriters) = watch::channel(first.unwrap_or_default());
    let task = tokio::spawn(keep(catalog, version, routes, sender));
    Ok(Followed { rewriters, task })
}

async fn keep(
    catalog: Catalog,
    mut version: Option<i32>,
    mut routes: watch::Receiver<Arc<RouteTable>>,
    sender: watch::Sender<Arc<Rewriters>>,
) {
    let mut feed_alive = true;
    while !sender.is_closed() {
        // Tenants come by the thousand; one question answers for all of them.
        tokio::time::sleep(FASTEST).await;
        // Cancel-safe: `changed` and `sleep` lose nothing when dropped.
        tokio::select! {
            changed = routes.changed(), if feed_alive => feed_alive = changed.is_ok(),
            () = tokio::time::sleep(SLOWEST) => {}
        }
        match newer(&catalog, &mut version).await {
            Ok(Some(rewriters)) => drop(sender.send_replace(rewriters)),
            Ok(None) => {}
            // The feed says so too, and louder.
            Err(error) => tracing::debug!(%error, "the current schema could not be read"),
        }
    }
}

/// The rewriters of the current schema, if it is another than `version`.
async fn newer(catalog: &Catalog, version: &mut Option<i32>) -> anyhow::Result<Option<Arc<Rewriters>>> {
    let tx = catalog.snapshot().await?;
    let current = tx.current_schema_version().await?;
    if current == *version {
        tx.rollback().await?;
        return Ok(None);
    }
    let schema = tx.current_schema().await?;
    tx.rollback().await?;
    let rewriters = match schema {
        // A large schema takes a while.
        Some(schema) => tokio::task::spawn_blocking(move || of(schema)).await??,
        None => Rewriters::default(),
    };
    *version = current;
    tracing::info!(version, "statements on shared tables follow this version of the schema");
    Ok(Some(Arc::new(rewriters)))
}

fn of(schema: SchemaVersion) -> anyhow::Result<Rewriters> {
    let model = read(&schema.facts)?;
    let declaration = serde_json::from_value(schema.declaration)?;
    Ok(tenantry_rewrite::rewriters(&model, &declaration))
}
