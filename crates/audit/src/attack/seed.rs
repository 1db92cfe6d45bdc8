//! A row for a throw-away tenant, in whatever table one can be made up for.

use super::{Seat, Stage};
use crate::AuditError;
use crate::error::Doing;
use tenantry_core::ErrorKind;

const SEED: &str = include_str!("seed.sql");

/// Gives both throw-away tenants a row in the first table that takes one, and tells which. The rows go with the tenants.
pub async fn seed(attacker: &Seat, other: &Seat, schema: &str, column: &str) -> Result<Stage, AuditError> {
    let first = attacker.inside().await?;
    let quoted =
        tenantry_core::SqlIdent::new(schema).map_or_else(|_| schema.to_owned(), |name| name.to_string());
    let tables = first.query(SEED, &[&quoted, &column]).await.doing("looking for a table to attack")?;
    for row in tables {
        let (table, insert, key): (String, Option<String>, String) = (row.get(0), row.get(1), row.get(2));
        let insert = insert.unwrap_or_else(|| format!("INSERT INTO {table} DEFAULT VALUES"));
        if first.batch_execute(&insert).await.is_err() {
            continue;
        }
        let second = other.inside().await?;
        if second.batch_execute(&insert).await.is_ok() {
            return Ok(Stage { table, key, child: row.get(3), ..Stage::default() });
        }
    }
    Err(AuditError::refused(
        ErrorKind::NotSupported,
        format!("no table of schema {schema} takes a row that could be made up"),
        "attack existing staging tenants instead: --as-role, --enter and --tenants",
    ))
}

/// What the tenant column holds for the tenant of a seat of Tenantry's.
pub async fn value_of(seat: &Seat) -> Result<Option<String>, AuditError> {
    let client = seat.inside().await?;
    let row = client
        .query_one("SELECT tenancy.tenant_id()::text", &[])
        .await
        .doing("asking for the tenant's value")?;
    Ok(row.get(0))
}
