//! Who is the client, and for which tenant does it act?

use crate::error::{ClientError, SessionEnd};
use crate::settings::Settings;
use crate::stream::Buffered;
use crate::worker::Worker;
use bytes::BytesMut;
use std::sync::Arc;
use tenantry_core::{
    ErrorKind, LoginBinding, LoginId, LoginRoute, RouteTable, TenantId, TenantRoute, TenantState,
};
use tenantry_wire::frontend::{SaslInitial, tag};
use tenantry_wire::scram::{ChannelBinding, ServerExchange, Verifier};
use tenantry_wire::startup::{Startup, parse_options};
use tenantry_wire::{backend, frame};

/// What a client is told of "the server" before any server was seen: the least that drivers need.
pub(super) const DEFAULT_PARAMETERS: [(&str, &str); 8] = [
    ("server_version", "15.0"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
];

/// Messages of an authentication exchange are short.
const MAX_AUTH_BYTES: usize = 4 << 10;
/// The same for real and for unknown logins, so that they can't be told apart.
const SCRAM_ROUNDS: u32 = 4_096;

/// A client that proved who it is.
pub(super) struct Login {
    pub(super) id: LoginId,
    pub(super) name: Box<str>,
    pub(super) tenant: Option<TenantId>,
    pub(super) settings: Settings,
}

/// What the startup packet says, before any of it is believed.
struct Claim {
    login: String,
    /// Where a tenant is named, and how the source is called in messages.
    tenants: Vec<(&'static str, String)>,
    /// The database, when it may be a driver's default (it equals the user).
    default_database: Option<String>,
    settings: Settings,
}

pub(super) async fn authenticate(
    worker: &Worker,
    client: &mut Buffered,
    startup: Startup,
) -> Result<Login, SessionEnd> {
    let routes = Arc::clone(&worker.routes.borrow());
    let claim = Claim::read(&startup, &routes)?;
    let login = routes.login(&claim.login);
    prove(worker, client, &claim.login, login).await?;
    // Nothing about tenants is said before the client has proved who it is.
    let login = login.ok_or_else(wrong_password)?;
    let tenant = claim.resolve(&routes, login)?;
    if let Some(tenant) = &tenant
        && tenant.state != TenantState::Active
    {
        return Err(super::unavailable(tenant.state).into());
    }
    Ok(Login {
        id: login.id,
        name: login.name.clone(),
        tenant: tenant.map(|tenant| tenant.id),
        settings: claim.settings,
    })
}

impl Claim {
    fn read(startup: &Startup, routes: &RouteTable) -> Result<Self, ClientError> {
        let user = startup
            .get("user")
            .filter(|user| !user.is_empty())
            .ok_or_else(|| ClientError::protocol("no user in the startup packet").with_sqlstate("28000"))?;
        let mut tenants = Vec::new();
        // `app.acme`, unless a login is really called that.
        let login = match user.split_once('.') {
            Some((login, tenant)) if routes.login(user).is_none() => {
                tenants.push(("user", tenant.to_owned()));
                login
            }
            _ => user,
        };
        let mut settings = Settings::default();
        let mut options = Vec::new();
        for (name, value) in &startup.params {
            match name.as_str() {
                "user" | "database" | "replication" => {}
                "options" => options
                    .extend(parse_options(value).map_err(|error| ClientError::protocol(error.to_string()))?),
                _ => options.push((name.clone(), value.clone())),
            }
        }
        for (name, value) in options {
            if name.eq_ignore_ascii_case("tenantry.tenant") {
                tenants.push(("tenantry.tenant", value));
            } else if Settings::allowed_at_startup(&name) {
                settings.set(&name, &value);
            } else {
                return Err(ClientError::new(
                    ErrorKind::NotAllowed,
                    format!("the setting {name:?} can't be chosen in the startup packet"),
                )
                .with_hint(
                    "remove it from the connection's options, or SET it in the transaction that needs it",
                ));
            }
        }
        let mut default_database = None;
        match startup.get("database").filter(|database| !database.is_empty()) {
            Some(database) if database == user => default_database = Some(database.to_owned()),
            Some(database) => tenants.push(("database", database.to_owned())),
            None => {}
        }
        Ok(Self { login: login.to_owned(), tenants, default_database, settings })
    }

    /// The one tenant that all present sources mean.
    fn resolve(
        &self,
        routes: &RouteTable,
        login: &LoginRoute,
    ) -> Result<Option<Arc<TenantRoute>>, ClientError> {
        let mut resolved: Option<(&str, &Arc<TenantRoute>)> = None;
        for (source, name) in &self.tenants {
            // The same words for a tenant that is not the login's: a bound login learns nothing of others.
            let allowed = find(routes, name).filter(|tenant| login.binding.allows(tenant.id));
            let tenant = allowed.ok_or_else(|| unknown(name))?;
            match resolved {
                Some((earlier, other)) if other.id != tenant.id => {
                    return Err(ClientError::new(
                        ErrorKind::NoTenant,
                        format!("{earlier} and {source} name different tenants"),
                    )
                    .with_hint("name the tenant once, or the same one everywhere"));
                }
                _ => resolved = Some((source, tenant)),
            }
        }
        let resolved = resolved.map(|(_, tenant)| tenant);
        // A driver that was given no database sends the user's name: only a hint, never a refusal.
        let tenant = match (resolved, &self.default_database, &login.binding) {
            (Some(tenant), ..) => Some(tenant),
            (None, Some(name), _) if find(routes, name).is_some() => find(routes, name),
            (None, _, LoginBinding::Only(tenants)) if tenants.len() == 1 => {
                tenants.first().and_then(|id| routes.tenant(*id))
            }
            _ => None,
        };
        match tenant {
            Some(tenant) if !login.binding.allows(tenant.id) => {
                Err(unknown(self.default_database.as_deref().unwrap_or_default()))
            }
            Some(tenant) => Ok(Some(Arc::clone(tenant))),
            None => Ok(None),
        }
    }
}

fn find<'r>(routes: &'r RouteTable, name: &str) -> Option<&'r Arc<TenantRoute>> {
    routes.tenant_by_key(name).or_else(|| routes.tenant_by_domain(&name.to_ascii_lowercase()))
}

fn unknown(name: &str) -> ClientError {
    ClientError::new(ErrorKind::UnknownTenant, format!("tenant {name:?} does not exist"))
        .with_hint("the database name of the connection is the tenant's key or one of its domains")
}

fn wrong_password() -> ClientError {
    ClientError::new(ErrorKind::AuthenticationFailed, "password authentication failed")
}

/// SCRAM-SHA-256. An unknown login goes through the same exchange and fails at its end.
async fn prove(
    worker: &Worker,
    client: &mut Buffered,
    name: &str,
    login: Option<&Arc<LoginRoute>>,
) -> Result<(), SessionEnd> {
    let verifier = match login.map(|login| Verifier::parse(&login.verifier)) {
        Some(Ok(verifier)) => verifier,
        Some(Err(_)) => {
            tracing::error!(login = name, "a login's verifier in the catalog can't be read");
            return Err(wrong_password().into());
        }
        None => Verifier::mock(worker.shared.mock_secret.expose().as_bytes(), name.as_bytes(), SCRAM_ROUNDS),
    };
    backend::authentication_sasl(&mut client.outbuf, &["SCRAM-SHA-256"]);
    let first = password_message(client).await?;
    let initial = SaslInitial::decode(&first).map_err(|_| ClientError::protocol("malformed SASL message"))?;
    if initial.mechanism != b"SCRAM-SHA-256" {
        return Err(ClientError::protocol("only SCRAM-SHA-256 is offered").into());
    }
    let exchange = ServerExchange::new(verifier, ChannelBinding::Unsupported);
    let (exchange, challenge) = exchange
        .respond(initial.response.unwrap_or_default())
        .map_err(|error| ClientError::protocol(error.to_string()))?;
    backend::sasl_continue(&mut client.outbuf, &challenge);
    let last = password_message(client).await?;
    // A SASL response's body is the data itself.
    let accepted = exchange.verify(&last).map_err(|_| wrong_password())?;
    backend::sasl_final(&mut client.outbuf, &accepted.message);
    Ok(())
}

async fn password_message(client: &mut Buffered) -> Result<BytesMut, SessionEnd> {
    client.flush().await.map_err(|_| SessionEnd::ClientGone)?;
    loop {
        let header = frame::peek(&client.inbuf).map_err(|error| ClientError::protocol(error.to_string()))?;
        if let Some(header) = header {
            if header.tag != tag::PASSWORD || header.len > MAX_AUTH_BYTES {
                return Err(ClientError::protocol("expected a password message").into());
            }
            if client.inbuf.len() >= header.len {
                let mut message = client.inbuf.split_to(header.len);
                return Ok(message.split_off(frame::HEADER));
            }
        }
        client.fill().await.map_err(|_| SessionEnd::ClientGone)?;
    }
}
