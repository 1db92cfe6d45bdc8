//! What can be wrong with a wish for a diagram.

use tenantry_core::ErrorKind;
use thiserror::Error;

/// A diagram that can't be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ErdError {
    #[error("there is no table {name}")]
    UnknownTable { name: String, similar: Option<String> },
    #[error("there is no domain {name}")]
    UnknownDomain { name: String, known: Vec<String> },
    #[error("no table's name is like {pattern}")]
    NothingMatches { pattern: String },
    #[error("the schema has no tables")]
    Empty,
}

impl ErdError {
    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownTable { similar, .. } => {
                similar.as_ref().map(|name| format!("there is a table {name}"))
            }
            Self::UnknownDomain { known, .. } => Some(format!("the domains are {}", known.join(", "))),
            Self::NothingMatches { .. } => {
                Some("`*` stands for any text; several patterns are separated by commas".to_owned())
            }
            Self::Empty => Some("is it the right file, or the right schema of the database?".to_owned()),
        }
    }
}
