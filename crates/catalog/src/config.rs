//! How to reach the catalog's database. Reading it from a file or the environment is the caller's business.

use std::time::Duration;
use tenantry_core::{Secret, ServerTls};

/// Where the catalog is, and the bounds of talking to it.
#[derive(Debug, Clone)]
pub struct CatalogConfig {
    /// A host name, an address, or the directory of a Unix socket (starts with `/`).
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Secret>,
    pub database: String,
    pub tls: ServerTls,
    /// How the connections are called in `pg_stat_activity`.
    pub application_name: String,
    /// From the first packet until the server is ready for queries.
    pub connect_timeout: Duration,
    /// The longest that one statement may run, waits for locks included.
    pub statement_timeout: Duration,
    /// Connections in use at once; a caller that finds all in use waits, at most for `statement_timeout`.
    pub max_connections: usize,
}

impl CatalogConfig {
    /// The named place, with the default bounds and no password.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        user: impl Into<String>,
        database: impl Into<String>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            user: user.into(),
            password: None,
            database: database.into(),
            tls: ServerTls::default(),
            application_name: "tenantry".into(),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            max_connections: 4,
        }
    }

    /// The same place with a password.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// The same place, reached with this protection.
    #[must_use]
    pub fn with_tls(mut self, tls: ServerTls) -> Self {
        self.tls = tls;
        self
    }

    /// `host:port/database`, for messages. Without user and password.
    pub fn place(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
    }

    pub(crate) fn driver(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        let timeout_ms = self.statement_timeout.as_millis();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name(&self.application_name)
            .connect_timeout(self.connect_timeout)
            .tcp_user_timeout(self.statement_timeout)
            .keepalives_idle(Duration::from_secs(30))
            // A transaction that changes routes holds up all others that do: one that was forgotten must end.
            .options(format!(
                "-c statement_timeout={timeout_ms} -c idle_in_transaction_session_timeout=60000 \
                 -c default_transaction_isolation=read\\ committed -c search_path=pg_catalog"
            ));
        if let Some(password) = &self.password {
            config.password(password.expose());
        }
        config
    }
}
