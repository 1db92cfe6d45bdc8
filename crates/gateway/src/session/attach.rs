//! How a session gets a server connection that is inside its tenant, and gives it back.

use super::hold::Hold;
use super::relay::says_goodbye;
use super::transaction::Transaction;
use super::{Session, Target, unavailable};
use crate::backend::{BackendError, Entering, Entry, NotEntered, Residue, ServerConnection, State};
use crate::clients::Meter;
use crate::error::{ClientError, SessionEnd};
use crate::pool::Lease;
use crate::replica::Place;
use crate::settings::Settings;
use crate::slow::Stopwatch;
use crate::stream::Buffered;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;
use tenantry_core::{ErrorKind, Placement, TenancyModel, TenantState};

impl Session {
    /// Where this session's transactions go now. Looked up again only when the routes have changed.
    pub(super) fn target(&mut self) -> Result<Arc<Target>, ClientError> {
        let changed =
            self.routes.has_changed().unwrap_or(false) || self.rewriters.has_changed().unwrap_or(false);
        if let (Some(target), false) = (&self.target, changed) {
            return Ok(Arc::clone(target));
        }
        self.target = None;
        self.rewriters.mark_unchanged();
        let Some(tenant) = self.tenant else { return Err(no_tenant()) };
        let table = Arc::clone(&self.routes.borrow_and_update());
        let Some(route) = table.tenant(tenant) else {
            return Err(ClientError::new(ErrorKind::UnknownTenant, "this tenant no longer exists"));
        };
        let login = table
            .login(&self.login_name)
            .filter(|login| login.id == self.login && !login.access.disabled && login.binding.allows(tenant));
        let Some(login) = login else {
            return Err(ClientError::new(
                ErrorKind::NotAllowed,
                "this login may no longer act for the tenant",
            ));
        };
        if route.state != TenantState::Active {
            return Err(unavailable(route.state));
        }
        let placement = route.placement.as_ref();
        let database = placement.and_then(|placement| table.database(placement.database));
        let (Some(placement), Some(database)) = (placement, database) else {
            return Err(ClientError::server_unavailable());
        };
        let pool = self.worker.pool(database, placement.model, Place::Primary, login.rights);
        let topology = self.worker.shared.topologies.of(database);
        let rewriter = self.worker.rewriting_of(database.id, placement.model);
        let (stats, pool_stats) = (self.worker.stats.tenant(tenant), Arc::clone(&pool.stats));
        let account = self.worker.account(route, database.cluster, &stats);
        let placement = placement.clone();
        account.note_placement(placement.epoch);
        let message_bytes = usize::try_from(route.limits.message_bytes).unwrap_or(usize::MAX);
        let hold = Hold::of(login.pool_mode, self.asked_mode);
        let target = Arc::new(Target {
            tenant,
            placement,
            pool,
            message_bytes,
            account,
            hold,
            stats,
            pool_stats,
            rewriter,
            topology,
        });
        self.target = Some(Arc::clone(&target));
        Ok(target)
    }

    /// Gets a server connection that is, or will be by the time the client's message arrives, inside the tenant. What is fatal
    /// here may be the end of the client's statement alone.
    pub(super) async fn attach(&mut self, entry: Entrance) -> Result<Box<Transaction>, SessionEnd> {
        self.count_bytes();
        let mut target = self.target()?;
        let asked = Instant::now();
        self.listed.asks(asked, target.tenant);
        // What it waits for here is not the tenant's time on a connection.
        let mut ready = asked;
        if self.worker.shared.pauses.any() {
            Box::pin(self.pass_pauses(&target)).await?;
            ready = Instant::now();
        }
        if target.account.has_rate() {
            let admission = target.account.admit(self.worker.shared.config.queue_timeout);
            Box::pin(unless_gone(&mut self.client, admission)).await?;
            ready = Instant::now();
        }
        if target.topology.is_some() {
            target = Box::pin(self.choose_server(target)).await?;
            ready = Instant::now();
        }
        // A connection may turn out dead at its handover; then the next is tried. Each failure closes one, so a
        // pool full of dead connections ends in a fresh one, whose failure counts.
        for _ in 0..=target.pool.most() {
            let idle = target.pool.lend(&target.account, &target.placement, ready);
            let acquired = if let Some(server) = idle {
                Ok(server)
            } else {
                // Boxed: it is far larger than all else that an idle session needs room for.
                let acquired = target.pool.acquire(&target.account, &target.placement);
                Box::pin(unless_gone(&mut self.client, acquired)).await
            };
            let mut server = match acquired {
                Ok(server) => server,
                Err(SessionEnd::Fatal(error))
                    if target.is_on_replica() && error.kind == ErrorKind::ServerUnavailable =>
                {
                    target = Box::pin(self.choose_another(&target)).await?;
                    ready = Instant::now();
                    continue;
                }
                Err(end) => return Err(end),
            };
            server.time(&target.account).await;
            let lent = server.lease.as_ref().and_then(Lease::since).unwrap_or_else(Instant::now);
            let meter = Meter::start(&target, &self.listed, asked, lent);
            if target.hold == Hold::Session {
                // On a connection of one's own nothing is left of anybody.
                server.residue = server.residue.max(Residue::Session);
            }
            let handed_over = if is_entered(&mut server, &target, &self.settings) {
                Ok(Ok(None))
            } else {
                let handover = hand_over(&mut server, &target, &self.settings, entry);
                Box::pin(tokio::time::timeout(self.worker.shared.config.handover_timeout, handover)).await
            };
            match handed_over {
                Ok(Ok(entering)) => {
                    self.cancel.slot.attach(&server.cancel);
                    let mut transaction = Box::new(Transaction::new(server, target, entering, meter));
                    transaction.stopwatch = self.stopwatch();
                    return Ok(transaction);
                }
                Ok(Err(Handover::NotEntered(NotEntered::Refused(entry)))) => {
                    return Err(refused(entry).into());
                }
                Ok(Err(Handover::NotEntered(NotEntered::Setting(said)))) => {
                    return Err(bad_setting(said).into());
                }
                Ok(Err(Handover::NotEntered(reason))) => {
                    tracing::debug!(?reason, "a server connection could not be entered");
                }
                Ok(Err(Handover::Broken(error))) => {
                    tracing::debug!(%error, "a server connection broke at handover");
                }
                Err(_) => return Err(ClientError::server_unavailable().into()),
            }
        }
        Err(ClientError::server_unavailable().into())
    }

    /// Times statements, where slow ones are logged.
    fn stopwatch(&self) -> Option<Box<Stopwatch>> {
        let threshold = self.worker.shared.live.load().log_min_duration?;
        Some(Box::new(Stopwatch::new(threshold)))
    }

    /// Waits while an administrator has paused the tenant or its database.
    async fn pass_pauses(&mut self, target: &Target) -> Result<(), SessionEnd> {
        let shared = &self.worker.shared;
        let pass = shared.pauses.pass(target.placement.database, target.tenant);
        let passed = async {
            tokio::time::timeout(shared.live.load().queue_timeout, pass).await.map_err(|_| {
                ClientError::new(ErrorKind::TenantUnavailable, "this tenant is paused by an administrator")
                    .with_hint("try again later")
            })
        };
        unless_gone(&mut self.client, passed).await
    }

    /// The client left in mid-transaction. What still runs is cancelled before the connection is closed: its place in
    /// the pool is free only when the server is.
    pub(super) async fn abandon(&mut self, transaction: Box<Transaction>) {
        self.cancel.slot.detach();
        if !transaction.expected.is_empty() {
            transaction.server.cancel.send(self.worker.shared.config.connect_timeout).await;
        }
    }

    /// Gives a server connection back, or closes it when it is not provably reusable.
    pub(super) fn release(&mut self, transaction: Box<Transaction>) {
        let cancelled = self.cancel.slot.detach();
        let doubtful = transaction.doubtful;
        transaction.target.account.count(transaction.rounds);
        let now = Instant::now();
        let (server, pool) = transaction.into_parts(now);
        // A cancel that is still on its way must not hit whoever gets the connection next.
        if !cancelled && !doubtful {
            pool.release(server, now);
        }
    }
}

/// How much of what a client sends is kept while it waits for its turn.
const MAX_AHEAD: usize = 16 << 10;

/// Waits for a turn, unless the client leaves meanwhile: nobody would read the answer, and others wait for the place.
async fn unless_gone<T>(
    client: &mut Buffered,
    turn: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, SessionEnd> {
    tokio::select! {
        biased;
        result = turn => Ok(result?),
        () = gone(client) => Err(SessionEnd::ClientGone),
    }
}

/// Ready when the client's connection has ended without a goodbye. What was sent in front of a goodbye is executed, as PostgreSQL
/// does. Of one that has sent much the end is not noticed: many may wait, and each would keep that. Cancel-safe: what was read
/// stays with the client.
async fn gone(client: &mut Buffered) {
    while client.inbuf.len() < MAX_AHEAD {
        match poll_fn(|cx| client.poll_fill(cx)).await {
            Ok(1..) => {}
            Ok(0) if says_goodbye(&client.inbuf) => break,
            _ => return,
        }
    }
    std::future::pending::<()>().await;
}

/// How a tenant is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    /// In one write with the client's message.
    WithMessage,
    /// By itself, so that the server's parameters under the client's settings are known.
    Alone,
}

pub(super) enum Handover {
    NotEntered(NotEntered),
    Broken(BackendError),
}

impl From<BackendError> for Handover {
    fn from(error: BackendError) -> Self {
        Self::Broken(error)
    }
}

/// Whether a connection is inside the tenant already, under the client's settings, and nothing of an earlier client is left on it.
fn is_entered(server: &mut ServerConnection, target: &Target, settings: &Arc<Settings>) -> bool {
    let (tenant, epoch) = (target.tenant, target.placement.epoch);
    if server.state != (State::Entered { tenant, epoch }) || server.residue != Residue::None {
        return false;
    }
    if Arc::ptr_eq(&server.settings, settings) {
        return true;
    }
    let same_settings = server.settings == *settings;
    if same_settings {
        server.settings = Arc::clone(settings);
    }
    same_settings
}

/// Brings a connection into the tenant, under the client's settings: the entry is queued, to leave with the client's first
/// message.
async fn hand_over(
    server: &mut ServerConnection,
    target: &Target,
    settings: &Arc<Settings>,
    entrance: Entrance,
) -> Result<Option<Entering>, Handover> {
    target.pool_stats.handovers.add(1);
    if matches!(server.state, State::Resetting { .. }) {
        server.finish_reset().await?;
    }
    // The server reports a change only against what it reported last: what it knows of another client must not hide a
    // change that this one makes.
    let alone = entrance == Entrance::Alone || !settings.is_reported_like(&server.settings);
    let entering = queue_entry(server, target, settings)?;
    if !alone {
        return Ok(Some(entering));
    }
    server.finish_entry(entering).await.map_err(Handover::NotEntered)?;
    Ok(None)
}

/// Queues the entry under the client's settings.
pub(super) fn queue_entry(
    server: &mut ServerConnection,
    target: &Target,
    settings: &Arc<Settings>,
) -> Result<Entering, BackendError> {
    // Behind the tenant's own schema, the pool's: extensions are there, and tables that tenants share.
    let in_schema = target.placement.model == TenancyModel::Schema;
    let path = in_schema.then(|| search_path(&target.placement));
    let path = path.as_deref().map(|path| ("search_path", path));
    let changes: Vec<(&str, &str)> = path.into_iter().chain(settings.all()).collect();
    let (tenant, epoch) = (target.tenant, target.placement.epoch);
    let entering = server.queue_entry(&target.pool.context_key, tenant, epoch, &changes)?;
    server.settings = Arc::clone(settings);
    Ok(entering)
}

/// A setting of the client's that the server does not take, in the server's words.
pub(super) fn bad_setting(said: Option<String>) -> ClientError {
    ClientError::new(ErrorKind::InvalidInput, said.unwrap_or_else(|| "a setting was refused".into()))
        .with_hint("check the settings in the connection's parameters")
}

/// The search path of a tenant that has a schema of its own.
pub(super) fn search_path(placement: &Placement) -> String {
    format!("{}, public", placement.schema)
}

fn no_tenant() -> ClientError {
    ClientError::new(ErrorKind::NoTenant, "no tenant: this connection does not say for which tenant it acts")
        .with_hint("connect with the tenant's key as the database name, or as user.tenant, or with -c tenantry.tenant=KEY")
}

/// What a client is told when the database kept us out.
pub(super) fn refused(entry: Entry) -> ClientError {
    match entry {
        Entry::Suspended => unavailable(TenantState::Suspended),
        Entry::Stale | Entry::Fenced => {
            ClientError::new(ErrorKind::TenantUnavailable, "this tenant's placement is being changed")
                .with_hint("try again in a moment")
        }
        Entry::Refused => {
            tracing::error!(
                ?entry,
                "a database refused a context token: check the keys with `tenantry cluster check`"
            );
            ClientError::server_unavailable()
        }
    }
}
