//! How a connection to a server is protected: PostgreSQL's `sslmode`, and whom to trust.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// PostgreSQL's `sslmode`, without `allow`, which protects nothing that `prefer` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS where the server offers it. Whoever stands between can take the offer away.
    #[default]
    Prefer,
    /// TLS, whoever the server is. With a root certificate the same as `VerifyCa`, as for libpq.
    Require,
    /// TLS with a server whose certificate the root has signed.
    VerifyCa,
    /// The same, and the certificate is for the host that was asked for.
    VerifyFull,
}

/// What is not an `sslmode`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no sslmode: it is disable, prefer, require, verify-ca or verify-full")]
pub struct SslModeError(String);

/// How to protect connections to one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ServerTls {
    pub mode: SslMode,
    /// The certificates of those whom to trust, as PEM.
    pub root_certificate: Option<Arc<str>>,
}

impl SslMode {
    /// All of them, the weakest first.
    pub const ALL: [Self; 5] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// libpq's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// Whether a certificate is verified, which takes a root to trust.
    pub const fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SslMode {
    type Err = SslModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| SslModeError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_survive_their_words() {
        for mode in SslMode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        assert!("allow".parse::<SslMode>().is_err());
    }
}
