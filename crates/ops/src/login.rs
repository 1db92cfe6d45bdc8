//! Gateway logins: who may connect to the gateway, and for which tenants.

use crate::{Control, OpsError};
use tenantry_core::{Secret, TenantKey};

/// Which tenants a login may act for, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginScope {
    All,
    Only(Vec<TenantKey>),
}

/// A login as people list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSummary {
    pub name: String,
    pub scope: LoginScope,
}

/// Makes a login, or gives an existing one this password and scope. Only a SCRAM verifier is kept.
pub async fn create(
    control: &Control,
    name: &str,
    password: &Secret,
    scope: &LoginScope,
) -> Result<(), OpsError> {
    let _ = (control, name, password, scope);
    todo!()
}

/// All logins, by name.
pub async fn list(control: &Control) -> Result<Vec<LoginSummary>, OpsError> {
    let _ = control;
    todo!()
}

/// Removes a login.
pub async fn drop(control: &Control, name: &str) -> Result<(), OpsError> {
    let _ = (control, name);
    todo!()
}
