//! Connection URLs: the server, the user and the database, and never a password.

use super::secret::SecretSource;
use super::{Config, ConfigError};
use tenantry_ops::ClusterAccess;
use tokio_postgres::config::{Host, SslMode};
use toml::Spanned;

impl Config {
    /// Reads a URL and the secret that belongs to it.
    pub(super) fn server(
        &self,
        url: &Spanned<String>,
        secret: &SecretSource<'_>,
    ) -> Result<ClusterAccess, ConfigError> {
        let bad = |message: &str, hint: &str| self.invalid(url.span(), message, hint);
        let shape = "write postgres://USER@HOST:PORT/DATABASE";
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.get_ref().starts_with(scheme)) {
            return Err(bad("this is not a PostgreSQL URL", shape));
        }
        // The reader's own message is not shown: it may repeat what it read.
        let parsed: tokio_postgres::Config =
            url.get_ref().parse().map_err(|_| bad("this URL can't be read", shape))?;
        if parsed.get_password().is_some() {
            return Err(self.hidden(
                url,
                "a URL with a password in it",
                "take the password out of the URL, and name its place with password_file or password_env",
            ));
        }
        if parsed.get_ssl_mode() == SslMode::Require {
            return Err(bad(
                "TLS to servers is not offered yet",
                "take sslmode=require out, and keep the connection on a private network",
            ));
        }
        let ([host], [] | [_]) = (parsed.get_hosts(), parsed.get_ports()) else {
            return Err(bad("this URL does not name one server", shape));
        };
        let (Some(user), Some(database)) = (parsed.get_user(), parsed.get_dbname()) else {
            return Err(bad("this URL names no user or no database", shape));
        };
        Ok(ClusterAccess {
            host: match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(folder) => folder.display().to_string(),
            },
            port: parsed.get_ports().first().copied().unwrap_or(5432),
            user: user.to_owned(),
            password: secret.read("the password", self.folder())?,
            maintenance_database: database.to_owned(),
        })
    }

    /// An error that must not repeat the line it is about.
    fn hidden(&self, url: &Spanned<String>, message: &str, hint: &str) -> ConfigError {
        let line = self.text[..url.span().start].matches('\n').count() + 1;
        ConfigError::Forbidden {
            message: message.to_owned(),
            file: self.path.clone(),
            line,
            hint: hint.to_owned(),
        }
    }
}
