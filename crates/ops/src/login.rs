//! Gateway logins: who may connect to the gateway, and for which tenants.

use crate::{Control, OpsError};
use serde::Serialize;
use std::collections::BTreeSet;
use tenantry_catalog::{NewLogin, Tx};
use tenantry_core::{ErrorKind, LoginBinding, LoginId, PoolMode, Secret, TenantKey};
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
    pub pool_mode: PoolMode,
    /// Whether it may use the gateways' console.
    pub admin: bool,
    /// Whether it may read and not write.
    pub read_only: bool,
    pub disabled: bool,
    /// In UTC, as RFC 3339 has it.
    pub valid_until: Option<String>,
    /// At once, at one gateway.
    pub max_connections: Option<u32>,
    /// Names of client certificates that stand for the password.
    pub certificates: Vec<String>,
}

/// What else is to be changed of a login; what is `None` stays, or has its default in a new one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LoginChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_mode: Option<PoolMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// A time in any form that PostgreSQL reads; `Some(None)` is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Option<String>>,
    /// `Some(None)` is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<Option<u32>>,
    /// All of them; none means that only the password counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Vec<String>>,
}

/// The longest name that PostgreSQL, and so a client, would have.
const LONGEST: usize = tenantry_core::ident::MAX_IDENT_BYTES;

/// Makes a login, or gives an existing one this password and scope. Only a SCRAM verifier is kept.
pub async fn create(
    control: &Control,
    name: &str,
    password: &Secret,
    scope: &LoginScope,
    change: &LoginChange,
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
    let login = tx.upsert_login(&NewLogin { name: name.to_owned(), verifier, binding }).await?;
    apply(&tx, login.id, change).await?;
    let tenants = match scope {
        LoginScope::All => serde_json::json!("all"),
        LoginScope::Only(keys) => serde_json::json!(keys),
    };
    let details = serde_json::json!({ "tenants": tenants, "changed": change });
    tx.audit(&control.audit("login.set", format!("login/{name}"), None, details)).await?;
    Ok(tx.commit().await?)
}

/// Changes a login and leaves its password and tenants alone. Clients that are connected feel it at their next transaction.
pub async fn set(control: &Control, name: &str, change: &LoginChange) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    let login = tx.login(name).await?;
    apply(&tx, login.id, change).await?;
    let details = serde_json::json!({ "changed": change });
    tx.audit(&control.audit("login.set", format!("login/{name}"), None, details)).await?;
    Ok(tx.commit().await?)
}

async fn apply(tx: &Tx, login: LoginId, change: &LoginChange) -> Result<(), OpsError> {
    if let Some(mode) = change.pool_mode {
        tx.set_login_pool_mode(login, mode).await?;
    }
    if let Some(admin) = change.admin {
        tx.set_login_admin(login, admin).await?;
    }
    if let Some(read_only) = change.read_only {
        tx.set_login_read_only(login, read_only).await?;
    }
    if let Some(disabled) = change.disabled {
        tx.set_login_disabled(login, disabled).await?;
    }
    if let Some(at) = &change.valid_until {
        tx.set_login_valid_until(login, at.as_deref()).await?;
    }
    if let Some(max) = change.max_connections {
        tx.set_login_max_connections(login, max).await?;
    }
    if let Some(names) = &change.certificates {
        tx.set_login_certificates(login, names).await?;
    }
    Ok(())
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
        all.push(LoginSummary {
            name: login.name,
            scope,
            pool_mode: login.pool_mode,
            admin: login.admin,
            read_only: login.read_only,
            disabled: login.disabled,
            valid_until: login.valid_until,
            max_connections: login.max_connections,
            certificates: login.certificates,
        });
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
