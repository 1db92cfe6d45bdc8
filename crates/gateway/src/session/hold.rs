//! When a client keeps its server connection between transactions, and what follows it when it does not.
//!
//! No SQL is parsed to decide this. A command tag or a word in a text says only "look"; then the server is asked what
//! the session left behind (`tenancy.session_state`), behind the client's transaction and before anybody else gets
//! the connection. Settings follow the client. What can't follow (a cursor WITH HOLD, a temporary table, ...) pins the
//! connection to the client until the server says that it is gone.

use super::relay::Event;
use super::transaction::{Expected, Transaction};
use super::{Session, attach};
use crate::backend::{NotEntered, Residue};
use crate::clients::Activity;
use crate::error::{ClientError, SessionEnd};
use crate::session::relay::Flow;
use crate::settings::Settings;
use crate::worker::Phase;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tenantry_core::{ErrorKind, PoolMode, TenancyModel, quote_literal};
use tenantry_wire::backend::{self, DataRow, ErrorFields};
use tenantry_wire::frontend;

/// How long the client keeps the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Until the transaction is over.
    Transaction,
    /// Until what needs the connection is gone.
    Pinned,
    /// Until it leaves or switches its tenant. Its messages are passed on as they are.
    Session,
}

impl Hold {
    /// What the login's mode and the client's wish come to. A wish that the login does not leave is refused at login.
    pub(super) fn of(mode: PoolMode, asked: Option<PoolMode>) -> Self {
        match (mode, asked) {
            (PoolMode::Session, Some(PoolMode::Transaction)) | (PoolMode::Transaction, _) => {
                Self::Transaction
            }
            (PoolMode::Session, _) | (PoolMode::Either, Some(PoolMode::Session)) => Self::Session,
            (PoolMode::Either, _) => Self::Transaction,
        }
    }
}

impl Hold {
    /// Whether a command's tag is a reason to ask what the session looks like now.
    pub(super) fn is_noted_by(self, command: &[u8], residue: Residue) -> bool {
        const MAY_FREE: [&[u8]; 5] = [b"CLOSE", b"DROP", b"UNLISTEN", b"COMMIT", b"ROLLBACK"];
        match self {
            Self::Transaction => residue != Residue::None,
            Self::Pinned => residue != Residue::None || MAY_FREE.iter().any(|tag| command.starts_with(tag)),
            // The tenant's context stands among the settings: only what resets those concerns it.
            Self::Session => command.starts_with(b"RESET") || command.starts_with(b"DISCARD"),
        }
    }
}

/// Where the question stands what a transaction has left behind.
#[derive(Debug, Default)]
pub(super) enum Looking {
    #[default]
    No,
    Asked(Box<Found>),
    Answered(Box<Found>),
}

/// What the server says of the session.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a kind of row, there or not")]
pub(super) struct Found {
    settings: Settings,
    /// Something differs that may not follow.
    odd: bool,
    /// The session has a role that leaving a tenant does not give back.
    role: bool,
    /// What needs this connection, in a word for people.
    need: Option<Box<str>>,
    /// `SET tenantry.tenant` that was not recognised reached the server.
    switched: bool,
    /// It listens to a channel.
    listens: bool,
    /// Statements that were prepared with Parse under the client's own names.
    prepared: bool,
    /// The tenant's context stands.
    context: bool,
    /// The SQLSTATE, when the server could not say.
    failed: Option<Box<str>>,
    /// It was asked for the second time.
    again: bool,
}

/// What becomes of the connection now.
pub(super) enum Next {
    Release,
    /// The client keeps it, or the server is being asked.
    Keep,
}

/// Our own statement for the question. Closed in the same flight, so that nothing of it stays.
const LOOK: &[u8] = b"tenantry_look";
const STATE: &str = "SELECT kind, name, value FROM tenancy.session_state($1)";
/// Whoever may not even ask has another role: the session is reset, and what it had set is lost.
const MAY_NOT_ASK: &str = "42501";
/// "cannot use serializable mode in a hot standby".
const NO_SUCH_TRANSACTION: &str = "0A000";
/// Ours alone: on a server it means nothing.
const TENANT: &str = "tenantry.tenant";
/// Settings beyond this stay where they are.
const MAX_SETTINGS: usize = 128;

impl Found {
    pub(super) fn read(&mut self, body: &[u8]) -> Option<()> {
        let row = DataRow::decode(body).ok()?;
        let name = row.get(1).map(String::from_utf8_lossy);
        match row.get(0)? {
            b"set" => {
                let name = name?;
                self.switched |= name == TENANT;
                if Settings::may_follow(&name) {
                    self.settings.set(&name, &unhex(row.get(2)?)?);
                } else {
                    self.odd = true;
                }
            }
            b"context" => self.context = true,
            b"need" if name.as_deref() == Some("protocol statement") => self.prepared = true,
            b"need" if name.as_deref() == Some("channel") => self.listens = true,
            b"need" => self.need = Some(name?.as_ref().into()),
            _ if name.as_deref() == Some("role") => self.role = true,
            _ => self.odd = true,
        }
        Some(())
    }

    #[cfg(feature = "fuzzing")]
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn fail(&mut self, body: &[u8]) {
        let code = ErrorFields::decode(body).map(|fields| fields.text(b'C').into_owned());
        self.failed = Some(code.unwrap_or_default().into());
    }
}

impl Session {
    /// Decides what becomes of a connection on which a transaction is over and that is not simply given back.
    pub(super) async fn attend(&mut self, transaction: &mut Transaction) -> Result<Next, SessionEnd> {
        if let Looking::Answered(found) = std::mem::take(&mut transaction.looking) {
            return self.decide(transaction, *found).await;
        }
        if transaction.hold != Hold::Transaction && self.has_moved(transaction) {
            transaction.leaving = true;
            transaction.noted = true;
        }
        if std::mem::take(&mut transaction.noted) {
            self.look(transaction);
            return Ok(Next::Keep);
        }
        Ok(if transaction.hold == Hold::Transaction { Next::Release } else { Next::Keep })
    }

    /// Asks the server. The answer is read like a prologue's: the client sees none of it.
    fn look(&mut self, transaction: &mut Transaction) {
        let custom = self.custom_names();
        let out = &mut transaction.server.io.outbuf;
        frontend::close(out, frontend::STATEMENT, LOOK);
        frontend::parse(out, LOOK, STATE, &[]);
        frontend::bind_text(out, b"", LOOK, &[Some(custom.as_bytes())]);
        frontend::execute(out, b"", 0);
        frontend::close(out, frontend::STATEMENT, LOOK);
        frontend::sync(out);
        transaction.looking = Looking::Asked(Box::default());
        transaction.expected.push_back(Expected::Look);
    }

    /// Names that the server lists nowhere, as an array in SQL.
    fn custom_names(&self) -> String {
        let mut custom = format!("{{{TENANT}");
        for name in &self.custom {
            // Names are of letters, digits, dots, dollars and underscores.
            let _written = write!(custom, ",{name}");
        }
        custom.push('}');
        custom
    }

    /// Asks a replica whose session has only serializable transactions by default: it has none, so the question brings one of its
    /// own. Should that fail too, the transaction stays open, and the connection is closed for it.
    fn look_within(&mut self, transaction: &mut Transaction) {
        let custom = quote_literal(&self.custom_names());
        let question = STATE.replace("$1", &custom);
        let text = format!("BEGIN ISOLATION LEVEL READ COMMITTED;{question};COMMIT");
        frontend::query(&mut transaction.server.io.outbuf, &text);
        transaction.server.unnamed = 0;
        transaction.looking = Looking::Asked(Box::new(Found { again: true, ..Found::default() }));
        transaction.expected.push_back(Expected::Look);
    }

    async fn decide(&mut self, transaction: &mut Transaction, found: Found) -> Result<Next, SessionEnd> {
        if let Some(code) = &found.failed {
            if **code == *NO_SUCH_TRANSACTION && transaction.target.is_on_replica() && !found.again {
                self.look_within(transaction);
                return Ok(Next::Keep);
            }
            return self.decide_unknown(transaction, code);
        }
        transaction.unknown = false;
        if found.switched {
            // Whoever sent it believes to be elsewhere by now.
            return Err(super::switch::too_late().into());
        }
        let (mut found, own_path) = without_path(transaction, found);
        if found.listens && transaction.target.placement.model.is_pooled() {
            // A notification may be meant for another tenant: none is passed on there.
            found.odd = true;
        } else if found.listens {
            found.need = Some("a channel".into());
        }
        let mut wanted = Settings::clone(&self.startup_settings);
        found.settings.all().for_each(|(name, value)| wanted.set(name, value));
        let too_many = (found.settings.all().count() > MAX_SETTINGS).then(|| "many settings".into());
        let need = found.need.clone().or(too_many);
        if transaction.leaving {
            let stays = need.clone().or_else(|| found.prepared.then(|| "prepared statements".into()));
            if let Some(need) = stays {
                return Err(left_behind(&need).into());
            }
            transaction.hold = Hold::Transaction;
        }
        match (transaction.hold, need) {
            (Hold::Session, _) => {
                self.restore(transaction, wanted, found).await?;
                Ok(Next::Keep)
            }
            (_, Some(need)) if transaction.lone => Err(super::switch::kept_elsewhere(&need).into()),
            (_, Some(need)) if transaction.expiring => Err(expired(&need, self.pin_idle_timeout()).into()),
            (_, Some(_)) => {
                transaction.hold = Hold::Pinned;
                transaction.attention = true;
                self.restore(transaction, wanted, found).await?;
                Ok(Next::Keep)
            }
            (_, None) => {
                if transaction.residue != Residue::Statements {
                    transaction.residue = match (found.context && !found.role, found.odd || !own_path) {
                        (false, _) => Residue::Context,
                        (true, true) => Residue::Session,
                        (true, false) => Residue::None,
                    };
                }
                transaction.hold = Hold::Transaction;
                self.take_along(transaction, wanted, found.settings);
                Ok(Next::Release)
            }
        }
    }

    /// The server could not say. Where nobody may ask, the connection is reset; else the client keeps it, and the question is
    /// asked again after its next transaction.
    fn decide_unknown(&mut self, transaction: &mut Transaction, code: &str) -> Result<Next, SessionEnd> {
        if code == MAY_NOT_ASK {
            transaction.residue = transaction.residue.max(Residue::Context);
            let session = transaction.hold == Hold::Session;
            return Ok(if session { Next::Keep } else { Next::Release });
        }
        if transaction.leaving {
            return Err(left_behind("its state").into());
        }
        if transaction.expiring {
            return Err(expired("an unknown state", self.pin_idle_timeout()).into());
        }
        if transaction.lone {
            return Err(super::switch::kept_elsewhere("its state").into());
        }
        transaction.unknown = true;
        if transaction.hold == Hold::Transaction {
            transaction.hold = Hold::Pinned;
        }
        Ok(Next::Keep)
    }

    /// The client's settings are what the server says, and what its startup packet chose where the server has gone back to its
    /// own default: RESET means the packet's.
    fn take_along(&mut self, transaction: &mut Transaction, wanted: Settings, found: Settings) {
        self.report_restored(&wanted, &found);
        if *self.settings != wanted {
            self.settings = Arc::new(wanted);
        }
        transaction.server.settings =
            if *self.settings == found { Arc::clone(&self.settings) } else { Arc::new(found) };
    }

    /// Tells the client of the settings that it was told of and that return to the startup packet's.
    fn report_restored(&mut self, wanted: &Settings, found: &Settings) {
        for (name, value) in self.greeting.iter().filter(|(name, _)| Settings::is_followed(name)) {
            let name_lower = name.to_ascii_lowercase();
            if wanted.get(&name_lower).is_some() && found.get(&name_lower).is_none() {
                backend::parameter_status(&mut self.client.outbuf, &**name, &**value);
            }
        }
    }

    /// The client keeps the connection: what RESET took from it that it must have is put back, the tenant's context first of
    /// all.
    async fn restore(
        &mut self,
        transaction: &mut Transaction,
        wanted: Settings,
        found: Found,
    ) -> Result<(), SessionEnd> {
        self.take_along(transaction, wanted, found.settings);
        if found.context && transaction.server.settings == self.settings {
            return Ok(());
        }
        let server = &mut transaction.server;
        let deadline = self.worker.shared.config.handover_timeout;
        let again = async {
            if found.context {
                let lost: Vec<_> = self
                    .settings
                    .all()
                    .filter(|(name, value)| server.settings.get(name) != Some(*value))
                    .collect();
                server.set_again(&lost).await?;
                server.settings = Arc::clone(&self.settings);
                return Ok(());
            }
            server.rechallenge().await?;
            let entering = attach::queue_entry(server, &transaction.target, &self.settings)?;
            server.finish_entry(entering).await.map_err(attach::Handover::NotEntered)
        };
        match tokio::time::timeout(deadline, again).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(attach::Handover::NotEntered(NotEntered::Refused(entry)))) => {
                Err(attach::refused(entry).into())
            }
            Ok(Err(_)) | Err(_) => Err(ClientError::server_lost().into()),
        }
    }

    /// Whether the tenant's transactions go elsewhere now, or nowhere.
    fn has_moved(&mut self, transaction: &Transaction) -> bool {
        if !self.routes.has_changed().unwrap_or(false) {
            return false;
        }
        let now = &transaction.target;
        !self.target().is_ok_and(|target| {
            target.tenant == now.tenant
                && target.placement == now.placement
                // A replica's pool has the primary's route.
                && Arc::ptr_eq(&target.pool.route, &now.pool.route)
                && target.pool.rights == now.pool.rights
        })
    }

    fn pin_idle_timeout(&self) -> Duration {
        self.worker.shared.config.pin_idle_timeout
    }

    /// Waits with a connection that the client keeps, until one of the two says something or the wait must end.
    pub(super) async fn rest(&mut self, transaction: &mut Transaction) -> Result<Event, SessionEnd> {
        let config = &self.worker.shared.config;
        let patience = match transaction.hold {
            Hold::Session => config.session_idle_timeout,
            _ => Some(config.pin_idle_timeout),
        };
        self.listed.set(Activity::Idle);
        if self.client.outbuf.is_empty() {
            self.client.release_buffers();
        }
        let (mut phase, mut routes) = (self.phase.clone(), self.routes.clone());
        let idle = async {
            match patience {
                Some(patience) => tokio::time::sleep(patience).await,
                None => std::future::pending().await,
            }
        };
        let moved = async {
            if routes.changed().await.is_err() {
                // Nobody will change them any more.
                std::future::pending::<()>().await;
            }
        };
        // Cancel-safe: an exchange that is dropped has lost nothing, and the others only tell.
        let event = tokio::select! {
            biased;
            event = self.exchange(transaction, Flow::Read) => event,
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => return Err(ClientError::shutting_down().into()),
            () = moved => Event::Progress,
            () = idle => {
                if transaction.hold == Hold::Session {
                    return Err(idle_session(patience.unwrap_or_default()).into());
                }
                // It may have been over for long: a function can drop what a command tag would have told.
                transaction.expiring = true;
                transaction.noted = true;
                Event::Progress
            }
        };
        self.listed.set(Activity::Active);
        Ok(event)
    }

    /// The session ends. A connection that was kept and is idle goes back with a full reset, any other is closed.
    pub(super) async fn part(&mut self, mut transaction: Box<Transaction>) {
        if transaction.hold != Hold::Transaction && transaction.is_finished() {
            transaction.residue = Residue::Statements;
            self.release(transaction);
        } else {
            self.abandon(transaction).await;
        }
    }
}

/// Takes the search path that the handover itself has set out of what was found; says whether it is in force.
fn without_path(transaction: &Transaction, mut found: Found) -> (Found, bool) {
    let placement = &transaction.target.placement;
    if placement.model != TenancyModel::Schema {
        return (found, true);
    }
    let own = attach::search_path(placement);
    let is_own = found.settings.get("search_path") == Some(own.as_str());
    if is_own {
        found.settings.remove("search_path");
    }
    (found, is_own)
}

fn expired(need: &str, after: Duration) -> ClientError {
    ClientError::new(
        ErrorKind::LimitReached,
        format!("the session was idle for {} s and kept a server connection for itself: {need}", after.as_secs_f32()),
    )
    .with_sqlstate("57P05")
    .with_hint("close what needs the connection (cursors WITH HOLD, PREPARE, temporary tables, LISTEN) when it is not used, or raise [gateway] pin_idle_timeout_ms")
}

fn idle_session(after: Duration) -> ClientError {
    ClientError::new(ErrorKind::LimitReached, format!("the session was idle for {} s", after.as_secs_f32()))
        .with_sqlstate("57P05")
        .with_hint("reconnect; a session of pool mode `session` holds a server connection while it is idle")
}

fn left_behind(need: &str) -> ClientError {
    ClientError::new(
        ErrorKind::TenantUnavailable,
        format!("this tenant is no longer where the session's state is: {need}"),
    )
    .with_hint("reconnect")
}

/// Text that was sent as hex.
fn unhex(hex: &[u8]) -> Option<String> {
    let bytes: Option<Vec<u8>> = hex
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}
