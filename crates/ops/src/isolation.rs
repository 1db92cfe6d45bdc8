//! The isolation core: what every data database gets so that it can refuse by itself.
//!
//! Roles, the schema `tenancy` (keys, challenge, enter, the gate, `tenant_id()`), and the revoked surface. The SQL is
//! beside this file; here it is put together, in one transaction that may run again and beside others.

mod floors;
mod keys;
mod probe;
#[cfg(test)]
mod tests;

pub use keys::{drop_key, put_key, rotate_key};
pub(crate) use keys::{has_other as has_other_key, is_installed as key_is_installed};
pub use probe::{Probe, probe};
pub use tenantry_schema::TenantType;

use crate::OpsError;
use crate::sql::{Doing, render};
use tenantry_catalog::ServerError;
use tenantry_core::rights::POOL_LOGIN;
use tenantry_core::{ContextKey, ContextKind, ErrorKind, Secret, SqlIdent, quote_literal, reader_of};
use tenantry_wire::scram::Verifier;
use tokio_postgres::{Client, Transaction};

/// The version of the core that this build installs. Every change of the SQL raises it, or a database that has the core already would
/// not get the change; a unit test holds the SQL's hash.
pub const VERSION: i32 = 9;

/// What leads from each older version to the next: statements that run before the parts below, which replace
/// functions and repeat grants anyway. Changes to tables go here.
const UPGRADES: &[(i32, &str)] = &[];

/// The role that owns the core's functions.
pub(crate) const CONTEXT: &str = "tenantry_context";

const ROLES: &str = include_str!("isolation/roles.sql");
const LOGIN: &str = include_str!("isolation/login.sql");
const BASE: &str = include_str!("isolation/base.sql");
const CARRIER: &str = include_str!("isolation/carrier.sql");
const SIGNED: &str = include_str!("isolation/signed.sql");
const HANDOVER: &str = include_str!("isolation/handover.sql");
const PARTITIONS: &str = include_str!("isolation/partitions.sql");
const PARTITIONS_LIST: &str = include_str!("isolation/partitions_list.sql");
const SCOPES: &str = include_str!("isolation/scopes.sql");
const SESSION: &str = include_str!("isolation/session.sql");
const POSITION: &str = include_str!("isolation/position.sql");
const COPY: &str = include_str!("isolation/copy.sql");
const READERS: &str = include_str!("isolation/readers.sql");
const READERS_GRANT: &str = include_str!("isolation/readers_grant.sql");
const SURFACE: &str = include_str!("isolation/surface.sql");
const SURFACE_CLOSE: &str = include_str!("isolation/surface_close.sql");
const GRANTS: &str = include_str!("isolation/grants.sql");
const SYSTEM_GRANTS: &str = include_str!("isolation/system_grants.sql");
const WHOLE: &str = include_str!("isolation/whole.sql");

/// Where the two kinds of context differ in `handover.sql`.
type Handover = [(&'static str, &'static str); 4];

const CARRIER_HANDOVER: Handover = [
    ("setting", "backtrace_functions"),
    // The nonce, for the entry that follows without another challenge.
    (
        "kept",
        "CASE WHEN pg_catalog.current_setting('backtrace_functions') OPERATOR(pg_catalog.<>) ''
              THEN 'n_' OPERATOR(pg_catalog.||) pg_catalog.substr(pg_catalog.current_setting('backtrace_functions'), 3, 32) END",
    ),
    (
        "nonce",
        "CASE WHEN pg_catalog.current_setting('backtrace_functions') OPERATOR(pg_catalog.^@) 'n_'
              THEN pg_catalog.substr(pg_catalog.current_setting('backtrace_functions'), 3) END",
    ),
    (
        // The next nonce is half of the signature that is used up here: without the key as good as random, and never again
        // the same, for it is signed over the one before. The setting takes no hyphens, which a uuid can do without.
        "admitted",
        "pg_catalog.substr(pg_catalog.set_config('backtrace_functions',
            CASE WHEN g.placement OPERATOR(pg_catalog.->>) 'model' OPERATOR(pg_catalog.=) 'schema' THEN 's_' ELSE 't_' END
              OPERATOR(pg_catalog.||) pg_catalog.left(p_mac, 32)
              OPERATOR(pg_catalog.||) pg_catalog.replace(g.value, '-', ''), false), 3, 32)",
    ),
];

const SIGNED_HANDOVER: Handover = [
    ("setting", "tenancy.context"),
    ("kept", "NULL"),
    ("nonce", "tenancy.session_nonce()"),
    (
        "admitted",
        "CASE WHEN pg_catalog.set_config('tenancy.context', pg_catalog.concat_ws('|', p_key, p_tenant, p_epoch, p_mac), false)
                     IS NOT NULL THEN nonce END",
    ),
];

/// Held while a database's core changes. Advisory locks are per database, as the core is.
const INSTALL_LOCK: i64 = 0x5445_4E41_4E54_5259;
/// Roles are shared by all databases of a cluster, so two installations may still meet there.
const ATTEMPTS: u32 = 8;

/// What to install.
#[derive(Debug, Clone)]
pub struct Core {
    pub tenant_type: TenantType,
    pub context: ContextKind,
    pub login: SqlIdent,
    /// PostgreSQL's text form of a SCRAM verifier; the password itself never travels.
    pub verifier: String,
    /// That of the reader, whose name is derived from the application's role.
    pub reader_verifier: String,
    /// Of each of the two.
    pub connection_limit: Option<u32>,
}

/// What becomes of what PUBLIC may do in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surface {
    /// It is taken away.
    Closed,
    /// It stays: an application that came before still lives on it.
    Open,
}

/// What an installation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    New,
    UpgradedFrom(i32),
    /// It was there in this version; its functions and grants were made whole again.
    Again,
}

/// The application's role in a pool.
pub fn pool_login(database: &SqlIdent) -> Result<SqlIdent, OpsError> {
    Ok(SqlIdent::new(format!("{POOL_LOGIN}{}", database.as_str()))?)
}

/// The role beside the application's that may read what that one may read, and write nothing.
pub fn reader(login: &SqlIdent) -> Result<SqlIdent, OpsError> {
    Ok(SqlIdent::new(reader_of(login.as_str()))?)
}

/// The passwords of a database's two login roles.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    pub(crate) login: Secret,
    pub(crate) reader: Secret,
}

/// Whether the core is here as this build would install it: version, kind, surface, logins and key.
pub(crate) async fn is_whole(
    admin: &Client,
    core: &Core,
    key: &ContextKey,
    passwords: &Passwords,
) -> Result<bool, OpsError> {
    const WHAT: &str = "looking at the isolation core";
    let there = admin.query_one("SELECT to_regclass('tenancy.core') IS NOT NULL", &[]).await.doing(WHAT)?;
    if !there.get::<_, bool>(0) {
        return Ok(false);
    }
    let row = admin.query_opt(WHOLE, &[&core.login.as_str()]).await.doing(WHAT)?;
    let Some(row) = row else { return Ok(false) };
    let same = row.get::<_, i32>(0) == VERSION
        && row.get::<_, String>(1) == core.context.as_str()
        && row.get::<_, String>(2) == core.tenant_type.as_sql()
        && row.get::<_, bool>(3)
        && row.get::<_, Option<i32>>(4) == Some(limit(core.connection_limit));
    Ok(same
        && keys::is_installed(admin, key).await?
        && floors::are_current(admin).await?
        && knows_password(admin, &core.login, &passwords.login).await?
        && reader_is_whole(admin, core, &passwords.reader).await?)
}

/// Whether the reader may see what the application's role may see, and write nothing. The core is of this version.
async fn reader_is_whole(admin: &Client, core: &Core, password: &Secret) -> Result<bool, OpsError> {
    const WHAT: &str = "looking at the reader's rights";
    let reader = reader(&core.login)?;
    let row = admin.query_opt(WHOLE, &[&reader.as_str()]).await.doing(WHAT)?;
    if row.and_then(|row| row.get::<_, Option<i32>>(4)) != Some(limit(core.connection_limit)) {
        return Ok(false);
    }
    let sql = "SELECT NOT EXISTS (SELECT FROM tenancy.reader_grants($1, $2))";
    let row = admin.query_one(sql, &[&core.login.as_str(), &reader.as_str()]).await.doing(WHAT)?;
    Ok(row.get(0) && knows_password(admin, &reader, password).await?)
}

/// Whether a login role is there with that password, and may do nothing but connect.
pub(crate) async fn login_fits(
    admin: &Client,
    login: &SqlIdent,
    password: &Secret,
) -> Result<bool, OpsError> {
    let row = admin.query_opt(WHOLE, &[&login.as_str()]).await.doing("looking at a login role")?;
    let modest = row.is_some_and(|row| row.get::<_, Option<i32>>(4).is_some());
    Ok(modest && knows_password(admin, login, password).await?)
}

/// Whether the role's verifier is the password's. Only a superuser may look; others install again.
async fn knows_password(admin: &Client, login: &SqlIdent, password: &Secret) -> Result<bool, OpsError> {
    const WHAT: &str = "looking at the application's role";
    let sql = "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')";
    if !admin.query_one(sql, &[]).await.doing(WHAT)?.get::<_, bool>(0) {
        return Ok(false);
    }
    let sql = "SELECT coalesce(rolpassword, '') FROM pg_catalog.pg_authid WHERE rolname = $1";
    let row = admin.query_opt(sql, &[&login.as_str()]).await.doing(WHAT)?;
    let verifier = row.and_then(|row| Verifier::parse(row.get(0)).ok());
    Ok(verifier.is_some_and(|verifier| verifier.matches(password.expose())))
}

fn limit(connections: Option<u32>) -> i32 {
    connections.map_or(-1, |limit| i32::try_from(limit).unwrap_or(i32::MAX))
}

/// Installs, upgrades or repairs the core in the database that `admin` is connected to, in one transaction. Floors that an older
/// version left on tables follow, each in a transaction of its own: where that stops, running it again goes on.
pub async fn install(admin: &mut Client, core: &Core) -> Result<Installed, OpsError> {
    install_as(admin, core, Surface::Closed).await
}

/// The same beside an application that still uses the database as it always did: PUBLIC keeps what it has.
pub(crate) async fn install_beside(admin: &mut Client, core: &Core) -> Result<Installed, OpsError> {
    install_as(admin, core, Surface::Open).await
}

async fn install_as(admin: &mut Client, core: &Core, surface: Surface) -> Result<Installed, OpsError> {
    let installed = install_functions(admin, core, surface).await?;
    floors::renew(admin).await?;
    Ok(installed)
}

async fn install_functions(admin: &mut Client, core: &Core, surface: Surface) -> Result<Installed, OpsError> {
    for _ in 1..ATTEMPTS {
        match install_once(admin, core, surface).await {
            Err(OpsError::Server { source, .. }) if is_collision(&source) => {}
            done => return done,
        }
    }
    install_once(admin, core, surface).await
}

async fn install_once(admin: &mut Client, core: &Core, surface: Surface) -> Result<Installed, OpsError> {
    let tx = admin.transaction().await.doing("starting the installation of the isolation core")?;
    let superuser = prepare(&tx).await?;
    let found = installed(&tx, core).await?;
    let done = match found {
        None => Installed::New,
        Some(version) if version == VERSION => Installed::Again,
        Some(version) => Installed::UpgradedFrom(version),
    };
    run_parts(&tx, core, found, superuser, surface).await?;
    tx.execute(
        "INSERT INTO tenancy.core AS c (version, context, tenant_type) VALUES ($1, $2, $3)
         ON CONFLICT (only_row) DO UPDATE SET version = excluded.version WHERE c.version <> excluded.version",
        &[&VERSION, &core.context.as_str(), &core.tenant_type.as_sql()],
    )
    .await
    .doing("recording the version of the isolation core")?;
    tx.commit().await.doing("committing the isolation core")?;
    Ok(done)
}

/// Takes the lock, and keeps verifiers out of the server's log where we may. Says whether we are superuser.
async fn prepare(tx: &Transaction<'_>) -> Result<bool, OpsError> {
    const WHAT: &str = "preparing to install the isolation core";
    tx.batch_execute("SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL client_min_messages = warning")
        .await
        .doing(WHAT)?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&INSTALL_LOCK]).await.doing(WHAT)?;
    let row = tx.query_one("SELECT current_setting('is_superuser') = 'on'", &[]).await.doing(WHAT)?;
    let superuser = row.get(0);
    if superuser {
        keep_out_of_the_log(tx).await?;
    }
    Ok(superuser)
}

/// For this transaction: statements that carry verifiers or keys are not logged, even if they fail.
async fn keep_out_of_the_log(tx: &Transaction<'_>) -> Result<(), OpsError> {
    tx.batch_execute(
        "SET LOCAL log_statement = none; SET LOCAL log_min_duration_statement = -1; \
         SET LOCAL log_min_error_statement = panic",
    )
    .await
    .doing("keeping secrets out of the server's log")
}

/// The installed version, after refusing what can't be changed in place.
async fn installed(tx: &Transaction<'_>, core: &Core) -> Result<Option<i32>, OpsError> {
    const WHAT: &str = "looking for an installed isolation core";
    let there = tx.query_one("SELECT to_regclass('tenancy.core') IS NOT NULL", &[]).await.doing(WHAT)?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    let row =
        tx.query_opt("SELECT version, context, tenant_type FROM tenancy.core", &[]).await.doing(WHAT)?;
    let Some(row) = row else { return Ok(None) };
    let (version, context, tenant_type): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
    if version > VERSION {
        return Err(OpsError::Refused {
            kind: ErrorKind::NotSupported,
            message: format!(
                "the isolation core here is version {version}, this program knows up to {VERSION}"
            ),
            hint: Some("use the newer program".into()),
        });
    }
    if context != core.context.as_str() || tenant_type != core.tenant_type.as_sql() {
        return Err(OpsError::Refused {
            kind: ErrorKind::Conflict,
            message: format!(
                "the isolation core here has a {context} context and {tenant_type} tenants, not a {} context and {}",
                core.context.as_str(),
                core.tenant_type.as_sql()
            ),
            hint: Some("policies depend on both: make another database and move the tenants there".into()),
        });
    }
    Ok(Some(version))
}

async fn run_parts(
    tx: &Transaction<'_>,
    core: &Core,
    found: Option<i32>,
    superuser: bool,
    surface: Surface,
) -> Result<(), OpsError> {
    let row =
        tx.query_one("SELECT current_database()::text", &[]).await.doing("asking for the database's name")?;
    let database = SqlIdent::new(row.get::<_, String>(0)).map_err(OpsError::from)?;
    let reader = reader(&core.login)?;
    let values = [
        ("login", core.login.to_string()),
        ("login_name", quote_literal(core.login.as_str())),
        ("reader", reader.to_string()),
        ("reader_name", quote_literal(reader.as_str())),
        ("database", database.to_string()),
        ("verifier", quote_literal(&core.verifier)),
        ("connection_limit", limit(core.connection_limit).to_string()),
        ("type", core.tenant_type.as_sql().to_owned()),
        ("system_type", system_type(core.tenant_type).to_owned()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let of_reader = render(LOGIN, &as_reader(&values, &quote_literal(&core.reader_verifier)));
    let (context, handover) = match core.context {
        ContextKind::Carrier => (CARRIER, CARRIER_HANDOVER),
        ContextKind::Signed => (SIGNED, SIGNED_HANDOVER),
    };
    let handover = render(HANDOVER, &handover);
    let mut parts = vec![("roles", ROLES), ("application login", LOGIN), ("reader", &of_reader)];
    if let Some(found) = found {
        parts.extend(UPGRADES.iter().filter(|(from, _)| *from >= found).map(|(_, sql)| ("upgrade", *sql)));
    }
    parts.extend([("base", BASE), ("context", context), ("handover", &handover)]);
    parts.extend([
        ("partitions", PARTITIONS),
        ("partitions by list", PARTITIONS_LIST),
        ("scopes", SCOPES),
        ("session", SESSION),
        ("copy", COPY),
        ("position", POSITION),
        ("readers", READERS),
    ]);
    parts.push(("surface", SURFACE));
    if surface == Surface::Closed {
        parts.push(("closing the surface", SURFACE_CLOSE));
    }
    parts.extend([("grants", GRANTS), ("what readers see", READERS_GRANT)]);
    if superuser {
        parts.push(("system grants", SYSTEM_GRANTS));
    }
    for (name, sql) in parts {
        tx.batch_execute(&render(sql, &values))
            .await
            .doing(&format!("installing the isolation core ({name})"))?;
    }
    Ok(())
}

/// The type's name that no search path leads elsewhere: for bodies that are read under a caller's.
fn system_type(tenant_type: TenantType) -> &'static str {
    match tenant_type {
        TenantType::Bigint => "pg_catalog.int8",
        TenantType::Uuid => "pg_catalog.uuid",
        TenantType::Text => "pg_catalog.text",
    }
}

/// What makes the application's role makes the reader, under its name and with its verifier.
fn as_reader<'v>(values: &[(&'v str, &'v str)], verifier: &'v str) -> Vec<(&'v str, &'v str)> {
    let value = |wanted: &str| values.iter().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value);
    let changed = |(name, old): (&'v str, &'v str)| match name {
        "login" => (name, value("reader")),
        "login_name" => (name, value("reader_name")),
        "verifier" => (name, verifier),
        _ => (name, old),
    };
    values.iter().copied().map(changed).collect()
}

/// Another installation changed the same cluster-wide row at the same moment.
fn is_collision(error: &ServerError) -> bool {
    match error.sqlstate() {
        Some("23505" | "42710" | "40001" | "40P01") => true,
        // "tuple concurrently updated" has no code of its own.
        Some("XX000") => error.to_string().contains("concurrently"),
        _ => false,
    }
}
