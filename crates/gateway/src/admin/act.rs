//! What the console does.

use super::command::Command;
use super::{Request, config};
use crate::clients::{Activity, Client};
use crate::error::ClientError;
use crate::pause::Part;
use crate::report::{self, Report};
use crate::worker::Worker;
use std::sync::Arc;
use std::time::Duration;
use tenantry_core::{DatabaseId, ErrorKind, RouteTable};
use tokio::sync::oneshot;

/// How long PAUSE waits for transactions to end before it says how many are left.
const PAUSE_PATIENCE: Duration = Duration::from_secs(30);
const PAUSE_LOOK: Duration = Duration::from_millis(20);
/// Reading a configuration again may mean looking up names.
const RELOAD_PATIENCE: Duration = Duration::from_secs(30);

/// Runs a command and returns its tag.
pub(super) async fn run(worker: &Worker, command: Command) -> Result<&'static str, ClientError> {
    let routes = Arc::clone(&worker.routes.borrow());
    match command {
        Command::Pause(name) => pause(worker, &routes, part(&routes, name.as_deref())?).await,
        Command::Resume(name) => {
            let part = part(&routes, name.as_deref())?;
            if !worker.shared.pauses.resume(part) {
                return Err(ClientError::new(ErrorKind::Conflict, "it is not paused"));
            }
            tracing::info!(part = name.as_deref().unwrap_or("everything"), "resumed by an administrator");
            Ok("RESUME")
        }
        Command::Kill(name) => kill(worker, &routes, &name).await,
        Command::KillClient(id) => {
            let clients = Report::of(&worker.shared).await.clients;
            let Some(client) = clients.iter().find(|client| client.id == id) else {
                return Err(ClientError::new(ErrorKind::InvalidInput, format!("no client has the id {id}"))
                    .with_hint("SHOW CLIENTS has the ids in its column `id`"));
            };
            end(worker, client).await;
            tracing::info!(session = id, "client ended by an administrator");
            Ok("KILL_CLIENT")
        }
        Command::Reconnect(name) => {
            let database = name.as_deref().map(|name| database(&routes, name)).transpose()?;
            retire(worker, database);
            tracing::info!(database = name.as_deref().unwrap_or("all"), "server connections are replaced");
            Ok("RECONNECT")
        }
        Command::Reload => reload(worker).await,
        Command::Shutdown(how) => {
            ask(worker, Request::Shutdown(how))?;
            Ok("SHUTDOWN")
        }
        Command::Set(key, value) => {
            config::set(&worker.shared, &key, &value)?;
            tracing::info!(key, value, "setting changed by an administrator");
            Ok("SET")
        }
        Command::Empty | Command::Show(_) | Command::Nothing(_) => Ok("SET"),
    }
}

/// What a name means: a tenant's key, or a database as `SHOW DATABASES` calls it.
fn part(routes: &RouteTable, name: Option<&str>) -> Result<Part, ClientError> {
    let Some(name) = name else { return Ok(Part::Everything) };
    if let Some(tenant) = routes.tenant_by_key(name) {
        return Ok(Part::Tenant(tenant.id));
    }
    database(routes, name).map(Part::Database)
}

fn database(routes: &RouteTable, name: &str) -> Result<DatabaseId, ClientError> {
    let whole = routes.databases().find(|database| *database.stable_name == *name);
    let mut short = routes.databases().filter(|database| *database.name == *name);
    match (whole, short.next(), short.next()) {
        (Some(database), ..) | (None, Some(database), None) => Ok(database.id),
        (None, None, _) => Err(ClientError::new(
            ErrorKind::InvalidInput,
            format!("there is no tenant and no database {name:?}"),
        )
        .with_sqlstate("3D000")
        .with_hint("SHOW TENANTS and SHOW DATABASES list them")),
        (None, Some(_), Some(_)) => Err(ClientError::new(
            ErrorKind::InvalidInput,
            format!("several clusters have a database {name:?}"),
        )
        .with_hint("write CLUSTER/DATABASE, as SHOW DATABASES does")),
    }
}

/// Holds new transactions back, waits until none is open, and closes the server connections.
async fn pause(worker: &Worker, routes: &RouteTable, part: Part) -> Result<&'static str, ClientError> {
    worker.shared.pauses.pause(part);
    tracing::info!(?part, "paused by an administrator");
    let busy = |report: &Report| {
        let active = |client: &&Arc<Client>| client.activity() == Activity::Active;
        let held = report.clients.iter().filter(active).filter(|client| belongs(client, routes, part));
        held.count()
    };
    let deadline = tokio::time::Instant::now() + PAUSE_PATIENCE;
    loop {
        let left = busy(&Report::of(&worker.shared).await);
        if left == 0 {
            break;
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(ClientError::new(
                ErrorKind::Conflict,
                format!("{left} transactions are still open; it stays paused"),
            )
            .with_hint("SHOW CLIENTS shows whose; KILL_CLIENT ends one, RESUME ends the pause"));
        }
        tokio::time::sleep(PAUSE_LOOK).await;
    }
    match part {
        Part::Everything => retire(worker, None),
        Part::Database(database) => retire(worker, Some(database)),
        // The connections are everybody's.
        Part::Tenant(_) => {}
    }
    Ok("PAUSE")
}

/// Whether a client's transactions are in that part. A console's session is in none.
fn belongs(client: &Client, routes: &RouteTable, part: Part) -> bool {
    let Some(tenant) = client.tenant() else { return false };
    match part {
        Part::Everything => true,
        Part::Tenant(id) => tenant == id,
        Part::Database(id) => {
            let placement = routes.tenant(tenant).and_then(|tenant| tenant.placement.as_ref());
            placement.is_some_and(|placement| placement.database == id)
        }
    }
}

async fn kill(worker: &Worker, routes: &RouteTable, name: &str) -> Result<&'static str, ClientError> {
    let part = part(routes, Some(name))?;
    // First, so that whoever reconnects waits.
    worker.shared.pauses.pause(part);
    let report = Report::of(&worker.shared).await;
    let mut ended = 0_u64;
    for client in report.clients.iter().filter(|client| belongs(client, routes, part)) {
        end(worker, client).await;
        ended += 1;
    }
    tracing::warn!(
        part = name,
        clients = ended,
        "clients ended by an administrator; RESUME lets them in again"
    );
    Ok("KILL")
}

/// Ends a session. What it is running is cancelled first: closing its connection would not stop the server.
async fn end(worker: &Worker, client: &Client) {
    let cancel = client.known().and_then(|known| known.cancel.as_ref());
    if let Some(cancel) = cancel {
        cancel.cancel(worker.shared.config.connect_timeout).await;
    }
    client.kill();
}

fn retire(worker: &Worker, database: Option<DatabaseId>) {
    for other in worker.shared.commands() {
        if other.try_send(report::Command::Retire(database)).is_err() {
            tracing::warn!("a worker does not answer: its server connections were not replaced");
        }
    }
}

fn ask(worker: &Worker, request: Request) -> Result<(), ClientError> {
    let sent = worker.shared.requests.get().is_some_and(|owner| owner.try_send(request).is_ok());
    sent.then_some(()).ok_or_else(|| {
        ClientError::new(ErrorKind::NotSupported, "nobody listens to the console's requests")
            .with_hint("signal the process instead: SIGHUP reloads, SIGTERM stops")
    })
}

async fn reload(worker: &Worker) -> Result<&'static str, ClientError> {
    let (answer, answered) = oneshot::channel();
    ask(worker, Request::Reload(answer))?;
    match tokio::time::timeout(RELOAD_PATIENCE, answered).await {
        Ok(Ok(Ok(reloaded))) if reloaded.needs_restart.is_empty() => Ok("RELOAD"),
        Ok(Ok(Ok(reloaded))) => Err(ClientError::new(
            ErrorKind::Conflict,
            format!(
                "reloaded, but what changed of {} waits for a restart",
                reloaded.needs_restart.join(", ")
            ),
        )
        .with_hint("SHOW CONFIG tells what can change while the gateway runs")),
        Ok(Ok(Err(reason))) => {
            Err(ClientError::new(ErrorKind::InvalidInput, reason).with_hint("nothing was changed"))
        }
        _ => Err(ClientError::new(ErrorKind::Internal, "the configuration was not read in time")),
    }
}
