//! The plain schema: read from SQL text in a scratch database, kept in the catalog, applied to placements.

mod apply;
mod place;
mod scratch;

pub use apply::{Applied, apply};
pub(crate) use apply::{apply_in, apply_to_pool, is_applied};
pub use scratch::{load, read_database};

use crate::{Control, OpsError};
use tenantry_catalog::NewSchemaVersion;
use tenantry_core::{ContextKind, ErrorKind, SqlIdent, TenancyModel};
use tenantry_schema::{Compiled, Declaration, Model, SchemaError, Target, compile, read};

/// A developer's plain SQL, and the name to call it by in errors.
#[derive(Debug, Clone)]
pub struct Source {
    pub file: String,
    pub sql: String,
}

/// A plain schema as read by a server.
#[derive(Debug, Clone)]
pub struct PlainSchema {
    pub model: Model,
    pub declaration: Declaration,
    /// What introspection said, from which `model` can be read again.
    pub facts: Vec<(String, String)>,
    /// Its number in the catalog, once it is published.
    pub version: Option<i32>,
}

/// The NOLOGIN role that owns the tables.
pub(crate) const OWNER: &str = "tenantry_owner";

impl PlainSchema {
    /// The DDL of one placement.
    pub(crate) fn compile(&self, place: &Place) -> Result<Compiled, OpsError> {
        let target = Target {
            model: place.model,
            schema: place.schema.clone(),
            owner: SqlIdent::new(OWNER)?,
            app: place.login.clone(),
            reader: Some(crate::isolation::reader(&place.login)?),
            context: place.context,
            tenant_value: place.tenant_value.clone(),
        };
        Ok(compile(&self.model, &self.declaration, &target)?)
    }

    /// Of model and declaration: the same whatever the placement.
    pub fn fingerprint(&self) -> Result<String, OpsError> {
        let mut refused = None;
        // A schema that one model refuses may still be compiled for another.
        for model in [TenancyModel::Database, TenancyModel::Shared] {
            let place = Place {
                model,
                schema: SqlIdent::new("public")?,
                login: SqlIdent::new("tenantry_app")?,
                context: ContextKind::Carrier,
                tenant_value: None,
            };
            match self.compile(&place) {
                Ok(compiled) => return Ok(compiled.fingerprint),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or(OpsError::Schema(SchemaError::BadTarget("no model"))))
    }
}

/// Where statements are to run.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) model: TenancyModel,
    pub(crate) schema: SqlIdent,
    pub(crate) login: SqlIdent,
    pub(crate) context: ContextKind,
    pub(crate) tenant_value: Option<String>,
}

/// Makes this the schema of the deployment: recorded in the catalog, for every later provision.
/// Returns its version in the catalog. The same schema again is the same version.
pub async fn publish(control: &Control, source: &Source, schema: &PlainSchema) -> Result<i32, OpsError> {
    let fingerprint = schema.fingerprint()?;
    let tx = control.catalog.transaction().await?;
    let before = tx.current_schema().await?;
    if let Some(before) = &before
        && before.fingerprint == fingerprint
    {
        let version = before.version;
        tx.rollback().await?;
        return Ok(version);
    }
    let new = NewSchemaVersion {
        fingerprint: fingerprint.clone(),
        file: source.file.clone(),
        sql: source.sql.clone(),
        declaration: serde_json::to_value(&schema.declaration).map_err(unreadable)?,
        facts: schema.facts.clone(),
    };
    let version = tx.record_schema(&new).await?;
    let details = serde_json::json!({ "version": version, "fingerprint": fingerprint, "file": source.file });
    tx.audit(&control.audit("schema.publish", format!("schema/{version}"), None, details)).await?;
    tx.commit().await?;
    Ok(version)
}

/// The deployment's current schema, if one was published.
pub async fn current(control: &Control) -> Result<Option<PlainSchema>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let current = tx.current_schema().await?;
    tx.rollback().await?;
    let Some(current) = current else { return Ok(None) };
    let model = read(&current.facts)?;
    let declaration = serde_json::from_value(current.declaration).map_err(unreadable)?;
    Ok(Some(PlainSchema { model, declaration, facts: current.facts, version: Some(current.version) }))
}

/// The current schema, or what to do to have one.
pub(crate) async fn required(control: &Control) -> Result<PlainSchema, OpsError> {
    current(control).await?.ok_or_else(|| {
        OpsError::refused(
            ErrorKind::InvalidInput,
            "no schema was published yet",
            "publish the product's plain schema first: tenantry schema apply",
        )
    })
}

fn unreadable(error: serde_json::Error) -> OpsError {
    OpsError::Schema(SchemaError::BadFacts { name: "declaration".to_owned(), source: error })
}
