//! What can be wrong with a configuration, where, and what to do about it.

use super::place::Place;
use std::io;
use std::path::PathBuf;
use tenantry_core::ErrorKind;
use thiserror::Error;

/// Why a configuration can't be used.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    #[error("this command needs a configuration, and there is no tenantry.toml here")]
    NoFile,
    #[error("can't read the configuration {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{message}\n{place}")]
    Invalid { message: String, place: Box<Place>, hint: Option<String> },
    /// As `Invalid`, but the line holds a secret, so it is not shown.
    #[error("{message}, on line {line} of {}", file.display())]
    Forbidden { message: String, file: PathBuf, line: usize, hint: String },
    #[error("{key} is not set")]
    Missing { key: String, hint: String },
    #[error("{section} names both {file_key} and {env_key}")]
    TwoSources { section: String, file_key: String, env_key: String },
    #[error("can't read {what} from {}", path.display())]
    SecretFile { what: String, path: PathBuf, source: io::Error },
    #[error("the environment variable {name}, which should hold {what}, is not set")]
    SecretEnv { what: String, name: String },
    #[error("{what} is empty")]
    SecretEmpty { what: String },
    #[error("the master key can't be used")]
    MasterKey(#[source] tenantry_core::secret::MasterKeyError),
    #[error("cluster {name:?} is not in the configuration")]
    UnknownCluster { name: String, known: Vec<String> },
}

impl ConfigError {
    /// Every one of them is for the person who writes the configuration.
    #[expect(clippy::unused_self, reason = "every error enum has this method")]
    pub(crate) fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoFile => Some(
                "name one with --config or TENANTRY_CONFIG, or start from tenantry.example.toml; `tenantry demo` needs none"
                    .into(),
            ),
            Self::Invalid { hint, .. } => hint.clone(),
            Self::Missing { hint, .. } | Self::Forbidden { hint, .. } => Some(hint.clone()),
            Self::TwoSources { .. } => Some("keep one of them".into()),
            Self::SecretEnv { name, .. } => Some(format!("export {name}, or use the key that names a file")),
            Self::SecretEmpty { .. } => Some("put the secret in, without quotes; a newline at its end is ignored".into()),
            Self::UnknownCluster { name, known } => Some(match super::suggest::closest(name, known) {
                Some(close) => format!("did you mean {close:?}?"),
                None if known.is_empty() => format!("add a section [clusters.{name}]"),
                None => format!("the configuration has {}", known.join(", ")),
            }),
            Self::Read { .. } | Self::SecretFile { .. } | Self::MasterKey(_) => None,
        }
    }
}
