//! Gateway logins: who may connect, and for which tenants. The catalog holds verifiers, never passwords.

use crate::error::CatalogError;
use crate::tx::Tx;
use tenantry_core::{LoginBinding, LoginId, Secret};

/// What a login is made from.
#[derive(Debug, Clone)]
pub struct NewLogin {
    pub name: String,
    /// PostgreSQL's text form of a SCRAM verifier. Not a password, but worth an offline attack: kept out of logs.
    pub verifier: Secret,
    pub binding: LoginBinding,
}

/// A login as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub id: LoginId,
    pub name: String,
    pub binding: LoginBinding,
}

impl Tx {
    /// Makes a login, or gives the one of that name this verifier and binding.
    pub async fn upsert_login(&self, new: &NewLogin) -> Result<Login, CatalogError> {
        let _ = new;
        todo!()
    }

    /// The login of that name, or `Unknown` with a suggestion.
    pub async fn login(&self, name: &str) -> Result<Login, CatalogError> {
        let _ = name;
        todo!()
    }

    /// All logins, by name.
    pub async fn logins(&self) -> Result<Vec<Login>, CatalogError> {
        todo!()
    }

    /// Changes which tenants a login may act for.
    pub async fn bind_login(&self, id: LoginId, binding: &LoginBinding) -> Result<(), CatalogError> {
        let _ = (id, binding);
        todo!()
    }

    /// Removes a login; says whether it was there.
    pub async fn delete_login(&self, name: &str) -> Result<bool, CatalogError> {
        let _ = name;
        todo!()
    }
}
