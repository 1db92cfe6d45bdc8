//! Scopes: sets of tenants that share rows. Made, listed, and explained: who sees what.
//!
//! A scope is a number within one pool. Tenants of other databases can be members too; their copies come from the pool.

use crate::sql::Doing;
use crate::{Control, OpsError, gate, tenant};
use serde::Serialize;
use std::collections::BTreeMap;
use tenantry_catalog::{Database, DatabaseKind, TenantFilter};
use tenantry_core::{ErrorKind, TenantKey};
use tenantry_schema::TenantType;
use tokio_postgres::Client;

/// A scope of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// `cluster/pool`.
    pub database: String,
    pub id: i64,
    /// The members' keys; what is no tenant any more is shown as it stands. Empty: everybody.
    pub members: Vec<String>,
    /// The one tenant whose own it is.
    pub own: bool,
}

/// Rows of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rows {
    pub table: String,
    pub rows: i64,
}

const LIST: &str =
    "SELECT s.id, s.members::text[], EXISTS (SELECT FROM tenancy.tenant_scopes t WHERE t.own = s.id)
      FROM tenancy.scopes s WHERE $1::bigint IS NULL OR s.id = $1 ORDER BY s.id";
const SEEN: &str = "SELECT s.id, s.members::text[], t.own = s.id FROM tenancy.tenant_scopes t
      JOIN tenancy.scopes s ON s.id = ANY (t.scopes) WHERE t.tenant::text = $1 ORDER BY s.id";
const ROWS: &str = "SELECT relation, rows FROM tenancy.scope_rows($1) WHERE rows > 0";

/// The scope of exactly these tenants in a pool, made if there is none. Running it again gives the same one.
pub async fn create(control: &Control, pool: &str, keys: &[TenantKey]) -> Result<Scope, OpsError> {
    let value_type = value_type(control).await?;
    let pool = find_pool(control, pool).await?;
    let mut values = Vec::new();
    for key in keys {
        values.push(gate::value(&tenant::find(control, key).await?.0, value_type));
    }
    let mut admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
    let tx = admin.transaction().await.doing("making a scope")?;
    let array = value_type.as_sql();
    // Members that live in other databases are not known here yet. In a fixed order, so that calls don't wait in a circle.
    let register =
        format!("SELECT tenancy.register_tenant(v::{array}) FROM unnest($1::text[]) v ORDER BY v::{array}");
    tx.query(&register, &[&values]).await.doing("making a scope")?;
    let make = format!("SELECT tenancy.scope_for(VARIADIC $1::text[]::{array}[])");
    let id: i64 = tx.query_one(&make, &[&values]).await.doing("making a scope")?.get(0);
    tx.commit().await.doing("making a scope")?;
    let audit = control.catalog.transaction().await?;
    let details = serde_json::json!({ "scope": id, "members": keys.iter().map(ToString::to_string).collect::<Vec<_>>() });
    audit
        .audit(&control.audit("scope.create", format!("database/{}", pool.stable_name()), None, details))
        .await?;
    audit.commit().await?;
    let scopes = read(control, &pool, &admin, LIST, &[&Some(id)]).await?;
    scopes.into_iter().next().ok_or_else(|| unknown(id))
}

/// The scopes of a pool; without the tenants' own, unless they are asked for.
pub async fn list(control: &Control, pool: &str, own_too: bool) -> Result<Vec<Scope>, OpsError> {
    let pool = find_pool(control, pool).await?;
    let admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
    let all = read(control, &pool, &admin, LIST, &[&None::<i64>]).await?;
    Ok(all.into_iter().filter(|scope| own_too || !scope.own).collect())
}

/// One scope, and how many rows of which tables have it.
pub async fn show(control: &Control, pool: &str, id: i64) -> Result<(Scope, Vec<Rows>), OpsError> {
    let pool = find_pool(control, pool).await?;
    let admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
    let scopes = read(control, &pool, &admin, LIST, &[&Some(id)]).await?;
    let scope = scopes.into_iter().next().ok_or_else(|| unknown(id))?;
    let rows = admin.query(ROWS, &[&id]).await.doing("counting a scope's rows")?;
    Ok((scope, rows.iter().map(|row| Rows { table: row.get(0), rows: row.get(1) }).collect()))
}

/// Which scopes a tenant sees in a pool.
pub async fn seen_by(control: &Control, pool: &str, key: &TenantKey) -> Result<Vec<Scope>, OpsError> {
    let value = gate::value(&tenant::find(control, key).await?.0, value_type(control).await?);
    let pool = find_pool(control, pool).await?;
    let admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
    read(control, &pool, &admin, SEEN, &[&value]).await
}

/// Which scope a row has, and so who sees it.
pub async fn of_row(control: &Control, pool: &str, table: &str, id: &str) -> Result<Scope, OpsError> {
    const WHAT: &str = "looking for a row's scope";
    let pool = find_pool(control, pool).await?;
    let admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
    let sql = "SELECT t::text, quote_ident(a.attname) FROM tenancy.scoped_tables() t
         JOIN pg_class c ON c.oid = t AND c.relname = $1
         JOIN pg_index i ON i.indrelid = t AND i.indisprimary AND i.indnkeyatts = 1
         JOIN pg_attribute a ON a.attrelid = t AND a.attnum = i.indkey[0]";
    let Some(found) = admin.query_opt(sql, &[&table]).await.doing(WHAT)? else {
        return Err(OpsError::refused(
            ErrorKind::InvalidInput,
            format!("{table} is no scoped table with a primary key of one column"),
            "see `tenantry schema check` for the kinds of tables",
        ));
    };
    let (relation, key): (String, String) = (found.get(0), found.get(1));
    let sql = format!("SELECT scope_id FROM {relation} WHERE {key}::text = $1");
    let Some(row) = admin.query_opt(&sql, &[&id]).await.doing(WHAT)? else {
        return Err(OpsError::refused(
            ErrorKind::InvalidInput,
            format!("{table} has no row {id}"),
            "name the primary key's value",
        ));
    };
    let scope: i64 = row.get(0);
    let scopes = read(control, &pool, &admin, LIST, &[&Some(scope)]).await?;
    scopes.into_iter().next().ok_or_else(|| unknown(scope))
}

fn unknown(id: i64) -> OpsError {
    OpsError::refused(ErrorKind::InvalidInput, format!("there is no scope {id}"), "see `tenantry scope list`")
}

async fn read(
    control: &Control,
    pool: &Database,
    admin: &Client,
    sql: &str,
    arguments: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<Scope>, OpsError> {
    let rows = admin.query(sql, arguments).await.doing("reading scopes")?;
    let keys = keys_by_value(control).await?;
    let scopes = rows.iter().map(|row| {
        let members = row.get::<_, Option<Vec<String>>>(1).unwrap_or_default();
        let members = members.into_iter().map(|value| keys.get(&value).cloned().unwrap_or(value)).collect();
        Scope { database: pool.stable_name(), id: row.get(0), members, own: row.get(2) }
    });
    Ok(scopes.collect())
}

/// How many tenants are read from the catalog at once.
const PAGE: u32 = 1_000;

async fn keys_by_value(control: &Control) -> Result<BTreeMap<String, String>, OpsError> {
    let value_type = value_type(control).await?;
    let mut keys = BTreeMap::new();
    let mut filter = TenantFilter::default();
    let tx = control.catalog.snapshot().await?;
    loop {
        let page = tx.tenants(&filter, PAGE).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.key.clone());
        keys.extend(page.iter().map(|tenant| (gate::value(tenant, value_type), tenant.key.to_string())));
    }
    tx.rollback().await?;
    Ok(keys)
}

async fn value_type(control: &Control) -> Result<TenantType, OpsError> {
    Ok(crate::schema::required(control).await?.declaration.tenancy.value_type)
}

/// `cluster/pool`, or the name of a pool that there is once.
async fn find_pool(control: &Control, name: &str) -> Result<Database, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let all = tx.databases(None).await?;
    tx.rollback().await?;
    let mut fitting = all.into_iter().filter(|database| {
        database.kind == DatabaseKind::Pool
            && (database.name.as_str() == name || database.stable_name() == name)
    });
    match (fitting.next(), fitting.next()) {
        (Some(pool), None) => Ok(pool),
        (None, _) => Err(OpsError::refused(
            ErrorKind::InvalidInput,
            format!("there is no pool {name:?}"),
            "see `tenantry cluster list`",
        )),
        _ => Err(OpsError::refused(
            ErrorKind::InvalidInput,
            format!("several clusters have a pool {name:?}"),
            "write CLUSTER/POOL",
        )),
    }
}
