//! Copies of one thing in the rows of many tenants (the same product in every shop), which could be one scoped row. A report:
//! nothing is changed, and the server does the counting, so the memory needed does not grow with the tables.

use super::refused;
use crate::sql::Doing;
use crate::{Control, OpsError};
use serde::Serialize;
use tenantry_core::{SqlIdent, quote_literal};
use tenantry_schema::model::{ConstraintKind, Table};
use tenantry_schema::{Declaration, Kind, check};

/// What was found in one table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CloneReport {
    pub table: String,
    /// What was compared: neither ids nor times nor references.
    pub columns: Vec<String>,
    pub rows: u64,
    /// Things that several tenants have.
    pub things: u64,
    /// Rows that would be folded away if each such thing were one scoped row.
    pub spare_rows: u64,
    pub examples: Vec<CloneGroup>,
}

/// One thing and who has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CloneGroup {
    pub row: String,
    pub tenants: u64,
    pub copies: u64,
}

const EXAMPLES: usize = 5;
const SQL: &str = include_str!("clones.sql");

/// Looks for copies in every tenant table that has the tenant column.
pub async fn clones(
    control: &Control,
    cluster: &str,
    database: &SqlIdent,
    declaration: &Declaration,
) -> Result<Vec<CloneReport>, OpsError> {
    let admin = control.connect(cluster, database.as_str()).await?;
    let model = super::stages::read(&admin).await?;
    let column = declaration.tenancy.column.as_str();
    let kinds = check(&model, declaration).tables;
    let is_tenant = |table: &&Table| {
        kinds.iter().any(|kind| kind.table == table.name && kind.kind == Some(Kind::Tenant))
            && !table.is_partition()
            && table.column(column).is_some()
    };
    let tables: Vec<&Table> = model.tables.iter().filter(is_tenant).collect();
    if tables.is_empty() {
        return Err(refused(
            format!("no tenant table has the column {column:?}"),
            "convert the database first, or declare the column that it has: [tenancy] column",
        ));
    }
    let mut reports = Vec::new();
    for table in tables {
        let columns = natural(table, column);
        if !columns.is_empty() {
            reports.push(look(&admin, table, column, columns).await?);
        }
    }
    reports.retain(|report| report.things > 0);
    reports.sort_by_key(|report| std::cmp::Reverse(report.spare_rows));
    Ok(reports)
}

/// What says what a row *is*: not its keys that are numbered, not where it belongs, not when it was written.
fn natural(table: &Table, tenant: &str) -> Vec<String> {
    let in_keys: Vec<&String> = table
        .constraints
        .iter()
        .flat_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey(key) => key.columns.iter().collect::<Vec<_>>(),
            ConstraintKind::ForeignKey(key) => key.columns.iter().collect(),
            _ => Vec::new(),
        })
        .collect();
    table
        .columns
        .iter()
        .filter(|column| column.name != tenant && column.identity.is_none() && column.generated.is_none())
        .filter(|column| !in_keys.contains(&&column.name))
        .filter(|column| !column.type_name.starts_with("timestamp") && column.type_name != "uuid")
        .map(|column| column.name.clone())
        .collect()
}

async fn look(
    admin: &tokio_postgres::Client,
    table: &Table,
    tenant: &str,
    columns: Vec<String>,
) -> Result<CloneReport, OpsError> {
    let pairs: Result<Vec<String>, OpsError> = columns
        .iter()
        .map(|column| Ok(format!("{}, t.{}", quote_literal(column), SqlIdent::new(column.clone())?)))
        .collect();
    let sql = crate::sql::render(
        SQL,
        &[
            ("table", &SqlIdent::new(table.name.clone())?.to_string()),
            ("tenant", &SqlIdent::new(tenant)?.to_string()),
            ("pairs", &pairs?.join(", ")),
            ("examples", &EXAMPLES.to_string()),
        ],
    );
    admin.batch_execute("SET statement_timeout = 0").await.doing("looking for copies")?;
    let rows = admin.query(&sql, &[]).await.doing(&format!("looking for copies in {}", table.name))?;
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    let first = rows.first();
    let of = |at: usize| first.map_or(0, |row| number(row.get::<_, i64>(at)));
    let examples = rows
        .iter()
        .filter_map(|row| {
            Some(CloneGroup {
                row: row.get::<_, Option<String>>(3)?,
                tenants: number(row.get(4)),
                copies: number(row.get(5)),
            })
        })
        .collect();
    Ok(CloneReport {
        table: table.name.clone(),
        columns,
        rows: of(0),
        things: of(1),
        spare_rows: of(2),
        examples,
    })
}
