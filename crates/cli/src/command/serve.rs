//! `tenantry serve`: the gateway, following the catalog, until it is told to stop.

use super::Session;
use crate::logging::{self, LogFormat};
use crate::stop::Stop;
use crate::wiring;
use clap::Args;
use std::env;
use std::net::SocketAddr;
use std::process;
use std::sync::Arc;
use std::time::Duration;
use tenantry_catalog::{Catalog, CatalogConfig, Feed, FeedHandle, FeedOptions};
use tenantry_core::RouteTable;
use tenantry_gateway::Gateway;
use tokio::sync::watch;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Listen here instead of where the configuration says; may be repeated
    #[arg(long, value_name = "IP:PORT", env = "TENANTRY_LISTEN", value_delimiter = ',')]
    listen: Vec<SocketAddr>,
    /// Bring the catalog to this version first, even if the configuration does not
    #[arg(long)]
    migrate: bool,
    /// How log lines look
    #[arg(long, value_enum, default_value_t, env = "TENANTRY_LOG_FORMAT", value_name = "FORMAT")]
    log_format: LogFormat,
    /// What is logged: a level, or directives such as info,tenantry_gateway=debug
    #[arg(long, default_value = "info", env = "TENANTRY_LOG", value_name = "FILTER")]
    log: String,
    /// How long open transactions may take to finish when told to stop, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    drain: u64,
}

pub(crate) async fn run(session: &Session, args: ServeArgs) -> anyhow::Result<()> {
    logging::start(args.log_format, &args.log)?;
    let config = session.config()?;
    let mut gateway_config = config.gateway()?;
    if !args.listen.is_empty() {
        gateway_config.listen.clone_from(&args.listen);
    }
    let master_key = config.master_key()?;
    let catalog = wiring::catalog_config(config.catalog()?);
    // From here on a signal is heard, also while the first routes are still loading.
    let mut stop = Stop::listen()?;
    if args.migrate || config.auto_migrate() {
        Catalog::connect(catalog.clone()).await?.migrate().await?;
    }
    let started = tokio::select! {
        started = follow(catalog, gateway_name()) => started?,
        () = stop.requested() => return Ok(()),
    };
    let (routes, feed) = started;
    let tenants = routes.borrow().tenant_count();
    let gateway = Gateway::start(gateway_config, &routes, master_key)?;
    for address in gateway.local_addrs() {
        tracing::info!(%address, tenants, "gateway is listening");
    }
    stop.requested().await;
    tracing::info!(clients = gateway.clients(), drain_seconds = args.drain, "stopping");
    tokio::select! {
        () = gateway.shutdown(Duration::from_secs(args.drain)) => {}
        () = stop.requested() => tracing::warn!("told to stop again: cutting open transactions"),
    }
    feed.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Starts to follow the catalog under this gateway's name.
async fn follow(
    catalog: CatalogConfig,
    name: String,
) -> anyhow::Result<(watch::Receiver<Arc<RouteTable>>, FeedHandle)> {
    let options = FeedOptions { gateway: Some(name), ..FeedOptions::default() };
    Ok(Feed::start(catalog, options).await?)
}

/// What this gateway acknowledges routes as: host and process, so that several on one host differ.
fn gateway_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{}/{}", env::var("TENANTRY_GATEWAY_NAME").unwrap_or(host), process::id())
}
