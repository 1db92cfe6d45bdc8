//! The deployment's plain schema, one row per version: what every later provision starts from.

use crate::error::CatalogError;
use crate::queries;
use crate::row::{bad, get};
use crate::tx::Tx;
use std::time::SystemTime;

const WHAT: &str = "schema version";

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
        self.query_one(queries::SCHEMA_LOCK, &[]).await?;
        if let Some(current) = self.current_schema().await?
            && current.fingerprint == new.fingerprint
        {
            return Ok(current.version);
        }
        let facts = serde_json::to_value(&new.facts).map_err(|error| bad(WHAT, error))?;
        let recorded = self
            .query_one(
                queries::SCHEMA_RECORD,
                &[&new.fingerprint, &new.file, &new.sql, &new.declaration, &facts],
            )
            .await?;
        get(&recorded, WHAT, "version")
    }

    /// The number of the current schema, if one was published.
    pub async fn current_schema_version(&self) -> Result<Option<i32>, CatalogError> {
        let row = self.query_one(queries::SCHEMA_CURRENT_VERSION, &[]).await?;
        get(&row, WHAT, "version")
    }

    /// The current schema, if one was published.
    pub async fn current_schema(&self) -> Result<Option<SchemaVersion>, CatalogError> {
        let Some(row) = self.query_opt(queries::SCHEMA_CURRENT, &[]).await? else { return Ok(None) };
        let facts = get::<serde_json::Value>(&row, WHAT, "facts")?;
        Ok(Some(SchemaVersion {
            version: get(&row, WHAT, "version")?,
            fingerprint: get(&row, WHAT, "fingerprint")?,
            file: get(&row, WHAT, "file")?,
            sql: get(&row, WHAT, "plain_sql")?,
            declaration: get(&row, WHAT, "declaration")?,
            facts: serde_json::from_value(facts).map_err(|error| bad(WHAT, error))?,
            created_at: get(&row, WHAT, "created_at")?,
        }))
    }
}
