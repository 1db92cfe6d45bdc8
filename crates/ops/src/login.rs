//! Gateway logins: who may connect to the gateway, and for which tenants.

use crate::{Control, OpsError};
use std::collections::BTreeSet;
use tenantry_catalog::NewLogin;
use tenantry_core::{ErrorKind, LoginBinding, Secret, TenantKey};
use tenantry_wire::scram::{DEFAULT_ROUNDS, Verifier};

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

/// The longest name that PostgreSQL, and so a client, would have.
const LONGEST: usize = tenantry_core::ident::MAX_IDENT_BYTES;

/// Makes a login, or gives an existing one this password and scope. Only a SCRAM verifier is kept.
pub async fn create(
    control: &Control,
    name: &str,
    password: &Secret,
    scope: &LoginScope,
) -> Result<(), OpsError> {
    if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
        return Err(OpsError::refused(
            ErrorKind::InvalidInput,
            format!("{name:?} can't be a login's name"),
            format!("1 to {LONGEST} bytes without control characters"),
        ));
    }
    if password.expose().is_empty() {
        return Err(OpsError::refused(ErrorKind::InvalidInput, "the password is empty", "choose a password"));
    }
    let verifier = Secret::new(Verifier::generate(password.expose(), DEFAULT_ROUNDS).to_string());
    let tx = control.catalog.transaction().await?;
    let binding = match scope {
        LoginScope::All => LoginBinding::All,
        LoginScope::Only(keys) => {
            let mut ids = BTreeSet::new();
            for key in keys {
                ids.insert(tx.tenant(key).await?.id);
            }
            LoginBinding::Only(ids)
        }
    };
    tx.upsert_login(&NewLogin { name: name.to_owned(), verifier, binding }).await?;
    let tenants = match scope {
        LoginScope::All => serde_json::json!("all"),
        LoginScope::Only(keys) => serde_json::json!(keys),
    };
    let details = serde_json::json!({ "tenants": tenants });
    tx.audit(&control.audit("login.set", format!("login/{name}"), None, details)).await?;
    Ok(tx.commit().await?)
}

/// All logins, by name.
pub async fn list(control: &Control) -> Result<Vec<LoginSummary>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let mut all = Vec::new();
    for login in tx.logins().await? {
        let scope = match login.binding {
            LoginBinding::All => LoginScope::All,
            LoginBinding::Only(ids) => {
                let mut keys = Vec::new();
                for id in ids {
                    keys.extend(tx.tenant_by_id(id).await?.map(|tenant| tenant.key));
                }
                keys.sort();
                LoginScope::Only(keys)
            }
        };
        all.push(LoginSummary { name: login.name, scope });
    }
    tx.rollback().await?;
    Ok(all)
}

/// Removes a login. New connections with it are refused; gateways end those that are open.
pub async fn drop(control: &Control, name: &str) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    // Says `Unknown`, with a suggestion, when there is none.
    tx.login(name).await?;
    tx.delete_login(name).await?;
    tx.audit(&control.audit("login.drop", format!("login/{name}"), None, serde_json::json!({}))).await?;
    Ok(tx.commit().await?)
}
