//! Connection URLs: the server, the user and the database, and never a password.

use super::secret::SecretSource;
use super::{Config, ConfigError};
use std::fs;
use std::path::Path;
use tenantry_core::{ServerAddress, ServerTls, SslMode};
use tenantry_ops::ClusterAccess;
use tokio_postgres::config::Host;
use toml::Spanned;

impl Config {
    /// Reads a URL and the secret that belongs to it.
    pub(super) fn server(
        &self,
        url: &Spanned<String>,
        secret: &SecretSource<'_>,
        tls: (Option<&Spanned<String>>, Option<&Path>),
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
        if url.get_ref().contains("sslmode=") {
            return Err(bad(
                "sslmode stands beside the URL, not in it",
                "write sslmode = \"verify-full\" below it",
            ));
        }
        let mut servers = servers(&parsed).ok_or_else(|| bad("this URL names no server", shape))?;
        let first = servers.remove(0);
        let (Some(user), Some(database)) = (parsed.get_user(), parsed.get_dbname()) else {
            return Err(bad("this URL names no user or no database", shape));
        };
        Ok(ClusterAccess {
            host: first.host.into(),
            port: first.port,
            more_hosts: servers,
            replicas: Vec::new(),
            user: user.to_owned(),
            password: secret.read("the password", self.folder())?,
            maintenance_database: database.to_owned(),
            tls: self.server_tls(tls.0, tls.1)?,
        })
    }

    /// Reads the addresses of a cluster's replicas.
    pub(super) fn replicas(&self, written: &[Spanned<String>]) -> Result<Vec<ServerAddress>, ConfigError> {
        let read = |text: &Spanned<String>| {
            text.get_ref().parse().map_err(|error: tenantry_core::server::ServerAddressError| {
                self.invalid(text.span(), error.to_string(), "write HOST:PORT, such as db2:5432")
            })
        };
        written.iter().map(read).collect()
    }

    /// Reads how a server's connections are protected.
    fn server_tls(
        &self,
        mode: Option<&Spanned<String>>,
        root: Option<&Path>,
    ) -> Result<ServerTls, ConfigError> {
        let root_certificate = match root {
            None => None,
            Some(file) => {
                let path = self.folder().join(file);
                Some(fs::read_to_string(&path).map_err(|source| ConfigError::Read { path, source })?.into())
            }
        };
        // A root that is named is there to be held against.
        let default = if root_certificate.is_some() { SslMode::VerifyFull } else { SslMode::default() };
        let Some(mode) = mode else { return Ok(ServerTls { mode: default, root_certificate }) };
        let parsed = mode.get_ref().parse::<SslMode>();
        let parsed = parsed
            .map_err(|error| self.invalid(mode.span(), error.to_string(), "choose one of these words"))?;
        if parsed.verifies() && root_certificate.is_none() {
            let message = format!("sslmode {parsed} needs a root certificate to trust");
            return Err(self.invalid(mode.span(), message, "name its PEM file with ssl_root_cert"));
        }
        Ok(ServerTls { mode: parsed, root_certificate })
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

/// The servers that a URL names, at least one: `HOST:PORT`, or several with commas between.
fn servers(parsed: &tokio_postgres::Config) -> Option<Vec<ServerAddress>> {
    let (hosts, ports) = (parsed.get_hosts(), parsed.get_ports());
    // One port is everybody's, as for libpq.
    let port =
        |at: usize| ports.get(at).or(ports.first().filter(|_| ports.len() == 1)).copied().unwrap_or(5432);
    let servers = hosts.iter().enumerate().map(|(at, host)| {
        let host = match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        };
        ServerAddress::new(host, port(at))
    });
    Some(servers.collect()).filter(|servers: &Vec<_>| !servers.is_empty())
}
