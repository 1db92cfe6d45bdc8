//! Where a PostgreSQL server listens.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A server's host and port. A host is a name, an address, or the directory of a Unix socket (starts with `/`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerAddress {
    pub host: Box<str>,
    pub port: u16,
}

/// A text that is no server's address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no server's address: it is HOST:PORT")]
pub struct ServerAddressError(String);

impl ServerAddress {
    /// The same words as in `FromStr`, without reading them.
    pub fn new(host: impl Into<Box<str>>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ipv6 = self.host.contains(':') && !self.host.starts_with('/');
        if is_ipv6 {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for ServerAddress {
    type Err = ServerAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ServerAddressError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_name = bare.is_some() || host.starts_with('/') || !host.contains(':');
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        if host.is_empty() || !is_name || host.chars().any(|c| c.is_control() || c == ',') {
            return Err(bad());
        }
        Ok(Self { host: host.into(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for text in ["db1:5432", "10.0.0.1:1", "[::1]:5432", "/run/postgresql:5432"] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().to_string(), text);
        }
        for text in ["", "db1", ":5432", "db1:", "db1:0", "db1:70000", "::1:5432", "a,b:1"] {
            assert!(text.parse::<ServerAddress>().is_err(), "{text}");
        }
    }
}
