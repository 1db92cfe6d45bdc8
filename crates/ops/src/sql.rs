//! Running SQL as an administrator: connecting, rendering a `.sql` file's placeholders, naming what went wrong.

use crate::{ClusterAccess, OpsError};
use std::time::Duration;
use tenantry_core::ServerAddress;
use tenantry_tls::Driver;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Client, Config};

/// How long an administrator's connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bounds on what every admin session does; a step that needs longer says so itself.
const SESSION: &str = "SET application_name = 'tenantry'; SET lock_timeout = '10s'; SET statement_timeout = '120s'; \
                       SET idle_in_transaction_session_timeout = '120s'; SET client_min_messages = warning; \
                       SET search_path = pg_catalog, pg_temp; SET row_security = on; \
                       SET standard_conforming_strings = on; SET default_transaction_read_only = off";

/// Connects to one database of a cluster. The connection ends when the client is dropped.
pub(crate) async fn connect(
    cluster: &str,
    access: &ClusterAccess,
    database: &str,
) -> Result<Client, OpsError> {
    let mut config = Config::new();
    config.host(&access.host).port(access.port);
    for other in &access.more_hosts {
        config.host(&*other.host).port(other.port);
    }
    if !access.more_hosts.is_empty() {
        // After a failover it is another one of them.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    open(cluster, access, config, database).await
}

/// Connects to a database on one server of the cluster, whatever that is now.
pub(crate) async fn connect_to(
    cluster: &str,
    access: &ClusterAccess,
    server: &ServerAddress,
    database: &str,
) -> Result<Client, OpsError> {
    let mut config = Config::new();
    config.host(&*server.host).port(server.port);
    open(cluster, access, config, database).await
}

async fn open(
    cluster: &str,
    access: &ClusterAccess,
    mut config: Config,
    database: &str,
) -> Result<Client, OpsError> {
    let failed = |error: tokio_postgres::Error| OpsError::Connect {
        cluster: cluster.to_owned(),
        database: database.to_owned(),
        source: error.into(),
    };
    config.user(&access.user).dbname(database).application_name("tenantry").connect_timeout(CONNECT_TIMEOUT);
    if let Some(password) = &access.password {
        config.password(password.expose());
    }
    let tls = Driver::new(&access.tls)
        .map_err(|source| OpsError::Tls { cluster: cluster.to_owned(), source: Box::new(source) })?;
    tls.apply(&mut config);
    let (client, connection) = config.connect(tls).await.map_err(failed)?;
    // It lives exactly as long as the client; its error reaches whoever waits for an answer.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an admin connection ended");
        }
    });
    client.batch_execute(SESSION).await.map_err(failed)?;
    Ok(client)
}

/// Puts quoted identifiers and literals in the place of `{{name}}`. A placeholder without a value stays, and the
/// server refuses it.
pub(crate) fn render(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = template.to_owned();
    for (name, value) in values {
        out = out.replace(&["{{", name, "}}"].concat(), value);
    }
    out
}

/// Adds what was being done to a server's error.
pub(crate) trait Doing<T> {
    fn doing(self, what: &str) -> Result<T, OpsError>;
}

impl<T> Doing<T> for Result<T, tokio_postgres::Error> {
    fn doing(self, what: &str) -> Result<T, OpsError> {
        self.map_err(|error| OpsError::Server { doing: what.to_owned(), source: error.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn placeholders_are_replaced_everywhere() {
        assert_eq!(render("{{a}} {{b}} {{a}}", &[("a", "1"), ("b", "'2'")]), "1 '2' 1");
    }
}
