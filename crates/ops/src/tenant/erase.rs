//! Deleting a tenant's data. Its tables come from the recorded classification, never from a list by hand.

use crate::schema::PlainSchema;
use crate::sql::Doing;
use crate::{OpsError, brief};
use tenantry_core::{ErrorKind, SqlIdent, TenantId, quote_literal};
use tenantry_schema::{Kind, Origin, check};
use tokio_postgres::{Client, GenericClient, Transaction};

/// The tenant tables, without partitions: their parents stand for them.
pub(super) fn tables(declared: &PlainSchema) -> Vec<SqlIdent> {
    check(&declared.model, &declared.declaration)
        .tables
        .into_iter()
        .filter(|table| table.kind == Some(Kind::Tenant) && table.origin != Origin::Parent)
        .filter_map(|table| SqlIdent::new(table.table).ok())
        .collect()
}

pub(super) async fn has_core(admin: &Client) -> Result<bool, OpsError> {
    let sql = "SELECT to_regclass('tenancy.gate') IS NOT NULL";
    Ok(admin.query_one(sql, &[]).await.doing("looking at the isolation core")?.get(0))
}

/// A shared table that holds rows of the tenant.
pub(super) async fn shared_rows(
    admin: &impl GenericClient,
    declared: &PlainSchema,
    tables: &[SqlIdent],
    value: String,
) -> Result<Option<String>, OpsError> {
    let predicate = format!(" WHERE {} = {}", declared.declaration.tenancy.column, quote_literal(&value));
    first_with_rows(admin, &SqlIdent::new("public")?, tables, &predicate).await
}

/// A table of a schema that holds rows.
pub(super) async fn any_rows(
    admin: &impl GenericClient,
    schema: &SqlIdent,
    tables: &[SqlIdent],
) -> Result<Option<String>, OpsError> {
    first_with_rows(admin, schema, tables, "").await
}

async fn first_with_rows(
    admin: &impl GenericClient,
    schema: &SqlIdent,
    tables: &[SqlIdent],
    predicate: &str,
) -> Result<Option<String>, OpsError> {
    const WHAT: &str = "looking for the tenant's rows";
    for table in tables {
        let name = format!("{schema}.{table}");
        let there = admin.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).await.doing(WHAT)?;
        if !there.get::<_, bool>(0) {
            continue;
        }
        let sql = format!("SELECT EXISTS (SELECT FROM {name}{predicate})");
        if admin.query_one(&sql, &[]).await.doing(WHAT)?.get(0) {
            return Ok(Some(table.as_str().to_owned()));
        }
    }
    Ok(None)
}

/// Deletes the tenant's rows of every tenant table, and looks that none is left.
///
/// All of a tenant's rows go at once and foreign keys between tenant tables stay within the tenant, so no order and no
/// check is needed: triggers of the product, which would act for no tenant, do not run either.
pub(super) async fn shared(
    tx: &Transaction<'_>,
    declared: &PlainSchema,
    tables: &[SqlIdent],
    value: String,
) -> Result<(), OpsError> {
    const WHAT: &str = "deleting the tenant's rows";
    tx.batch_execute("SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = 0; SET LOCAL row_security = off")
        .await
        .doing(WHAT)?;
    let column = &declared.declaration.tenancy.column;
    for table in tables {
        let name = format!("public.{table}");
        let there = tx.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).await.doing(WHAT)?;
        if there.get::<_, bool>(0) {
            let sql = format!("DELETE FROM {name} WHERE {column} = {}", quote_literal(&value));
            tx.batch_execute(&sql).await.doing(&format!("{WHAT} of table {table}"))?;
        }
    }
    loose(tx, column, &value).await?;
    if let Some(table) = shared_rows(tx, declared, tables, value).await? {
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("rows of the tenant are left in table {table}"),
            "a rule of that table may keep them; look at it and run the command again",
        ));
    }
    Ok(())
}

/// Partitions that were detached, or are about to be attached, hold rows of tenants all the same.
async fn loose(tx: &Transaction<'_>, column: &SqlIdent, value: &str) -> Result<(), OpsError> {
    const WHAT: &str = "deleting the tenant's rows of detached partitions";
    let there = "SELECT to_regclass('tenancy.loose_partitions') IS NOT NULL";
    if !tx.query_one(there, &[]).await.doing(WHAT)?.get::<_, bool>(0) {
        return Ok(());
    }
    let sql =
        "SELECT l.partition::text FROM tenancy.loose_partitions l JOIN pg_class c ON c.oid = l.partition";
    for row in tx.query(sql, &[]).await.doing(WHAT)? {
        // Printed by the server, so it is quoted as it must be.
        let sql = format!("DELETE FROM {} WHERE {column} = {}", row.get::<_, &str>(0), quote_literal(value));
        tx.batch_execute(&sql).await.doing(WHAT)?;
    }
    Ok(())
}

/// A scoped table that holds rows of the tenant's own scope.
pub(super) async fn scoped_rows(admin: &Client, value: &str) -> Result<Option<String>, OpsError> {
    const WHAT: &str = "looking for rows of the tenant's own scope";
    let there = "SELECT to_regclass('tenancy.tenant_scopes') IS NOT NULL";
    if !admin.query_one(there, &[]).await.doing(WHAT)?.get::<_, bool>(0) {
        return Ok(None);
    }
    let sql = "SELECT r.relation FROM tenancy.tenant_scopes t, tenancy.scope_rows(t.own) r
         WHERE t.tenant::text = $1 AND r.rows > 0 LIMIT 1";
    let row = admin.query_opt(sql, &[&value]).await.doing(WHAT)?;
    Ok(row.map(|row| row.get(0)))
}

/// Takes the tenant out of every scope; the rows of its own scope go.
pub(super) async fn scopes(tx: &Transaction<'_>, value: &str) -> Result<(), OpsError> {
    const WHAT: &str = "taking the tenant out of its scopes";
    let there = "SELECT to_regclass('tenancy.tenant_scopes') IS NOT NULL";
    if tx.query_one(there, &[]).await.doing(WHAT)?.get::<_, bool>(0) {
        let sql = format!("SELECT tenancy.fold_tenant({})", quote_literal(value));
        tx.batch_execute(&sql).await.doing(WHAT)?;
    }
    Ok(())
}

const TIES: &str = include_str!("ties.sql");

/// Drops what ties the tenant's schema to the pool's tables. Each foreign key locks the table that it refers to against everybody,
/// so they go one by one, in moments of their own, before the transaction that takes as long as it takes.
pub(super) async fn ties(admin: &Client, schema: &SqlIdent) -> Result<(), OpsError> {
    const WHAT: &str = "looking at what the tenant's schema refers to";
    for row in admin.query(TIES, &[&schema.as_str()]).await.doing(WHAT)? {
        let (tables, statement): (String, String) = (row.get(0), row.get(1));
        brief::change(admin, &statement, &format!("separating {tables}")).await?;
    }
    Ok(())
}

/// Drops the tenant's schema with everything in it.
pub(super) async fn schema(tx: &Transaction<'_>, schema: &SqlIdent) -> Result<(), OpsError> {
    const WHAT: &str = "dropping the tenant's schema";
    tx.batch_execute(&format!("SET LOCAL statement_timeout = 0; DROP SCHEMA IF EXISTS {schema} CASCADE"))
        .await
        .doing(WHAT)?;
    tx.execute("DELETE FROM tenancy.schema_version WHERE schema = $1", &[&schema.as_str()])
        .await
        .doing(WHAT)?;
    Ok(())
}

/// Removes the tenant's gate.
pub(super) async fn gate(tx: &Transaction<'_>, tenant: TenantId) -> Result<(), OpsError> {
    tx.execute("DELETE FROM tenancy.gate WHERE tenant = $1", &[&tenant.get()])
        .await
        .doing("removing the gate")?;
    Ok(())
}

pub(super) async fn commit(tx: Transaction<'_>) -> Result<(), OpsError> {
    tx.commit().await.doing("erasing the tenant's data")
}
