//! Errors as people and scripts see them: the kind (and so the exit code), the message, its causes, a hint.
//!
//! Commands return `anyhow::Error`; what a crate's error enum knows of kinds and hints is found in its chain.

use crate::config::ConfigError;
use crate::print::{BAD, HINT};
use serde::Serialize;
use std::error::Error as StdError;
use std::fmt;
use tenantry_audit::AuditError;
use tenantry_catalog::CatalogError;
use tenantry_core::ErrorKind;
use tenantry_erd::ErdError;
use tenantry_gateway::GatewayError;
use tenantry_ops::OpsError;
use tenantry_rewrite::{Place, Refusal as NotRewritten};
use tenantry_schema::SchemaError;
use tenantry_testkit::PostgresError;
use thiserror::Error;

/// An error of the command line itself.
#[derive(Debug, Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Refusal {
    /// Something in the request is wrong.
    pub(crate) fn input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: ErrorKind::InvalidInput, message: message.into(), hint: Some(hint.into()) }
    }
}

/// What is shown of an error.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    #[serde(skip)]
    pub(crate) exit_code: u8,
    /// The kind's word, the same as in metrics.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hint: Option<String>,
    /// What can be written instead, where there is a choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) choices: Vec<String>,
    /// Where it is in the text that was handed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Place>,
}

impl Failure {
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let known: Vec<_> = error.chain().filter_map(describe).collect();
        let kind = known.first().map_or(ErrorKind::Internal, |(kind, _)| *kind);
        let mut told = error.chain().map(level);
        let refusal = error.chain().find_map(|error| error.downcast_ref::<NotRewritten>());
        Self {
            exit_code: kind.exit_code(),
            kind: kind.label(),
            message: told.next().unwrap_or_default(),
            causes: told.collect(),
            hint: known.into_iter().find_map(|(_, hint)| hint),
            choices: refusal.map(|refusal| refusal.choices.clone()).unwrap_or_default(),
            place: refusal.map(|refusal| refusal.place.clone()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{BAD}error{BAD:#}: {}", self.message)?;
        for cause in &self.causes {
            writeln!(f, "  caused by: {}", cause.replace('\n', "\n  "))?;
        }
        if let Some(place) = &self.place {
            writeln!(f, "{place}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "{HINT}hint{HINT:#}: {hint}")?;
        }
        self.choices.iter().try_for_each(|choice| writeln!(f, "  {choice}"))
    }
}

/// One level of the chain. `tokio_postgres` says "db error" and keeps the server's words one level deeper.
fn level(error: &(dyn StdError + 'static)) -> String {
    error.to_string().trim_end().to_owned()
}

/// What an error enum of ours says of itself.
fn describe(error: &(dyn StdError + 'static)) -> Option<(ErrorKind, Option<String>)> {
    macro_rules! try_each {
        ($($type:ty),*) => {$(
            if let Some(known) = error.downcast_ref::<$type>() {
                return Some((known.kind(), known.hint()));
            }
        )*};
    }
    try_each!(
        AuditError,
        ConfigError,
        OpsError,
        CatalogError,
        SchemaError,
        ErdError,
        GatewayError,
        PostgresError
    );
    if let Some(refusal) = error.downcast_ref::<NotRewritten>() {
        return Some((refusal.kind(), refusal.hint.clone()));
    }
    error.downcast_ref::<Refusal>().map(|refusal| (refusal.kind, refusal.hint.clone()))
}
