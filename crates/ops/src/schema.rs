//! The plain schema: read from SQL text in a scratch database, kept in the catalog, applied to pools.

use crate::{Control, OpsError, Progress};
use tenantry_schema::{Declaration, Model};

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
}

/// What `apply` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    Now,
    AlreadyThere,
}

/// Loads SQL text in a scratch database of the cluster, which is gone afterwards, and reads what it made.
pub async fn load(
    control: &Control,
    cluster: &str,
    source: &Source,
    declaration: &Declaration,
) -> Result<PlainSchema, OpsError> {
    let _ = (control, cluster, source, declaration);
    todo!()
}

/// Makes this the schema of the deployment: recorded in the catalog, for every later provision.
/// Returns its version in the catalog. The same schema again is the same version.
pub async fn publish(control: &Control, source: &Source, schema: &PlainSchema) -> Result<i32, OpsError> {
    let _ = (control, source, schema);
    todo!()
}

/// The deployment's current schema, if one was published.
pub async fn current(control: &Control) -> Result<Option<PlainSchema>, OpsError> {
    let _ = control;
    todo!()
}

/// Applies the current schema's shared form to one pool.
pub async fn apply(
    control: &Control,
    cluster: &str,
    pool: &str,
    progress: &dyn Progress,
) -> Result<Applied, OpsError> {
    let _ = (control, cluster, pool, progress);
    todo!()
}
