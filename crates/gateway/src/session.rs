//! A client's session, from its first byte to its last.
//!
//! The states are `Startup → Authenticated → Detached ⇄ Attached`, each a type or a variant with only what is legal
//! in it: [`startup`] reads the packet, [`login`] authenticates and resolves the tenant, [`Session`] is a client
//! without a server connection, and [`transaction::Transaction`] is what it is lent for one transaction.

mod ageing;
mod attach;
mod cleanup;
mod denied;
mod hold;
mod login;
mod open;
mod overdue;
mod own;
mod passing;
mod promise;
mod prove;
mod reading;
mod refuse;
mod relay;
mod rewritten;
mod startup;
mod statements;
mod switch;
mod transaction;

pub(crate) use open::serve;
pub(crate) use refuse::error as refuse;

use crate::account::Account;
use crate::backend::{Parameters, read_only};
use crate::cancel::Registered;
use crate::clients::{Activity, Client, Known};
use crate::door::LoginPlace;
use crate::error::{ClientError, SessionEnd};
use crate::lex::Special;
use crate::pool::Pool;
use crate::replica::Topology;
use crate::rewriting::{CopyFrom, Rewriter, Rewriters};
use crate::settings::Settings;
use crate::statement::Promise;
use crate::stats::{PoolStats, TenantStats};
use crate::stream::Buffered;
use crate::worker::{ClientSlot, Phase, Worker, told_to_leave};
use attach::Entrance;
use bytes::Buf;
use cleanup::{cleanup_of, residue_of};
use statements::{ClientStatement, ClientStatements, Interned, KeptStatement, too_many_statements};
use std::sync::Arc;
use tenantry_core::{ErrorKind, LoginId, Placement, PoolMode, RouteTable, TenantId, TenantState};
use tenantry_wire::backend::{self, TransactionStatus};
use tenantry_wire::frontend::tag;
use tenantry_wire::{frame, frontend};
use tokio::sync::watch;

/// A client that is authenticated. Between transactions it holds no server connection.
#[allow(clippy::struct_excessive_bools, reason = "marks, each of its own kind")]
struct Session {
    worker: Arc<Worker>,
    client: Buffered,
    login: LoginId,
    login_name: Box<str>,
    /// Decided at login, and by `SET tenantry.tenant` of a login that may act for several.
    tenant: Option<TenantId>,
    /// What login has decided.
    home: Option<TenantId>,
    /// Tells when the routes have changed since `target` was looked up.
    routes: watch::Receiver<Arc<RouteTable>>,
    phase: watch::Receiver<Phase>,
    /// Tells the same of the rewriters.
    rewriters: watch::Receiver<Arc<Rewriters>>,
    target: Option<Arc<Target>>,
    /// What the startup packet chose: `RESET ALL` returns to it.
    startup_settings: Arc<Settings>,
    settings: Arc<Settings>,
    statements: ClientStatements,
    /// The unnamed statement: what followed its name in the Parse message.
    unnamed: Vec<u8>,
    unnamed_special: Option<Box<Special>>,
    /// The COPY that it is, where that needs more than the statement itself.
    unnamed_copy: Option<Arc<CopyFrom>>,
    /// What the client was told of its parameters and rows, if it asked.
    unnamed_promise: Option<Promise>,
    /// Distinguishes this session's unnamed statements from each other and from everybody else's; 0 is none.
    unnamed_id: u64,
    /// Running it may change the session, see `lex::may_change_session`.
    unnamed_is_residual: bool,
    /// What it sets ends with its transaction.
    unnamed_passes: bool,
    cancel: Registered,
    /// Names with a dot that its texts have: settings among them, perhaps, that no list of the server's shows.
    custom: Vec<Box<str>>,
    /// What the startup packet asks for, where the login leaves the choice.
    asked_mode: Option<PoolMode>,
    /// Where the startup packet wants transactions to read.
    asked_read: Option<reading::Read>,
    /// Where they go on a replica, and instead of which primary's.
    replica: Option<(Arc<Target>, Arc<Target>)>,
    /// Bytes of a COPY data message that nobody asked for, still to come.
    unwanted: usize,
    /// The server's parameters as the client was told at login.
    greeting: Arc<Parameters>,
    choice: switch::Choice,
    switching: Option<Box<switch::Switching>>,
    /// The message at the front of what the client has sent was looked at, and says nothing about the tenant or the session.
    is_front_plain: bool,
    /// A pipeline failed before it had a server connection: the rest, up to Sync, is skipped.
    skip_to_sync: bool,
    /// What others see of this session.
    listed: Arc<Client>,
    _slot: ClientSlot,
    _place: LoginPlace,
    _noted: Option<Box<open::Noted>>,
}

/// Where the tenant's transactions go, as of the last look at the routes.
#[derive(Debug)]
pub(crate) struct Target {
    tenant: TenantId,
    placement: Placement,
    pool: Arc<Pool>,
    /// The tenant's largest message; 0 is the gateway's.
    message_bytes: usize,
    /// What the tenant may use, and uses, on this worker.
    pub(crate) account: Arc<Account>,
    hold: hold::Hold,
    pub(crate) stats: Arc<TenantStats>,
    pub(crate) pool_stats: Arc<PoolStats>,
    /// What makes statements fit shared tables.
    rewriter: Option<Arc<Rewriter>>,
    /// The servers of its cluster, where there is more than one.
    topology: Option<Arc<Topology>>,
}

/// What the bytes at the front of a detached client's buffer ask for.
enum Step {
    /// Not a whole message yet.
    NeedInput,
    /// Answered here.
    Done,
    /// Needs a server connection.
    Attach,
    /// The client says goodbye.
    Terminate,
}

impl Session {
    fn new(
        worker: Arc<Worker>,
        client: Buffered,
        login: login::Login,
        slot: ClientSlot,
        listed: Arc<Client>,
        noted: Option<Box<open::Noted>>,
    ) -> Self {
        let settings = Arc::new(login.settings);
        let cancel = worker.shared.cancels.register(login.minor);
        listed.set_tenant(login.tenant);
        listed.know(Known {
            name: login.name.clone(),
            application: settings.get("application_name").unwrap_or_default().into(),
            cancel: Some(Arc::clone(&cancel.slot)),
        });
        Self {
            client,
            login: login.id,
            login_name: login.name,
            tenant: login.tenant,
            home: login.tenant,
            routes: worker.routes.clone(),
            phase: worker.phase.clone(),
            rewriters: worker.rewriting.watch(),
            target: None,
            startup_settings: Arc::clone(&settings),
            statements: ClientStatements::default(),
            custom: settings.own().map(Into::into).collect(),
            settings,
            asked_mode: login.pool_mode,
            asked_read: login.read,
            replica: None,
            unwanted: 0,
            greeting: Arc::default(),
            unnamed: Vec::new(),
            unnamed_copy: None,
            unnamed_promise: None,
            unnamed_special: None,
            choice: login.choice,
            switching: None,
            is_front_plain: false,
            unnamed_id: 0,
            unnamed_is_residual: false,
            unnamed_passes: false,
            cancel,
            listed,
            skip_to_sync: false,
            _slot: slot,
            _place: login.place,
            _noted: noted,
            worker,
        }
    }

    /// Tells the client about the server and that it may begin. With a tenant, its database is asked to take the
    /// client's settings now, so that a bad one is refused at login and the values reported are the server's own.
    async fn greet(&mut self) -> Result<(), SessionEnd> {
        self.greeting = if self.tenant.is_some() {
            let mut transaction = self.attach(Entrance::Alone).await?;
            transaction.meter.ignore();
            let parameters = Arc::clone(&transaction.server.parameters);
            self.release(transaction);
            parameters
        } else if let Some(known) = self.worker.any_parameters() {
            self.as_its_own(known)
        } else {
            Arc::new(login::DEFAULT_PARAMETERS.map(|(name, value)| (name.into(), value.into())).to_vec())
        };
        let out = &mut self.client.outbuf;
        backend::authentication_ok(out);
        for (name, value) in self.greeting.iter() {
            // The server's login role is nobody's business; the client asked for its own.
            let value = if &**name == "session_authorization" { &self.login_name } else { value };
            backend::parameter_status(out, &**name, &**value);
        }
        backend::backend_key_data(out, self.cancel.key());
        backend::ready_for_query(out, TransactionStatus::Idle);
        Ok(())
    }

    /// What another login's server connection was told, as this login's will be.
    fn as_its_own(&self, known: Arc<Parameters>) -> Arc<Parameters> {
        let rights = self.routes.borrow().login(&self.login_name).map(|login| login.rights);
        let read_only = read_only(rights.unwrap_or_default());
        if !known.iter().any(|(name, value)| **name == *read_only.0 && **value != *read_only.1) {
            return known;
        }
        let own = known.iter().map(|(name, value)| {
            let is_it = **name == *read_only.0;
            (name.clone(), if is_it { read_only.1.into() } else { value.clone() })
        });
        Arc::new(own.collect())
    }

    async fn open_and_serve(&mut self) -> Result<(), SessionEnd> {
        Box::pin(self.greet()).await?;
        self.run().await
    }

    /// Adds what went over the client's connection since the last time to its tenant's numbers.
    fn count_bytes(&mut self) {
        let Some(target) = &self.target else { return };
        let received = std::mem::take(&mut self.client.received);
        let sent = std::mem::take(&mut self.client.sent);
        target.stats.bytes_in.add(received);
        target.stats.bytes_out.add(sent);
        target.pool_stats.bytes_in.add(received);
        target.pool_stats.bytes_out.add(sent);
    }

    async fn run(&mut self) -> Result<(), SessionEnd> {
        loop {
            match self.step()? {
                Step::Done => {}
                Step::Terminate => return Ok(()),
                Step::NeedInput => self.wait_for_input().await?,
                // Boxed: an idle client needs no room for it.
                Step::Attach => Box::pin(self.serve_transaction()).await?,
            }
        }
    }

    /// Serves what is at the front of the client's buffer, for as long as it needs a server connection.
    async fn serve_transaction(&mut self) -> Result<(), SessionEnd> {
        // Not awaited in the match, where its future would stay beside that of the transaction.
        let attached = self.attach(Entrance::WithMessage).await;
        match attached {
            Ok(mut transaction) => {
                transaction.lone = self.is_scoped() || self.is_there_for_a_copy(&transaction.target);
                if let Some(begin) = self.begun() {
                    transaction.begin(begin);
                }
                self.transact(transaction).await
            }
            Err(SessionEnd::Fatal(error)) if self.may_continue() => {
                self.refuse(&error);
                if self.begun().is_none() {
                    self.end_scope(true);
                }
                Ok(())
            }
            Err(end) => Err(end),
        }
    }

    /// Whether the login still exists; without it the session ends at its next statement.
    fn may_continue(&self) -> bool {
        self.routes
            .borrow()
            .login(&self.login_name)
            .is_some_and(|login| login.id == self.login && !login.access.disabled)
    }

    /// Flushes, and waits until the client sends something.
    async fn wait_for_input(&mut self) -> Result<(), SessionEnd> {
        if self.client.flush_soon().await.is_err() {
            return Err(SessionEnd::ClientGone);
        }
        self.client.release_buffers();
        self.listed.set(Activity::Idle);
        // A transaction may end, also one that no server knows of yet.
        let may_leave = self.begun().is_none();
        let client = &mut self.client;
        // Cancel-safe: a fill that is dropped has read nothing.
        tokio::select! {
            biased;
            filled = client.fill_while_sending() => filled.map_err(|_| SessionEnd::ClientGone),
            () = told_to_leave(&self.phase), if may_leave => Err(ClientError::shutting_down().into()),
        }
    }

    /// Looks at the next message while no server connection is held.
    fn step(&mut self) -> Result<Step, SessionEnd> {
        if !self.drop_unwanted() {
            return Ok(Step::NeedInput);
        }
        if let Ok(Some(header)) = frame::peek(&self.client.inbuf)
            && header.tag == tag::COPY_DATA
        {
            // Of a COPY that failed: PostgreSQL ignores it too. It may be too large to be kept until it is whole.
            self.unwanted = header.len;
            return Ok(Step::Done);
        }
        let Some(header) = self.peek_client()? else { return Ok(Step::NeedInput) };
        if self.skip_to_sync && !matches!(header.tag, tag::SYNC | tag::TERMINATE) {
            self.client.inbuf.advance(header.len);
            return Ok(Step::Done);
        }
        if matches!(header.tag, tag::SYNC | tag::FLUSH) && header.len != frame::HEADER {
            return Err(ClientError::protocol("malformed Sync or Flush message").into());
        }
        if let Some(step) = self.own_step(header) {
            return Ok(step);
        }
        match header.tag {
            tag::TERMINATE => return Ok(Step::Terminate),
            tag::SYNC => {
                self.skip_to_sync = false;
                self.forget_portal();
                let status = self.status();
                backend::ready_for_query(&mut self.client.outbuf, status);
            }
            // Flush with nothing pending; the end of a COPY that failed.
            tag::FLUSH | tag::COPY_DONE | tag::COPY_FAIL => {}
            tag::QUERY if self.begun().is_some() => {
                self.is_front_plain = false;
                return Ok(Step::Attach);
            }
            tag::QUERY => {
                let body = &self.client.inbuf[frame::HEADER..header.len];
                let Some(statements) = cleanup_of(body) else { return Ok(Step::Attach) };
                self.is_front_plain = false;
                if !self.answer_cleanup(&statements, TransactionStatus::Idle) {
                    return Ok(Step::Attach);
                }
            }
            tag::CLOSE => {
                // The client's names are ours, and its portals are gone with its transaction: closing one needs no server.
                let body = &self.client.inbuf[frame::HEADER..header.len];
                let close = frontend::Close::decode(body)
                    .map_err(|_| ClientError::protocol("malformed Close message"))?;
                if close.kind == frontend::STATEMENT {
                    let name: Box<[u8]> = close.name.into();
                    self.close_statement(&name);
                }
                backend::close_complete(&mut self.client.outbuf);
            }
            tag::PARSE | tag::BIND | tag::DESCRIBE | tag::EXECUTE | tag::FUNCTION_CALL => {
                return Ok(Step::Attach);
            }
            other => return Err(unknown_message(other).into()),
        }
        self.client.inbuf.advance(header.len);
        Ok(Step::Done)
    }

    /// Drops what has arrived of an unwanted message. False while more of it is to come.
    fn drop_unwanted(&mut self) -> bool {
        let len = self.unwanted.min(self.client.inbuf.len());
        self.client.inbuf.advance(len);
        self.unwanted -= len;
        self.unwanted == 0
    }

    /// What the client was last told of a parameter of the server.
    fn told(&self, name: &str) -> Option<&str> {
        let greeted = || self.greeting.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value);
        self.settings.get(&name.to_ascii_lowercase()).or_else(greeted)
    }

    /// The header of the client's next message, once all of it is there.
    fn peek_client(&self) -> Result<Option<frame::Header>, SessionEnd> {
        let header =
            frame::peek(&self.client.inbuf).map_err(|error| ClientError::protocol(error.to_string()))?;
        let Some(header) = header else { return Ok(None) };
        if header.len > self.max_message_bytes() {
            return Err(self.oversized(header.len).into());
        }
        Ok((self.client.inbuf.len() >= header.len).then_some(header))
    }

    /// The tenant's limit, if it is less than the gateway's.
    fn max_message_bytes(&self) -> usize {
        let most = self.worker.shared.config.max_message_bytes;
        match self.target.as_ref().map_or(0, |target| target.message_bytes) {
            0 => most,
            bytes => most.min(bytes),
        }
    }

    fn oversized(&self, len: usize) -> ClientError {
        let limit = self.max_message_bytes();
        ClientError::new(
            ErrorKind::LimitReached,
            format!("a message of {len} bytes is over the limit of {limit}"),
        )
        .with_sqlstate("54000")
        .with_hint("send large data with COPY, which has no such limit, or raise [gateway] max_message_bytes")
    }
}

fn unavailable(state: TenantState) -> ClientError {
    let message = match state {
        TenantState::Suspended => "this tenant is suspended",
        TenantState::Provisioning => "this tenant is still being provisioned",
        TenantState::Dropping => "this tenant is being dropped",
        TenantState::Active => "this tenant is not available",
    };
    ClientError::new(ErrorKind::TenantUnavailable, message)
}

fn unknown_message(tag: u8) -> ClientError {
    ClientError::protocol(format!("unknown message type {:?}", char::from(tag)))
}

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing {
    use super::hold::Found;
    use super::residue_of;
    use super::rewritten::copied;
    use crate::backend::Residue;
    use crate::settings::Settings;

    /// A clean-up text is one with its zero byte, and none without.
    pub(crate) fn cleanup_of(text: &[u8]) {
        assert!(super::cleanup_of(text).is_none() || text.ends_with(b"\0"));
        let body = [text, b"\0"].concat();
        assert!(super::cleanup_of(&body).is_some());
    }

    /// Rows about what a session left behind, their errors, and command tags.
    pub(crate) fn replies(bytes: &[u8]) {
        let mut found = Found::default();
        if found.read(bytes).is_some() {
            assert!(found.settings().all().all(|(name, _)| Settings::may_follow(name)));
        }
        found.fail(bytes);
        if let Some(end) = copied(bytes) {
            assert!(bytes.starts_with(b"INSERT 0 ") && end[5..].starts_with(b"COPY "));
        }
        if bytes.starts_with(b"SET") {
            assert_ne!(residue_of(bytes), Residue::None);
        }
    }
}
