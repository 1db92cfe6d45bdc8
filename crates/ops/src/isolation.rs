//! The isolation core: what every data database gets so that it can refuse by itself.

use crate::OpsError;
use tenantry_core::{ContextKind, DatabaseId, SqlIdent};
use tokio_postgres::Client;

/// The version of the core that this build installs.
pub const VERSION: i32 = 1;

/// The type of the tenant column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantType {
    Bigint,
    Uuid,
    Text,
}

/// What to install.
#[derive(Debug, Clone)]
pub struct Core {
    pub tenant_type: TenantType,
    pub context: ContextKind,
    pub login: SqlIdent,
    /// PostgreSQL's text form of a SCRAM verifier; the password itself never travels.
    pub verifier: String,
    pub connection_limit: Option<u32>,
}

/// What a cluster can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub superuser: bool,
    /// `server_version_num`.
    pub version: u32,
    pub version_text: String,
    pub carrier_possible: bool,
    /// Why the carrier is not possible.
    pub reasons: Vec<String>,
    /// Known holes of this minor version.
    pub security_warning: Option<String>,
}

/// Looks at what a cluster can have. Changes nothing.
pub async fn probe(admin: &Client) -> Result<Probe, OpsError> {
    let _ = admin;
    todo!()
}

/// Installs or upgrades the core in the database that `admin` is connected to, in one transaction.
pub async fn install(admin: &mut Client, core: &Core) -> Result<i32, OpsError> {
    let _ = (admin, core);
    todo!()
}

/// Gives a database its next context key: install it, announce it, and drop the old one after `grace`.
pub async fn rotate_key(control: &crate::Control, database: DatabaseId, grace: std::time::Duration, progress: &dyn crate::Progress) -> Result<tenantry_core::KeyId, OpsError> {
    let _ = (control, database, grace, progress);
    todo!()
}
