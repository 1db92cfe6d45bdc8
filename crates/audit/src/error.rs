//! Why an audit could not be made. What it finds is never an error.

use crate::Access;
use tenantry_core::ErrorKind;
use tenantry_schema::SchemaError;
use thiserror::Error;

/// Why an audit, a fix or an attack could not be carried out. None shows a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    #[error("can't connect to database {database:?} at {host}:{port} as {user}")]
    Connect {
        database: String,
        host: String,
        port: u16,
        user: String,
        #[source]
        source: Box<tokio_postgres::Error>,
    },
    #[error("{doing} failed{}", said(source))]
    Server {
        doing: String,
        #[source]
        source: Box<tokio_postgres::Error>,
    },
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("{message}")]
    Refused { kind: ErrorKind, message: String, hint: String },
}

fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(String::new, |db| format!(": {} ({})", db.message(), db.code().code()))
}

impl AuditError {
    pub(crate) fn connect(access: &Access, source: tokio_postgres::Error) -> Self {
        Self::Connect {
            database: access.database.clone(),
            host: access.host.clone(),
            port: access.port,
            user: access.user.clone(),
            source: Box::new(source),
        }
    }

    pub(crate) fn refused(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { kind, message: message.into(), hint: hint.into() }
    }

    /// The kind, for exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect { source, .. } => match source.code().map(|code| &code.code()[..2]) {
                Some("28") => ErrorKind::AuthenticationFailed,
                Some("3D") => ErrorKind::InvalidInput,
                _ => ErrorKind::ServerUnavailable,
            },
            Self::Server { source, .. } if source.is_closed() => ErrorKind::ServerUnavailable,
            Self::Server { source, .. } => match source.code().map(tokio_postgres::error::SqlState::code) {
                Some("42501") => ErrorKind::NotAllowed,
                Some("55P03" | "57014") => ErrorKind::LimitReached,
                _ => ErrorKind::Conflict,
            },
            Self::Schema(error) => error.kind(),
            Self::Refused { kind, .. } => *kind,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect { source, .. } if source.code().is_none() => {
                Some("is the server running, and does it take connections from here without TLS?".into())
            }
            Self::Connect { .. } => Some("check user, password and database".into()),
            Self::Server { source, .. } => match source.code().map(tokio_postgres::error::SqlState::code) {
                Some("42501") => {
                    Some("audit as a superuser, or as a member of pg_monitor that owns the tables".into())
                }
                Some("55P03") => Some("something holds a lock for long; try again when it is done".into()),
                _ => source.as_db_error().and_then(|db| db.hint().map(ToOwned::to_owned)),
            },
            Self::Schema(error) => error.hint(),
            Self::Refused { hint, .. } => Some(hint.clone()),
        }
    }
}

/// Adds what was being done to a server's error.
pub(crate) trait Doing<T> {
    fn doing(self, what: &str) -> Result<T, AuditError>;
}

impl<T> Doing<T> for Result<T, tokio_postgres::Error> {
    fn doing(self, what: &str) -> Result<T, AuditError> {
        self.map_err(|source| AuditError::Server { doing: what.to_owned(), source: Box::new(source) })
    }
}
