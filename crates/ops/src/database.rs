//! A data database on its server: made, given the core, dropped. Each function looks first.

use crate::isolation::{self, Core, Passwords, TenantType};
use crate::sql::Doing;
use crate::{Control, OpsError};
use tenantry_catalog::Database;
use tenantry_core::{ErrorKind, SqlIdent, quote_literal};
use tokio_postgres::Client;

const FOREIGN: &str = "SELECT to_regclass('tenancy.core') IS NULL AND EXISTS (
  SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')";

/// Whether the server has a database of that name.
pub(crate) async fn exists(maintenance: &Client, name: &SqlIdent) -> Result<bool, OpsError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)";
    Ok(maintenance.query_one(sql, &[&name.as_str()]).await.doing("looking for a database")?.get(0))
}

/// Whether the server has a database of that name that can be connected to, and nobody is about to drop it: not even a
/// server process whose client is gone. A drop that was broken off leaves a database that can only be dropped.
pub(crate) async fn is_usable(maintenance: &Client, name: &SqlIdent) -> Result<bool, OpsError> {
    // -2: marked as invalid, by PostgreSQL 15.4 and later.
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1 AND datconnlimit <> -2)";
    lock(maintenance, name).await?;
    let found = maintenance.query_one(sql, &[&name.as_str()]).await.doing("looking for a database");
    unlock(maintenance, name).await?;
    Ok(found?.get(0))
}

/// Refuses a database that holds something but no core: whatever it is, no operation of ours left it so.
pub(crate) async fn require_ours_or_empty(admin: &Client, name: &SqlIdent) -> Result<(), OpsError> {
    let row = admin.query_one(FOREIGN, &[]).await.doing("looking at what the database holds")?;
    if !row.get::<_, bool>(0) {
        return Ok(());
    }
    Err(OpsError::refused(
        ErrorKind::Conflict,
        format!("database {name} exists, and holds something that is not Tenantry's"),
        "rename or drop that database, then run the same command again",
    ))
}

/// Creates an empty database, unless somebody did. From `template0`: `template1` may hold anything.
///
/// The lock orders us behind a server process that still creates or drops it for a client that is gone.
pub(crate) async fn create(maintenance: &Client, name: &SqlIdent) -> Result<(), OpsError> {
    let doing = format!("creating database {name}");
    lock(maintenance, name).await?;
    let made = async {
        if exists(maintenance, name).await? {
            return Ok(());
        }
        maintenance.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await.doing(&doing)
    };
    let made = made.await;
    unlock(maintenance, name).await?;
    made
}

/// Gives back to a tenant with a database of its own what is taken away where tenants share one: DO and functions in
/// PL/pgSQL, temporary tables, `pg_notify`. Nobody else's rows are there; roles that own functions elsewhere gain nothing.
pub(crate) async fn open_to_its_tenant(
    admin: &impl tokio_postgres::GenericClient,
    database: &Database,
) -> Result<(), OpsError> {
    const WHAT: &str = "granting a tenant the use of its own database";
    let (name, login) = (&database.name, &database.login);
    let row = admin.query_one("SELECT current_setting('is_superuser') = 'on'", &[]).await.doing(WHAT)?;
    let mut sql = vec![format!("GRANT TEMP ON DATABASE {name} TO {login}")];
    // Languages and system functions are the superuser's: who is none has not taken them away either.
    if row.get(0) {
        sql.push(format!("GRANT USAGE ON LANGUAGE plpgsql, sql TO {login}"));
        sql.push(format!("GRANT EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) TO {login}"));
    }
    let sql = sql.join(";");
    admin.batch_execute(&sql).await.doing(WHAT)
}

/// Whether that was done. A database without its login is another matter.
pub(crate) async fn is_open_to_its_tenant(admin: &Client, database: &Database) -> Result<bool, OpsError> {
    let row = admin.query_opt(include_str!("opened.sql"), &[&database.login.as_str()]).await;
    Ok(row.doing("looking at what a tenant may do in its own database")?.is_none_or(|row| row.get(0)))
}

/// Drops a database with the connections to it. The caller has fenced it off.
pub(crate) async fn drop(maintenance: &Client, name: &SqlIdent) -> Result<(), OpsError> {
    lock(maintenance, name).await?;
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    let dropped = maintenance.batch_execute(&sql).await.doing(&format!("dropping database {name}"));
    unlock(maintenance, name).await?;
    dropped
}

/// Drops a database's login roles, which own nothing any more.
pub(crate) async fn drop_logins(maintenance: &Client, login: &SqlIdent) -> Result<(), OpsError> {
    let sql = format!("DROP ROLE IF EXISTS {login}, {}", isolation::reader(login)?);
    maintenance.batch_execute(&sql).await.doing(&format!("dropping role {login}"))
}

async fn lock(maintenance: &Client, name: &SqlIdent) -> Result<(), OpsError> {
    let sql = format!("SELECT pg_advisory_lock(hashtextextended({}, 0))", quote_literal(name.as_str()));
    maintenance.batch_execute(&sql).await.doing("waiting for another operation on the database")
}

async fn unlock(maintenance: &Client, name: &SqlIdent) -> Result<(), OpsError> {
    let sql = format!("SELECT pg_advisory_unlock(hashtextextended({}, 0))", quote_literal(name.as_str()));
    maintenance.batch_execute(&sql).await.doing("giving up the lock on the database")
}

/// What the core of a data database is made from.
pub(crate) struct CoreOf {
    pub(crate) core: Core,
    reader: SqlIdent,
    passwords: Passwords,
    key: tenantry_core::ContextKey,
}

impl CoreOf {
    pub(crate) fn new(
        control: &Control,
        database: &Database,
        tenant_type: TenantType,
        connection_limit: Option<u32>,
    ) -> Result<Self, OpsError> {
        let reader = isolation::reader(&database.login)?;
        let (login_password, verifier) = control.login_secret(database, &database.login);
        let (reader_password, reader_verifier) = control.login_secret(database, &reader);
        let core = Core {
            tenant_type,
            context: database.context,
            login: database.login.clone(),
            verifier,
            reader_verifier,
            connection_limit,
        };
        let passwords = Passwords { login: login_password, reader: reader_password };
        Ok(Self { core, reader, passwords, key: control.context_key(database) })
    }

    /// Whether everything is as `install` leaves it.
    pub(crate) async fn is_whole(&self, admin: &Client) -> Result<bool, OpsError> {
        isolation::is_whole(admin, &self.core, &self.key, &self.passwords).await
    }

    /// Which of the login roles is not as it should be, if one is not.
    pub(crate) async fn unfit_login(&self, admin: &Client) -> Result<Option<&SqlIdent>, OpsError> {
        let Passwords { login, reader } = &self.passwords;
        for (role, password) in [(&self.core.login, login), (&self.reader, reader)] {
            if !isolation::login_fits(admin, role, password).await? {
                return Ok(Some(role));
            }
        }
        Ok(None)
    }

    /// Installs, upgrades or repairs, and makes sure of the key. Another deployment's database is left alone.
    pub(crate) async fn install(&self, admin: &mut Client) -> Result<(), OpsError> {
        self.require_own_key(admin).await?;
        isolation::install(admin, &self.core).await?;
        isolation::put_key(admin, &self.key).await
    }

    /// The same beside an application that still uses the database as it always did.
    pub(crate) async fn install_beside(&self, admin: &mut Client) -> Result<(), OpsError> {
        self.require_own_key(admin).await?;
        isolation::install_beside(admin, &self.core).await?;
        isolation::put_key(admin, &self.key).await
    }

    async fn require_own_key(&self, admin: &Client) -> Result<(), OpsError> {
        if isolation::has_other_key(admin, &self.key).await? {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!("another context key {} is installed in this database", self.key.id()),
                "it belongs to another deployment, or the master key is not the one it was made with",
            ));
        }
        Ok(())
    }
}
