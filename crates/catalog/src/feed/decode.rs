//! Rows to routes. A row that can't be understood is removed from the table and counted: what is not certain is not
//! served, and one bad row must not keep the others from being served.

use crate::error::CatalogError;
use crate::row::{self, bad, get, number, parse};
use std::collections::BTreeSet;
use std::sync::Arc;
use tenantry_core::{
    ClusterId, DatabaseId, DatabaseRoute, Domain, KeyId, Limits, LoginAccess, LoginBinding, LoginId,
    LoginRoute, Rights, RouteChange, TenantId, TenantRoute,
};
use tokio_postgres::Row;

/// What the rows of one query are. Each has its own way to be read and to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entity {
    Tenant,
    Database,
    Login,
}

/// Changes to apply, and how many rows could not be understood.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) changes: Vec<RouteChange>,
    pub(crate) skipped: usize,
}

impl Entity {
    /// The change that takes an entity out of the table.
    pub(crate) fn gone(self, id: i64) -> RouteChange {
        // The catalog's databases and logins are `integer`: an id beyond that can't be in the table either way.
        let small = i32::try_from(id).unwrap_or(i32::MIN);
        match self {
            Self::Tenant => RouteChange::TenantGone(TenantId::new(id)),
            Self::Database => RouteChange::DatabaseGone(DatabaseId::new(small)),
            Self::Login => RouteChange::LoginGone(LoginId::new(small)),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Database => "database",
            Self::Login => "login",
        }
    }

    /// One change per row. The ids tell the caller which rows there were, and where the next chunk starts.
    pub(crate) fn decode(self, rows: &[Row], into: &mut Decoded) -> Result<Vec<i64>, CatalogError> {
        let mut ids = Vec::with_capacity(rows.len());
        into.changes.reserve(rows.len());
        for row in rows {
            let id = get::<i64>(row, self.word(), "id")?;
            ids.push(id);
            let change = self.read(row, id).unwrap_or_else(|error| {
                into.skipped += 1;
                tracing::warn!(entity = self.word(), id, %error, "a route can't be understood and is not served");
                self.gone(id)
            });
            into.changes.push(change);
        }
        Ok(ids)
    }

    fn read(self, row: &Row, id: i64) -> Result<RouteChange, CatalogError> {
        match self {
            Self::Tenant => Ok(RouteChange::Tenant(Arc::new(tenant(row, id)?))),
            Self::Database => Ok(RouteChange::Database(Arc::new(database(row)?))),
            Self::Login => Ok(RouteChange::Login(Arc::new(login(row)?))),
        }
    }
}

fn tenant(row: &Row, id: i64) -> Result<TenantRoute, CatalogError> {
    const WHAT: &str = "tenant";
    let limits: Limits =
        serde_json::from_str(get::<&str>(row, WHAT, "limits")?).map_err(|error| bad(WHAT, error))?;
    let domains = get::<Vec<&str>>(row, WHAT, "domains")?;
    let domains: Result<Box<[Domain]>, _> = domains.into_iter().map(Domain::new).collect();
    Ok(TenantRoute {
        id: TenantId::new(id),
        key: parse(row, WHAT, "key")?,
        state: parse(row, WHAT, "state")?,
        placement: row::placement(row, WHAT)?,
        limits,
        domains: domains.map_err(|error| bad(WHAT, error))?,
    })
}

fn database(row: &Row) -> Result<DatabaseRoute, CatalogError> {
    const WHAT: &str = "database";
    let (cluster, name) = (get::<&str>(row, WHAT, "cluster_name")?, get::<&str>(row, WHAT, "name")?);
    Ok(DatabaseRoute {
        id: DatabaseId::new(number(row, WHAT, "id")?),
        cluster: ClusterId::new(get(row, WHAT, "cluster")?),
        stable_name: format!("{cluster}/{name}").into(),
        host: get::<&str>(row, WHAT, "host")?.into(),
        port: number(row, WHAT, "port")?,
        more_hosts: row::addresses(row, WHAT, "more_hosts")?,
        replicas: row::addresses(row, WHAT, "replicas")?,
        name: name.into(),
        login: get::<&str>(row, WHAT, "login")?.into(),
        context: row::context(row, WHAT)?,
        key: KeyId::new(get(row, WHAT, "key_id")?),
        max_connections: number(row, WHAT, "max_connections")?,
        cluster_connections: number(row, WHAT, "cluster_connections")?,
        tls: row::tls(row, WHAT)?,
    })
}

fn login(row: &Row) -> Result<LoginRoute, CatalogError> {
    const WHAT: &str = "login";
    let binding = if get(row, WHAT, "all_tenants")? {
        LoginBinding::All
    } else {
        let tenants: BTreeSet<_> =
            get::<Vec<i64>>(row, WHAT, "tenants")?.into_iter().map(TenantId::new).collect();
        LoginBinding::Only(tenants)
    };
    Ok(LoginRoute {
        id: LoginId::new(number(row, WHAT, "id")?),
        name: get::<&str>(row, WHAT, "name")?.into(),
        verifier: get::<&str>(row, WHAT, "verifier")?.into(),
        binding,
        pool_mode: parse(row, WHAT, "pool_mode")?,
        admin: get(row, WHAT, "admin")?,
        rights: if get(row, WHAT, "read_only")? { Rights::Read } else { Rights::Write },
        access: LoginAccess {
            disabled: get(row, WHAT, "disabled")?,
            valid_until: get(row, WHAT, "valid_until")?,
            max_connections: get::<Option<i32>>(row, WHAT, "max_connections")?.map(i32::unsigned_abs),
            certificates: get::<Vec<String>>(row, WHAT, "certificates")?
                .into_iter()
                .map(Into::into)
                .collect(),
        },
    })
}
