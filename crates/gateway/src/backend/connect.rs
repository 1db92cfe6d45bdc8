//! Opening a server connection: startup, SCRAM, and the first nonce.

use super::{Address, BackendError, Parameters, Residue, ServerConnection, State};
use crate::cancel::CancelTarget;
use crate::limit::timer::Timer;
use crate::pool::Slot;
use crate::settings::Settings;
use crate::statement::Prepared;
use crate::stream::Buffered;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;
use tenantry_core::{DatabaseRoute, MasterKey, Rights, Secret};
use tenantry_wire::backend::{Authentication, BackendKeyData, ErrorFields, ParameterStatus, tag};
use tenantry_wire::scram::{
    AwaitsServerFinal, AwaitsServerFirst, ChannelBinding, ClientExchange, ClientKeys, MECHANISM,
    MECHANISM_PLUS,
};
use tenantry_wire::startup::{self, CancelKey};
use tenantry_wire::{frame, frontend};

/// What authenticates the gateway to a database. The keys derived from the password are kept: deriving them costs
/// thousands of hash rounds, and a reconnect under load should not.
#[derive(Debug)]
pub(crate) struct Credentials {
    rights: Rights,
    pub(crate) user: Box<str>,
    pub(crate) database: Box<str>,
    pub(crate) password: Secret,
    pub(crate) keys: Mutex<Option<ClientKeys>>,
}

impl Credentials {
    pub(crate) fn of(route: &DatabaseRoute, rights: Rights, key: &MasterKey) -> Self {
        let user = rights.role(&route.login);
        Self {
            rights,
            database: route.name.clone(),
            password: key.login_password(&route.stable_name, &user),
            user,
            keys: Mutex::new(None),
        }
    }
}

/// Whether transactions are read-only that do not say otherwise. A courtesy to readers: PostgreSQL then says in its own words that
/// they write, and drivers can see it coming. It may be changed by anybody; what they may do is a matter of the role's privileges.
pub(crate) fn read_only(rights: Rights) -> (&'static str, &'static str) {
    let value = match rights {
        Rights::Write => "off",
        Rights::Read => "on",
    };
    ("default_transaction_read_only", value)
}

/// Sent in the startup packet: they beat what `ALTER ROLE … SET` left, and are what `RESET ALL` returns to.
const DEFAULTS: &[(&str, &str)] = &[
    ("application_name", "tenantry"),
    ("client_encoding", "UTF8"),
    ("search_path", "public"),
    ("row_security", "on"),
    ("default_transaction_isolation", "read committed"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    // A backend that runs something for a gateway that is gone, or a statement whose cancel came too early, finds out.
    ("client_connection_check_interval", "5000"),
];

/// The first version of the isolation core with which a handover may begin without resetting the session's role.
pub(super) const MIN_CORE: i32 = 9;

impl ServerConnection {
    /// Connects, authenticates, looks at the isolation core, and gets the first nonce.
    pub(crate) async fn open(
        address: &Address,
        credentials: &Credentials,
        max_statements: usize,
        timer: Arc<Timer>,
        slot: Slot,
    ) -> Result<Self, BackendError> {
        let mut io = Buffered::new(address.connect().await?);
        let mut params = vec![("user", &*credentials.user), ("database", &*credentials.database)];
        params.extend(DEFAULTS);
        params.push(read_only(credentials.rights));
        startup::startup(&mut io.outbuf, 0, params);
        let mut connection = Self {
            io,
            state: State::Unknown,
            residue: Residue::None,
            settings: Arc::new(Settings::default()),
            prepared: Prepared::new(max_statements),
            unnamed: 0,
            nonce: None,
            own: None,
            has_path: false,
            cancel: Arc::new(CancelTarget {
                address: address.clone(),
                key: CancelKey { pid: 0, secret: Box::new([]) },
                opened: Instant::now(),
            }),
            parameters: Arc::new(Parameters::new()),
            idle_since: Instant::now(),
            timer,
            visited: HashSet::new(),
            lease: None,
            slot,
        };
        connection.io.flush().await?;
        connection.authenticate(credentials).await?;
        connection.greet(address).await?;
        // In one flight.
        frontend::query(&mut connection.io.outbuf, "SELECT tenancy.version()");
        connection.start_reset();
        connection.io.flush().await?;
        connection.check_core().await?;
        connection.finish_reset().await?;
        Ok(connection)
    }

    async fn authenticate(&mut self, credentials: &Credentials) -> Result<(), BackendError> {
        let mut exchange = Exchange::Idle;
        loop {
            let frame = self.next_frame().await?;
            let body = &frame[frame::HEADER..];
            match frame[0] {
                tag::AUTHENTICATION => {}
                tag::ERROR => return Err(server_error(body)),
                tag::NOTICE => continue,
                _ => return Err(BackendError::Protocol("during authentication")),
            }
            let message =
                Authentication::decode(body).map_err(|_| BackendError::Protocol("authentication"))?;
            exchange = match (message, exchange) {
                (Authentication::Ok, Exchange::Verified) => return Ok(()),
                // `trust` is no authentication of the server: a server that does not prove that it knows our
                // verifier could be anybody.
                (Authentication::Ok, _) => {
                    return Err(BackendError::Protocol("the server must authenticate by SCRAM-SHA-256"));
                }
                (Authentication::Sasl { mechanisms }, Exchange::Idle) => {
                    let (mechanism, binding) = self.channel_binding(mechanisms.contains(MECHANISM_PLUS));
                    let cached = credentials.keys.lock().clone();
                    let (exchange, first) =
                        ClientExchange::new(credentials.password.expose(), cached, binding);
                    frontend::sasl_initial(&mut self.io.outbuf, mechanism, &first);
                    Exchange::First(Box::new(exchange))
                }
                (Authentication::SaslContinue(data), Exchange::First(exchange)) => {
                    let (exchange, answer) =
                        exchange.respond(data).map_err(|_| BackendError::Protocol("SCRAM challenge"))?;
                    frontend::sasl_response(&mut self.io.outbuf, &answer);
                    Exchange::Final(Box::new(exchange))
                }
                (Authentication::SaslFinal(data), Exchange::Final(exchange)) => {
                    let keys = exchange
                        .finish(data)
                        .map_err(|_| BackendError::Protocol("SCRAM server signature"))?;
                    *credentials.keys.lock() = Some(keys);
                    Exchange::Verified
                }
                _ => return Err(BackendError::Protocol("authentication method")),
            };
            self.io.flush().await?;
        }
    }

    /// Ties the exchange to the TLS connection under it, where both sides can: a server in between would have another
    /// certificate.
    fn channel_binding(&self, offered: bool) -> (&'static str, ChannelBinding) {
        match self.io.server_binding() {
            Some(hash) if offered => (MECHANISM_PLUS, ChannelBinding::TlsServerEndPoint(hash)),
            // The server learns that we could have: if it did offer it, somebody took the offer away.
            Some(_) => (MECHANISM, ChannelBinding::Unused),
            None => (MECHANISM, ChannelBinding::Unsupported),
        }
    }

    /// Reads parameters and the cancel key until the server is ready.
    async fn greet(&mut self, address: &Address) -> Result<(), BackendError> {
        let mut parameters = Parameters::new();
        loop {
            let frame = self.next_frame().await?;
            let body = &frame[frame::HEADER..];
            match frame[0] {
                tag::PARAMETER_STATUS => {
                    let status = ParameterStatus::decode(body)
                        .map_err(|_| BackendError::Protocol("ParameterStatus"))?;
                    parameters.push((
                        String::from_utf8_lossy(status.name).into(),
                        String::from_utf8_lossy(status.value).into(),
                    ));
                }
                tag::BACKEND_KEY_DATA => {
                    let key =
                        BackendKeyData::decode(body).map_err(|_| BackendError::Protocol("BackendKeyData"))?;
                    self.cancel = Arc::new(CancelTarget {
                        address: address.clone(),
                        key: key.to_key(),
                        opened: Instant::now(),
                    });
                }
                tag::READY_FOR_QUERY => break,
                tag::NOTICE => {}
                tag::ERROR => return Err(server_error(body)),
                _ => return Err(BackendError::Protocol("after authentication")),
            }
        }
        self.parameters = Arc::new(parameters);
        Ok(())
    }

    /// Reads the core's version. An older one would not refuse what this handover leaves to it.
    async fn check_core(&mut self) -> Result<(), BackendError> {
        let version = self.read_reply().await?.value.and_then(|version| version.parse().ok());
        match version.ok_or(BackendError::Protocol("the isolation core's version"))? {
            MIN_CORE.. => Ok(()),
            old => Err(BackendError::OldCore(old)),
        }
    }
}

enum Exchange {
    Idle,
    First(Box<ClientExchange<AwaitsServerFirst>>),
    Final(Box<ClientExchange<AwaitsServerFinal>>),
    Verified,
}

/// The error in the server's words, for the log. Clients get words of ours.
pub(super) fn server_error(body: &[u8]) -> BackendError {
    match ErrorFields::decode(body) {
        Ok(fields) => BackendError::Server {
            sqlstate: fields.text(b'C').into_owned(),
            message: fields.text(b'M').into_owned(),
        },
        Err(_) => BackendError::Protocol("ErrorResponse"),
    }
}
