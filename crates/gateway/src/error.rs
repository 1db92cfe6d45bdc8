//! Errors of the gateway, and which of them a client may see.

use std::borrow::Cow;
use std::io;
use tenantry_core::ErrorKind;
use thiserror::Error;

/// Why a gateway could not start.
#[derive(Debug, Error)]
pub enum GatewayError {
    #[error("can't listen on {addr}")]
    Listen { addr: std::net::SocketAddr, source: io::Error },
    #[error("can't start a worker thread")]
    Worker(#[source] io::Error),
    #[error("a gateway needs at least one address to listen on")]
    NoAddress,
    #[error("TLS to clients can't be set up")]
    Tls(#[source] tenantry_tls::TlsError),
}

impl GatewayError {
    /// The error's kind, for exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Listen { .. } => ErrorKind::Conflict,
            Self::Worker(_) => ErrorKind::Internal,
            Self::NoAddress => ErrorKind::InvalidInput,
            Self::Tls(error) => error.kind(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => Some(
                "another process listens there: stop it, or choose another port in [gateway] listen".into(),
            ),
            Self::Tls(error) => error.hint(),
            _ => None,
        }
    }
}

/// An error that may be shown to a client. It names no internal host, no other tenant, and no SQL.
///
/// Deliberately not made from `io::Error` and friends by `?`: what a client is told is written on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ClientError {
    pub kind: ErrorKind,
    /// Usually the kind's; a few cases have a closer one.
    pub sqlstate: &'static str,
    pub message: Cow<'static, str>,
    pub hint: Option<Cow<'static, str>>,
    /// The place in the client's text, in characters from 1.
    pub position: Option<u32>,
    /// The function of PostgreSQL's that raises this error, where drivers look at that.
    pub routine: Option<&'static str>,
}

impl ClientError {
    /// An error with its kind's SQLSTATE.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let (sqlstate, message) = (kind.sqlstate(), message.into());
        Self { kind, sqlstate, message, hint: None, position: None, routine: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Replaces the SQLSTATE by a closer one.
    #[must_use]
    pub fn with_sqlstate(mut self, sqlstate: &'static str) -> Self {
        self.sqlstate = sqlstate;
        self
    }

    /// Adds the place in the client's text that it is about: in characters, from 1.
    #[must_use]
    pub fn at(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }

    /// PostgreSQL's own words to a client whose prepared statement has become another.
    pub(crate) fn outdated() -> Self {
        let error = Self::new(ErrorKind::NotSupported, "cached plan must not change result type");
        Self { routine: Some("RevalidateCachedQuery"), ..error }
    }

    pub(crate) fn protocol(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::ProtocolViolation, message)
    }

    pub(crate) fn server_unavailable() -> Self {
        Self::new(ErrorKind::ServerUnavailable, "the database server of this tenant can't be reached")
            .with_hint("try again; if it lasts, the operator finds the cause in the gateway's log")
    }

    pub(crate) fn server_lost() -> Self {
        Self::new(ErrorKind::ServerUnavailable, "the connection to the database server was lost")
            .with_hint("the transaction's outcome is unknown if COMMIT was under way; reconnect and check")
    }

    pub(crate) fn terminated() -> Self {
        Self::new(ErrorKind::ShuttingDown, "terminating connection due to administrator command")
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new(ErrorKind::ShuttingDown, "the gateway is shutting down").with_hint("reconnect")
    }
}

/// How a session ends early. Either the client is told why, or nobody is left to tell.
#[derive(Debug)]
pub(crate) enum SessionEnd {
    /// The client is sent this as FATAL, then the connection is closed.
    Fatal(ClientError),
    /// The client closed the connection or it broke.
    ClientGone,
}

impl From<ClientError> for SessionEnd {
    fn from(error: ClientError) -> Self {
        Self::Fatal(error)
    }
}
