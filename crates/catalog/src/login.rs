//! Gateway logins: who may connect, and for which tenants. The catalog holds verifiers, never passwords.

use crate::error::CatalogError;
use crate::queries;
use crate::row::{get, parse};
use crate::suggest::nearest;
use crate::tx::{Tx, constraint, found};
use tenantry_core::{LoginBinding, LoginId, PoolMode, Secret, TenantId};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

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
    pub read_only: bool,
    pub disabled: bool,
    /// In UTC, as RFC 3339 has it.
    pub valid_until: Option<String>,
    /// At once, at one gateway.
    pub max_connections: Option<u32>,
    /// Names of client certificates that stand for the password.
    pub certificates: Vec<String>,
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

    /// Shuts a login, or opens it again.
    pub async fn set_login_disabled(&self, id: LoginId, disabled: bool) -> Result<(), CatalogError> {
        found(self.execute(queries::LOGIN_SET_DISABLED, &[&id.get(), &disabled]).await?, WHAT, id)
    }

    /// Changes when a login ends, in any form that PostgreSQL reads; `None` is never.
    pub async fn set_login_valid_until(&self, id: LoginId, at: Option<&str>) -> Result<(), CatalogError> {
        let set = self.execute(queries::LOGIN_SET_VALID_UNTIL, &[&id.get(), &at]).await;
        let rows = set.map_err(|error| match error {
            CatalogError::Server { ref source, .. }
                if [
                    SqlState::INVALID_DATETIME_FORMAT,
                    SqlState::DATETIME_FIELD_OVERFLOW,
                    SqlState::CHECK_VIOLATION,
                ]
                .iter()
                .any(|state| source.is(state)) =>
            {
                let at = at.unwrap_or_default();
                CatalogError::Invalid {
                    message: format!("{at:?} is no time: write 2027-01-31 or 2027-01-31T12:00:00Z"),
                }
            }
            other => other,
        })?;
        found(rows, WHAT, id)
    }

    /// Changes how many connections a login may have at one gateway; `None` is no limit.
    pub async fn set_login_max_connections(&self, id: LoginId, max: Option<u32>) -> Result<(), CatalogError> {
        let max = max.map(|max| i32::try_from(max).unwrap_or(i32::MAX));
        found(self.execute(queries::LOGIN_SET_MAX_CONNECTIONS, &[&id.get(), &max]).await?, WHAT, id)
    }

    /// Changes which names of client certificates stand for the login's password.
    pub async fn set_login_certificates(&self, id: LoginId, names: &[String]) -> Result<(), CatalogError> {
        let set = self.execute(queries::LOGIN_SET_CERTIFICATES, &[&id.get(), &names]).await;
        let rows = set.map_err(|error| {
            constraint(error, |_, broken| {
                (broken == "logins_certificates_check").then_some(CatalogError::Invalid {
                    message: "a login has at most 32 names of certificates, none of them empty".into(),
                })
            })
        })?;
        found(rows, WHAT, id)
    }

    /// Changes how long the login's clients keep a server connection.
    pub async fn set_login_pool_mode(&self, id: LoginId, mode: PoolMode) -> Result<(), CatalogError> {
        found(self.execute(queries::LOGIN_SET_POOL_MODE, &[&id.get(), &mode.as_str()]).await?, WHAT, id)
    }

    /// Changes whether the login may use the gateways' console.
    pub async fn set_login_admin(&self, id: LoginId, admin: bool) -> Result<(), CatalogError> {
        found(self.execute(queries::LOGIN_SET_ADMIN, &[&id.get(), &admin]).await?, WHAT, id)
    }

    /// Changes whether the login may only read.
    pub async fn set_login_read_only(&self, id: LoginId, read_only: bool) -> Result<(), CatalogError> {
        found(self.execute(queries::LOGIN_SET_READ_ONLY, &[&id.get(), &read_only]).await?, WHAT, id)
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
        read_only: get(row, WHAT, "read_only")?,
        disabled: get(row, WHAT, "disabled")?,
        valid_until: get(row, WHAT, "valid_until")?,
        max_connections: get::<Option<i32>>(row, WHAT, "max_connections")?.map(i32::unsigned_abs),
        certificates: get(row, WHAT, "certificates")?,
    })
}
