//! Where a tenant lives.

use crate::{DatabaseId, Epoch, SqlIdent};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How a tenant's data is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenancyModel {
    /// Rows of common tables, held apart by row-level security on a context that SQL can't forge.
    Shared,
    /// A PostgreSQL schema of its own in a pool.
    Schema,
    /// A database of its own, with a login role of its own.
    Database,
}

/// A text that is not a tenancy model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a tenancy model (shared, schema or database)")]
pub struct UnknownModel(String);

impl TenancyModel {
    /// All models, in the order in which people list them.
    pub const ALL: [Self; 3] = [Self::Shared, Self::Schema, Self::Database];

    /// The word in the catalog, in flags and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Schema => "schema",
            Self::Database => "database",
        }
    }

    /// Whether tenants of this model share server connections with other tenants.
    pub const fn is_pooled(self) -> bool {
        !matches!(self, Self::Database)
    }
}

impl fmt::Display for TenancyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TenancyModel {
    type Err = UnknownModel;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|model| model.as_str() == text)
            .ok_or_else(|| UnknownModel(text.to_owned()))
    }
}

/// A tenant's place: model, data database (which names the cluster), schema of its tables, and epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub model: TenancyModel,
    pub database: DatabaseId,
    /// The schema that holds the tables the tenant sees: `public` except in the schema model.
    pub schema: SqlIdent,
    pub epoch: Epoch,
}
