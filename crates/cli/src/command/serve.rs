//! `tenantry serve`: the gateway, following the catalog, until it is told to stop.

use super::Session;
use crate::config::Config;
use crate::descriptors;
use crate::logging::{self, LogFormat};
use crate::notify::Notify;
use crate::stop::Stop;
use crate::wiring;
use anyhow::Context;
use clap::Args;
use std::env;
use std::net::{SocketAddr, TcpListener};
use std::process;
use std::sync::Arc;
use std::time::Duration;
use tenantry_catalog::{Catalog, CatalogConfig, Feed, FeedHandle, FeedOptions};
use tenantry_core::{ErrorKind, RouteTable};
use tenantry_gateway::{CancelConfig, Gateway, Leaving, Reloaded, Request, Shutdown};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::Interval;

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
    let (config, mut gateway_config) = read(session, &args)?;
    descriptors::make_room_for(gateway_config.max_clients);
    let master_key = config.master_key()?;
    let catalog = wiring::catalog_config(config.catalog()?);
    // From here on a signal is heard, also while the first routes are still loading.
    let mut stop = Stop::listen()?;
    if args.migrate || config.auto_migrate() {
        Catalog::connect(catalog.clone()).await?.migrate().await?;
    }
    gateway_config.cancel = join_gateways(&catalog, config.peer_listen()).await?;
    let started = tokio::select! {
        started = follow(catalog.clone(), gateway_name()) => started?,
        () = stop.requested() => return Ok(()),
    };
    let (routes, feed) = started;
    let tenants = routes.borrow().tenant_count();
    let followed = wiring::rewriters::follow(catalog, routes.clone()).await?;
    let gateway = Gateway::start_with(gateway_config, &routes, master_key, &followed.rewriters)?;
    for address in gateway.local_addrs() {
        tracing::info!(%address, tenants, "gateway is listening");
    }
    let notify = Notify::from_environment();
    notify.ready();
    let how = attend(session, &args, &gateway, &mut stop, &notify).await?;
    notify.stopping();
    tracing::info!(clients = gateway.clients(), drain_seconds = args.drain, ?how, "stopping");
    tokio::select! {
        () = finish(gateway, how, Duration::from_secs(args.drain)) => {}
        () = stop.requested() => tracing::warn!("told to stop again: cutting open transactions"),
    }
    feed.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// What the gateway is to be told, from the file and the command line.
fn read(session: &Session, args: &ServeArgs) -> anyhow::Result<(Config, tenantry_gateway::Config)> {
    let config = session.config()?;
    let mut gateway = config.gateway()?;
    if !args.listen.is_empty() {
        gateway.listen.clone_from(&args.listen);
    }
    Ok((config, gateway))
}

/// Does what signals and consoles ask for, until one of them asks to stop.
async fn attend(
    session: &Session,
    args: &ServeArgs,
    gateway: &Gateway,
    stop: &mut Stop,
    notify: &Notify,
) -> anyhow::Result<Shutdown> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut requests = gateway.requests();
    let mut watchdog = notify.watchdog_period().map(tokio::time::interval);
    loop {
        // Cancel-safe, all of them: signals, requests and ticks are kept for the next look.
        tokio::select! {
            () = stop.requested() => return Ok(Shutdown::WaitForTransactions),
            _ = hangup.recv() => drop(reload(session, args, gateway, notify)),
            Some(request) = heard(&mut requests) => match request {
                Request::Reload(answer) => drop(answer.send(reload(session, args, gateway, notify))),
                Request::Shutdown(how) => return Ok(how),
            },
            () = due(&mut watchdog) => if gateway.is_alive().await {
                notify.alive();
            },
        }
    }
}

async fn heard(requests: &mut Option<mpsc::Receiver<Request>>) -> Option<Request> {
    match requests {
        Some(requests) => requests.recv().await,
        None => std::future::pending().await,
    }
}

async fn due(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(watchdog) => drop(watchdog.tick().await),
        None => std::future::pending().await,
    }
}

/// Reads the configuration again. What can change does; on an error everything stays as it is.
fn reload(
    session: &Session,
    args: &ServeArgs,
    gateway: &Gateway,
    notify: &Notify,
) -> Result<Reloaded, String> {
    notify.reloading();
    let reloaded = read(session, args).and_then(|(_, config)| {
        gateway.reload_certificates()?;
        Ok(gateway.reload(&config))
    });
    notify.ready();
    match reloaded {
        Ok(reloaded) => {
            let changed = reloaded.changed.join(", ");
            tracing::info!(changed, "configuration read again");
            if !reloaded.needs_restart.is_empty() {
                let settings = reloaded.needs_restart.join(", ");
                tracing::warn!(settings, "what changed of these waits for a restart");
            }
            Ok(reloaded)
        }
        Err(error) => {
            let error = format!("{error:#}");
            tracing::error!(error, "the configuration can't be read: everything stays as it is");
            Err(error)
        }
    }
}

/// Stops. Clients get the first half of the time to leave by themselves.
async fn finish(gateway: Gateway, how: Shutdown, drain: Duration) {
    let half = drain / 2;
    match how {
        Shutdown::Now => gateway.shutdown(Duration::ZERO).await,
        Shutdown::WaitForTransactions => {
            gateway.leave(half, Leaving::QuietClients).await;
            gateway.shutdown(half).await;
        }
        Shutdown::WaitForClients => {
            gateway.leave(Duration::MAX, Leaving::ClientsThatWantTo).await;
            gateway.shutdown(drain).await;
        }
    }
}

/// Listens for other gateways and announces this one, for cancel requests that reach the wrong one of them.
async fn join_gateways(catalog: &CatalogConfig, listen: SocketAddr) -> anyhow::Result<CancelConfig> {
    let listener = TcpListener::bind(listen).with_context(|| crate::failure::Refusal {
        kind: ErrorKind::Conflict,
        message: format!("can't listen on {listen} for other gateways"),
        hint: Some("choose another address in [gateway] peer_listen".into()),
    })?;
    let address = listener.local_addr()?;
    let catalog = Catalog::connect(catalog.clone()).await?;
    let tx = catalog.transaction().await?;
    let number = tx.register_gateway(&gateway_name(), Some(address)).await?;
    tx.commit().await?;
    if number.is_none() {
        tracing::warn!("too many gateways: cancel requests for this one's clients are heard here only");
    }
    Ok(CancelConfig {
        number: number.unwrap_or(0),
        listener: Some(Arc::new(listener)),
        ..CancelConfig::default()
    })
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
