//! What can go wrong in the engine itself. What is wrong with a *schema* is a [`crate::Finding`], not an error,
//! until somebody asks to compile it.

use crate::Finding;
use tenantry_core::ErrorKind;
use thiserror::Error;

/// Why a schema could not be read or compiled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The caller did not hand over the answer of an introspection query.
    #[error("the facts {0:?} are missing")]
    MissingFacts(&'static str),
    /// The answer of an introspection query is not what this version expects.
    #[error("the facts {name:?} can't be read")]
    BadFacts {
        name: String,
        #[source]
        source: serde_json::Error,
    },
    /// Facts that name an object which no other fact describes.
    #[error("the facts {facts:?} name {object:?}, which is not there")]
    Dangling { facts: &'static str, object: String },
    /// Rules refuse the schema for the model asked for. Every error among the findings is in the list.
    #[error("the schema can't be compiled: {}", summary(.0))]
    Refused(Vec<Finding>),
    /// Objects that need each other, so that no order of statements creates them.
    #[error("these objects depend on each other in a circle: {}", .0.join(", "))]
    Cycle(Vec<String>),
    /// A difference between two models that no statement takes away, or none that is safe with rows in the tables.
    #[error("{place}: {message}")]
    CannotAlter { place: String, message: String, hint: String },
    /// The target does not say what its model needs.
    #[error("the target is incomplete: {0}")]
    BadTarget(&'static str),
}

fn summary(findings: &[Finding]) -> String {
    match findings {
        [] => "no reason given".to_owned(),
        [only] => format!("{}: {}", only.place, only.message),
        [first, rest @ ..] => format!("{}: {} (and {} more)", first.place, first.message, rest.len()),
    }
}

impl SchemaError {
    /// The kind, for exit codes, SQLSTATEs and metrics.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingFacts(_) | Self::BadFacts { .. } | Self::Dangling { .. } => ErrorKind::Internal,
            Self::Refused(_) | Self::BadTarget(_) => ErrorKind::InvalidInput,
            Self::Cycle(_) | Self::CannotAlter { .. } => ErrorKind::NotSupported,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(findings) => findings.first().and_then(|finding| finding.hint.clone()),
            Self::Cycle(_) => {
                Some("break the circle, for example by moving a check into a trigger".to_owned())
            }
            Self::CannotAlter { hint, .. } => Some(hint.clone()),
            Self::BadTarget(_) => Some("the schema model needs the value of the tenant".to_owned()),
            Self::BadFacts { .. } => Some(
                "run the introspection queries of this version with search_path set to the schema".to_owned(),
            ),
            Self::MissingFacts(_) | Self::Dangling { .. } => None,
        }
    }
}
