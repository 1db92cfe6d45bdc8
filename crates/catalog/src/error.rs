//! What can go wrong with the catalog, and what to do about it. No error shows a secret or a row's contents.

use tenantry_core::ErrorKind;
use thiserror::Error;
use tokio_postgres::error::SqlState;

/// Why the catalog could not do what it was asked for. Each Display tells one level; `source()` tells the rest.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogError {
    #[error("can't reach the catalog at {place}")]
    Unreachable { place: String, source: ServerError },
    #[error("TLS to the catalog at {place} can't be set up")]
    Tls { place: String, source: Box<tenantry_tls::TlsError> },
    #[error("the catalog at {place} did not answer in {seconds} s")]
    TimedOut { place: String, seconds: u64 },
    #[error("all {connections} connections to the catalog are in use")]
    Busy { connections: usize },
    #[error("the catalog at {place} refused user {user:?}")]
    AuthenticationFailed { place: String, user: String, source: ServerError },
    #[error("the catalog's database {database:?} does not exist")]
    NoDatabase { database: String, source: ServerError },
    /// `found` is `None` when there is no catalog at all.
    #[error("the catalog is at version {} and this build needs {needed}", found.map_or("none".to_owned(), |v| v.to_string()))]
    NotMigrated { found: Option<i32>, needed: i32 },
    #[error("the catalog is at version {found}, which is newer than this build's {known}")]
    Newer { found: i32, known: i32 },
    #[error("migration {version} ({name}) was applied with another content than this build has")]
    EditedMigration { version: i32, name: String },
    #[error("migration {version} ({name}) failed")]
    Migration { version: i32, name: String, source: ServerError },
    #[error(
        "the connection to the catalog was lost while committing: the change may or may not have happened"
    )]
    CommitUnknown { source: ServerError },
    #[error("{what} {name:?} does not exist")]
    Unknown { what: &'static str, name: String, suggestion: Option<String> },
    #[error("{what} {name:?} is taken")]
    Taken { what: &'static str, name: String },
    #[error("{what} {name:?} exists with another {}", differences.join(", another "))]
    Differs { what: &'static str, name: String, differences: Vec<String> },
    #[error("{what} {name:?} is {found}, not {expected}")]
    WrongState { what: &'static str, name: String, expected: String, found: String },
    #[error("{what} {name:?} is still used")]
    InUse { what: &'static str, name: String },
    #[error("the placement's epoch may only grow: it is {found}, and {asked} was asked for")]
    StaleEpoch { found: i64, asked: i64 },
    #[error("another operation holds {name:?}")]
    Locked { name: String },
    #[error("the audit trail takes no secrets, and {field:?} is called like one")]
    SecretInAudit { field: String },
    #[error("{message}")]
    Invalid { message: String },
    #[error("the catalog holds a bad {what}: {reason}")]
    BadRow { what: &'static str, reason: String },
    #[error("the catalog failed at {query}")]
    Server { query: &'static str, source: ServerError },
}

impl CatalogError {
    /// What went wrong, in the terms of whoever asked.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::CommitUnknown { .. }
            | Self::NoDatabase { .. } => ErrorKind::ServerUnavailable,
            Self::Tls { source, .. } => source.kind(),
            Self::Busy { .. } => ErrorKind::LimitReached,
            Self::AuthenticationFailed { .. } => ErrorKind::AuthenticationFailed,
            Self::Unknown { what: "tenant", .. } => ErrorKind::UnknownTenant,
            Self::NotMigrated { .. } | Self::Newer { .. } | Self::Unknown { .. } | Self::Invalid { .. } => {
                ErrorKind::InvalidInput
            }
            Self::Taken { .. }
            | Self::Differs { .. }
            | Self::WrongState { .. }
            | Self::InUse { .. }
            | Self::StaleEpoch { .. }
            | Self::Locked { .. } => ErrorKind::Conflict,
            Self::Server { source, .. } if source.is_lost() => ErrorKind::ServerUnavailable,
            Self::EditedMigration { .. }
            | Self::Migration { .. }
            | Self::SecretInAudit { .. }
            | Self::BadRow { .. }
            | Self::Server { .. } => ErrorKind::Internal,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "check that the server runs, and host and port in [catalog] of the configuration"
            }
            Self::Tls { source, .. } => return source.hint(),
            Self::Busy { .. } => "try again, or raise max_connections of the catalog",
            Self::AuthenticationFailed { .. } => "check user and password in [catalog] of the configuration",
            Self::NoDatabase { database, .. } => {
                return Some(format!("create it: createdb {database}, or name another one in [catalog]"));
            }
            Self::NotMigrated { .. } => "bring it up to date: tenantry catalog migrate",
            Self::Newer { .. } => "upgrade this program: the catalog never goes back",
            Self::EditedMigration { .. } => {
                "released migrations never change; use an unmodified build of tenantry"
            }
            Self::CommitUnknown { .. } => "run the same command again: it finds out, and finishes",
            Self::Unknown { suggestion: Some(name), .. } => return Some(format!("did you mean {name:?}?")),
            Self::Taken { .. } => "choose another name",
            Self::Differs { .. } => "repeat the original arguments, or choose another name",
            Self::Locked { .. } => "wait until the other operation has ended, then run this one again",
            Self::Server { source, .. } if source.is_retryable() => "run the same command again",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// What the server or the network said, without the parts that may show a row's contents (DETAIL, parameters).
#[derive(Debug, Error)]
#[error("{message}")]
pub struct ServerError {
    message: String,
    code: Option<SqlState>,
    constraint: Option<String>,
}

impl ServerError {
    /// The five characters of the server's error; `None` when the connection failed.
    pub fn sqlstate(&self) -> Option<&str> {
        self.code.as_ref().map(SqlState::code)
    }

    /// The connection is gone, or the server is going away.
    pub fn is_lost(&self) -> bool {
        self.code.as_ref().is_none_or(|code| {
            [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
        })
    }

    /// The same transaction may succeed when run again.
    pub fn is_retryable(&self) -> bool {
        self.code.as_ref().is_none_or(|code| {
            [
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::LOCK_NOT_AVAILABLE,
            ]
            .contains(code)
        })
    }

    pub(crate) fn is(&self, state: &SqlState) -> bool {
        self.code.as_ref() == Some(state)
    }

    pub(crate) fn state(&self) -> Option<&SqlState> {
        self.code.as_ref()
    }

    pub(crate) fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    pub(crate) fn text(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: None, constraint: None }
    }
}

impl From<tokio_postgres::Error> for ServerError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(db) = error.as_db_error() {
            return Self {
                message: format!("{} (SQLSTATE {})", db.message(), db.code().code()),
                code: Some(db.code().clone()),
                constraint: db.constraint().map(str::to_owned),
            };
        }
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            message = format!("{message}: {inner}");
            source = inner.source();
        }
        Self::text(message)
    }
}
