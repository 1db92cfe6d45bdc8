//! What can go wrong with an operation, and what to do about it.

use std::fmt;
use tenantry_catalog::{CatalogError, ServerError};
use tenantry_core::ErrorKind;
use tenantry_core::ident::IdentError;
use tenantry_schema::SchemaError;
use thiserror::Error;

/// Why an operation did not finish. Each Display tells one level; `source()` tells the rest. None shows a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpsError {
    #[error("no admin access to cluster {0:?} is configured")]
    NoAccess(String),
    #[error("can't connect to database {database:?} of cluster {cluster:?}")]
    Connect { cluster: String, database: String, source: ServerError },
    #[error("TLS to cluster {cluster:?} can't be set up")]
    Tls { cluster: String, source: Box<tenantry_tls::TlsError> },
    #[error("{doing} failed")]
    Server { doing: String, source: ServerError },
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Name(#[from] IdentError),
    /// An error in the user's own SQL, with the place.
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("{message}")]
    Refused { kind: ErrorKind, message: String, hint: Option<String> },
    #[error("stopped before step {0:?}")]
    Stopped(&'static str),
}

/// An error in a user's SQL text, at a line and column of the file it came from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SqlError {
    pub file: String,
    /// `None` where the server names no place.
    pub place: Option<SqlPlace>,
    pub message: String,
    pub hint: Option<String>,
}

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlPlace {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The line itself.
    pub text: String,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(SqlPlace { line, column, text }) = &self.place else {
            return write!(f, "{}: {}", self.file, self.message);
        };
        writeln!(f, "{}:{line}:{column}: {}", self.file, self.message)?;
        // Tabs stay tabs, so that the caret stands under its character however wide they are shown.
        let indent: String =
            text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "  {text}\n  {indent}^")
    }
}

impl OpsError {
    /// A refusal with a hint.
    pub(crate) fn refused(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { kind, message: message.into(), hint: Some(hint.into()) }
    }

    /// What went wrong, in the terms of whoever asked.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Tls { source, .. } => source.kind(),
            Self::NoAccess(_) | Self::Sql(_) | Self::Name(_) => ErrorKind::InvalidInput,
            Self::Connect { .. } => ErrorKind::ServerUnavailable,
            Self::Server { source, .. } if source.is_lost() => ErrorKind::ServerUnavailable,
            Self::Server { source, .. } if source.is_retryable() => ErrorKind::Conflict,
            Self::Server { source, .. } if source.sqlstate() == Some("42501") => ErrorKind::NotAllowed,
            Self::Server { .. } => ErrorKind::Internal,
            Self::Catalog(error) => error.kind(),
            Self::Schema(error) => error.kind(),
            Self::Refused { kind, .. } => *kind,
            Self::Stopped(_) => ErrorKind::ShuttingDown,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tls { source, .. } => source.hint(),
            Self::NoAccess(name) => {
                Some(format!("give [clusters.{name}] a host, a port and an admin user in the configuration"))
            }
            Self::Connect { cluster, .. } => Some(format!(
                "check host, port, user and password in [clusters.{cluster}] of the configuration"
            )),
            Self::Server { source, .. } if source.is_retryable() || source.is_lost() => {
                Some("run the same command again: it goes on where it stopped".into())
            }
            Self::Server { .. } | Self::Name(_) => None,
            Self::Catalog(error) => error.hint(),
            Self::Schema(error) => error.hint(),
            Self::Sql(error) => error.hint.clone(),
            Self::Refused { hint, .. } => hint.clone(),
            Self::Stopped(_) => Some("run the same command again: it goes on where it stopped".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_sql_points_at_its_place() {
        let mut error = SqlError {
            file: "schema.sql".into(),
            place: Some(SqlPlace { line: 3, column: 5, text: "\tid inte,".into() }),
            message: "type \"inte\" does not exist".into(),
            hint: None,
        };
        assert_eq!(error.to_string(), "schema.sql:3:5: type \"inte\" does not exist\n  \tid inte,\n  \t   ^");
        error.place = None;
        assert_eq!(error.to_string(), "schema.sql: type \"inte\" does not exist");
    }
}
