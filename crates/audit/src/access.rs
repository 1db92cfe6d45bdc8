//! A connection to audit with: one database, as a role that may read the catalog.

use crate::AuditError;
use std::time::Duration;
use tenantry_core::Secret;
use tokio_postgres::{Client, Config, NoTls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bounds on what the audit's session does; compiling a query over the catalog takes longer than running it. Names are printed with their schema, whatever the role's own search_path.
const SESSION: &str = "SET lock_timeout = '5s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '120s'; SET client_min_messages = warning; \
    SET search_path = pg_catalog; SET standard_conforming_strings = on; SET quote_all_identifiers = off; \
    SET jit = off; SET work_mem = '32MB'";

/// How to reach one database.
#[derive(Debug, Clone)]
pub struct Access {
    /// A host name, an address, or the directory of a Unix socket (starts with `/`).
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Secret>,
    pub database: String,
}

impl Access {
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name("tenantry audit")
            .connect_timeout(CONNECT_TIMEOUT);
        if let Some(password) = &self.password {
            config.password(password.expose());
        }
        config
    }
}

/// Connects, with bounds on every statement. The connection ends when the client is dropped.
pub async fn connect(access: &Access) -> Result<Client, AuditError> {
    let client = connect_bare(access).await?;
    client.batch_execute(SESSION).await.map_err(|source| AuditError::connect(access, source))?;
    Ok(client)
}

/// Connects and changes nothing of the session: as an application would.
pub(crate) async fn connect_bare(access: &Access) -> Result<Client, AuditError> {
    let (client, connection) =
        access.config().connect(NoTls).await.map_err(|source| AuditError::connect(access, source))?;
    // It lives as long as the client; its error reaches whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}
