//! The deployment's plain schema, one row per version: what every later provision starts from.

use crate::error::CatalogError;
use crate::tx::Tx;
use std::time::SystemTime;

/// A schema as it is published.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchemaVersion {
    /// Of the compiled schema, so that a change of the declaration is a new version too.
    pub fingerprint: String,
    /// The name of the file it came from, for messages.
    pub file: String,
    /// The plain SQL text.
    pub sql: String,
    /// The declaration as JSON.
    pub declaration: serde_json::Value,
    /// What introspection said: name and JSON text of each query.
    pub facts: Vec<(String, String)>,
}

/// A version of the plain schema.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaVersion {
    pub version: i32,
    pub fingerprint: String,
    pub file: String,
    pub sql: String,
    pub declaration: serde_json::Value,
    pub facts: Vec<(String, String)>,
    pub created_at: SystemTime,
}

impl Tx {
    /// Makes this the current schema. The fingerprint of the current one again is the same version.
    pub async fn record_schema(&self, new: &NewSchemaVersion) -> Result<i32, CatalogError> {
        let _ = new;
        todo!()
    }

    /// The current schema, if one was published.
    pub async fn current_schema(&self) -> Result<Option<SchemaVersion>, CatalogError> {
        todo!()
    }
}
