//! What can go wrong with an operation, and what to do about it.

use std::error::Error as StdError;
use tenantry_core::ErrorKind;
use thiserror::Error;

/// Why an operation did not finish. Each Display tells one level; `source()` tells the rest.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpsError {
    #[error("cluster {0:?} has no admin access in the configuration")]
    NoAccess(String),
    #[error("can't connect to database {database:?} of cluster {cluster:?}")]
    Connect { cluster: String, database: String, source: tokio_postgres::Error },
    #[error("{doing}")]
    Server { doing: String, source: tokio_postgres::Error },
    #[error("the catalog can't be used")]
    Catalog(#[source] tenantry_catalog::CatalogError),
    #[error("the schema can't be used")]
    Schema(#[source] tenantry_schema::SchemaError),
    /// An error in the user's own SQL, with the place.
    #[error("{0}")]
    Sql(SqlError),
    #[error("{what} {name:?} does not exist")]
    Unknown { what: &'static str, name: String },
    #[error("{message}")]
    Refused { kind: ErrorKind, message: String, hint: Option<String> },
    #[error(transparent)]
    Name(#[from] tenantry_core::ident::IdentError),
    #[error("stopped before step {0}")]
    Stopped(&'static str),
}

/// An error in a user's SQL text, at a line and column of the file it came from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {message}\n  {text}\n  {}^", " ".repeat(column.saturating_sub(1)))]
pub struct SqlError {
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    pub message: String,
    /// The line itself.
    pub text: String,
    pub hint: Option<String>,
}

impl OpsError {
    /// What went wrong, in the terms of whoever asked.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoAccess(_) | Self::Schema(_) | Self::Sql(_) | Self::Name(_) => ErrorKind::InvalidInput,
            Self::Connect { .. } => ErrorKind::ServerUnavailable,
            Self::Server { source, .. } => server_kind(source),
            Self::Catalog(error) => error.kind(),
            Self::Unknown { what: "tenant", .. } => ErrorKind::UnknownTenant,
            Self::Unknown { .. } => ErrorKind::InvalidInput,
            Self::Refused { kind, .. } => *kind,
            Self::Stopped(_) => ErrorKind::ShuttingDown,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoAccess(name) => {
                Some(format!("add [clusters.{name}] with host, port and an admin user to the configuration"))
            }
            Self::Sql(error) => error.hint.clone(),
            Self::Refused { hint, .. } => hint.clone(),
            Self::Stopped(_) => Some("run the same command again: it goes on where it stopped".into()),
            _ => None,
        }
    }
}

fn server_kind(error: &tokio_postgres::Error) -> ErrorKind {
    if error.as_db_error().is_some() { ErrorKind::Internal } else { ErrorKind::ServerUnavailable }
}

const _: fn() = || {
    fn is_error<E: StdError + Send + Sync + 'static>() {}
    is_error::<OpsError>();
};
