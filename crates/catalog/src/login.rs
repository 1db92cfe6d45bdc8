//! Gateway logins: who may connect, and for which tenants. The catalog holds verifiers, never passwords.

use crate::error::CatalogError;
use crate::queries;
use crate::row::{get, parse};
use crate::suggest::nearest;
use crate::tx::{Tx, constraint, found};
use tenantry_core::{LoginBinding, LoginId, PoolMode, Secret, TenantId};
use tokio_postgres::Row;

const WHAT: &str = "login";

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
    pub pool_mode: PoolMode,
    /// Whether it may use the gateways' console.
    pub admin: bool,
}

impl Tx {
    /// Makes a login, or gives the one of that name this verifier and binding.
    pub async fn upsert_login(&self, new: &NewLogin) -> Result<Login, CatalogError> {
        let all = new.binding == LoginBinding::All;
        let upserted =
            self.query_one(queries::LOGIN_UPSERT, &[&new.name, &new.verifier.expose(), &all]).await;
        let row = upserted.map_err(|error| malformed(error, &new.name))?;
        let id = LoginId::new(get(&row, WHAT, "id")?);
        self.set_login_tenants(id, &new.binding).await?;
        self.login(&new.name).await
    }

    /// The login of that name, or `Unknown` with a suggestion.
    pub async fn login(&self, name: &str) -> Result<Login, CatalogError> {
        if let Some(row) = self.query_opt(queries::LOGIN_BY_NAME, &[&name]).await? {
            return read(&row);
        }
        let logins = self.logins().await?;
        let suggestion = nearest(name, logins.iter().map(|login| login.name.as_str()));
        Err(CatalogError::Unknown { what: WHAT, name: name.to_owned(), suggestion })
    }

    /// All logins, by name.
    pub async fn logins(&self) -> Result<Vec<Login>, CatalogError> {
        self.query(queries::LOGIN_LIST, &[]).await?.iter().map(read).collect()
    }

    /// Changes which tenants a login may act for.
    pub async fn bind_login(&self, id: LoginId, binding: &LoginBinding) -> Result<(), CatalogError> {
        let all = *binding == LoginBinding::All;
        found(self.execute(queries::LOGIN_SET_ALL, &[&id.get(), &all]).await?, WHAT, id)?;
        self.set_login_tenants(id, binding).await
    }

    /// Changes how long the login's clients keep a server connection.
    pub async fn set_login_pool_mode(&self, id: LoginId, mode: PoolMode) -> Result<(), CatalogError> {
        found(self.execute(queries::LOGIN_SET_POOL_MODE, &[&id.get(), &mode.as_str()]).await?, WHAT, id)
    }

    /// Changes whether the login may use the gateways' console.
    pub async fn set_login_admin(&self, id: LoginId, admin: bool) -> Result<(), CatalogError> {
        found(self.execute(queries::LOGIN_SET_ADMIN, &[&id.get(), &admin]).await?, WHAT, id)
    }

    /// Removes a login; says whether it was there.
    pub async fn delete_login(&self, name: &str) -> Result<bool, CatalogError> {
        Ok(self.execute(queries::LOGIN_DELETE, &[&name]).await? == 1)
    }

    async fn set_login_tenants(&self, id: LoginId, binding: &LoginBinding) -> Result<(), CatalogError> {
        let tenants: Vec<i64> = match binding {
            LoginBinding::All => Vec::new(),
            LoginBinding::Only(tenants) => tenants.iter().map(|tenant| tenant.get()).collect(),
        };
        self.execute(queries::LOGIN_UNBIND, &[&id.get(), &tenants]).await?;
        self.execute(queries::LOGIN_BIND, &[&id.get(), &tenants]).await.map_err(|error| {
            constraint(error, |_, broken| {
                let name = format!("{tenants:?}");
                (broken == "login_tenants_tenant_fkey").then_some(CatalogError::Unknown {
                    what: "tenant",
                    name,
                    suggestion: None,
                })
            })
        })?;
        Ok(())
    }
}

fn malformed(error: CatalogError, name: &str) -> CatalogError {
    constraint(error, |_, broken| match broken {
        "logins_verifier_check" => Some(CatalogError::Invalid {
            message: format!("what login {name:?} was given is no SCRAM-SHA-256 verifier"),
        }),
        "logins_name_check" => {
            Some(CatalogError::Invalid { message: format!("login name {name:?} must have 1 to 63 bytes") })
        }
        _ => None,
    })
}

fn read(row: &Row) -> Result<Login, CatalogError> {
    let binding = if get(row, WHAT, "all_tenants")? {
        LoginBinding::All
    } else {
        LoginBinding::Only(get::<Vec<i64>>(row, WHAT, "tenants")?.into_iter().map(TenantId::new).collect())
    };
    Ok(Login {
        id: LoginId::new(get(row, WHAT, "id")?),
        name: get(row, WHAT, "name")?,
        binding,
        pool_mode: parse(row, WHAT, "pool_mode")?,
        admin: get(row, WHAT, "admin")?,
    })
}
