//! Who is the client, and for which tenant does it act?

use super::hold::Hold;
use super::prove::prove;
use super::reading::Read;
use super::startup::Opened;
use super::switch::Choice;
use crate::admin::is_console;
use crate::door::{Guest, LoginPlace};
use crate::error::{ClientError, SessionEnd};
use crate::settings::Settings;
use crate::stream::Buffered;
use crate::worker::Worker;
use std::sync::Arc;
use std::time::SystemTime;
use tenantry_core::{
    ErrorKind, LoginBinding, LoginId, LoginRoute, PoolMode, RouteTable, TenantId, TenantRoute, TenantState,
};
use tenantry_wire::startup::{Startup, parse_options};

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

/// A client that proved who it is.
pub(super) struct Login {
    pub(super) id: LoginId,
    pub(super) name: Box<str>,
    pub(super) tenant: Option<TenantId>,
    pub(super) settings: Settings,
    /// The protocol is 3.`minor`.
    pub(super) minor: u16,
    /// Its place under the login's limit of connections.
    pub(super) place: LoginPlace,
    /// It is an administrator who asked for the console.
    pub(super) console: bool,
    /// What it asks for, where the login leaves the choice.
    pub(super) pool_mode: Option<PoolMode>,
    /// Where it may choose the tenant.
    pub(super) choice: Choice,
    /// Where it wants to read.
    pub(super) read: Option<Read>,
}

/// What the startup packet says, before any of it is believed.
struct Claim {
    login: String,
    /// Where a tenant is named, and how the source is called in messages.
    tenants: Vec<(&'static str, String)>,
    /// The database, when it may be a driver's default (it equals the user).
    default_database: Option<String>,
    settings: Settings,
    pool_mode: Option<PoolMode>,
    read: Option<Read>,
}

pub(super) async fn authenticate(
    worker: &Worker,
    client: &mut Buffered,
    guest: &Guest,
    opened: Opened,
) -> Result<Login, SessionEnd> {
    let routes = Arc::clone(&worker.routes.borrow());
    let mut claim = Claim::read(&opened.startup, &routes)?;
    if let Some(name) = opened.tls.as_ref().and_then(|tls| tls.server_name.as_deref()) {
        claim.take_server_name(name, worker.shared.config.tls.tenant_suffix.as_deref(), &routes);
    }
    let login = routes.login(&claim.login);
    // Nothing about tenants is said before the client has proved who it is.
    let login = prove(worker, client, guest, &claim.login, login, opened.tls.as_ref()).await?;
    #[expect(clippy::disallowed_methods, reason = "a login's end is a date on the wall")]
    let now = SystemTime::now();
    if !login.access.is_open(now) {
        return Err(closed(login).into());
    }
    let place = worker.shared.door.take_place(login.id, login.access.max_connections);
    let place = place.ok_or_else(|| too_many_connections(login))?;
    // For everybody else there is no such database: no tenant can be called that.
    if login.admin && opened.startup.get("database").is_some_and(is_console) {
        let (id, name, settings) = (login.id, login.name.clone(), claim.settings);
        return Ok(Login {
            id,
            name,
            tenant: None,
            settings,
            minor: opened.minor,
            place,
            console: true,
            pool_mode: None,
            choice: Choice::None,
            read: None,
        });
    }
    let tenant = claim.resolve(&routes, login)?;
    if claim.pool_mode == Some(PoolMode::Session) && login.pool_mode == PoolMode::Transaction {
        return Err(ClientError::new(ErrorKind::NotAllowed, "this login may not keep a server connection for a session")
            .with_hint("remove tenantry.pool_mode from the connection's options, or allow it with: tenantry login set NAME --pool-mode either")
            .into());
    }
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
        minor: opened.minor,
        place,
        console: false,
        pool_mode: claim.pool_mode,
        choice: Choice::of(&login.binding, Hold::of(login.pool_mode, claim.pool_mode)),
        read: claim.read,
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
        let (mut pool_mode, mut read) = (None, None);
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
            } else if name.eq_ignore_ascii_case("tenantry.pool_mode") {
                pool_mode = Some(wished_mode(&value)?);
            } else if name.eq_ignore_ascii_case("tenantry.read") {
                read = Some(Read::parse(&value)?);
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
        Ok(Self { login: login.to_owned(), tenants, default_database, settings, pool_mode, read })
    }

    /// Takes the host that the client asked for (SNI) for a name of a tenant, if it is one: `acme.db.example.com` under a
    /// suffix, or a tenant's domain. Any other host is the gateway's own name.
    fn take_server_name(&mut self, name: &str, suffix: Option<&str>, routes: &RouteTable) {
        let under = suffix.and_then(|suffix| name.strip_suffix(suffix)?.strip_suffix('.'));
        let under = under.filter(|tenant| !tenant.contains('.'));
        // A domain may lie under the suffix too. There the tenants' keys go first.
        let is_key = under.is_some_and(|tenant| find(routes, tenant).is_some());
        let is_domain = || routes.tenant_by_domain(name).is_some();
        if let Some(tenant) = under.filter(|_| is_key || !is_domain()) {
            self.tenants.push(("the host name", tenant.to_owned()));
        } else if is_domain() {
            self.tenants.push(("the host name", name.to_owned()));
        }
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

fn wished_mode(value: &str) -> Result<PoolMode, ClientError> {
    match value.parse() {
        Ok(mode @ (PoolMode::Transaction | PoolMode::Session)) => Ok(mode),
        _ => Err(ClientError::new(ErrorKind::InvalidInput, format!("{value:?} is no pool mode"))
            .with_hint("tenantry.pool_mode is transaction or session")),
    }
}

/// Said only to who has proved to be the login.
fn closed(login: &LoginRoute) -> ClientError {
    let message = if login.access.disabled { "this login is disabled" } else { "this login has expired" };
    ClientError::new(ErrorKind::AuthenticationFailed, message).with_sqlstate("28000")
}

fn too_many_connections(login: &LoginRoute) -> ClientError {
    let limit = login.access.max_connections.unwrap_or_default();
    ClientError::new(
        ErrorKind::LimitReached,
        format!("this login has {limit} connections, as many as it may"),
    )
    .with_sqlstate("53300")
    .with_hint("close connections that are not used, or raise the login's limit")
}
