//! What is looked at before anything is changed.

use super::{Convert, Ends, Tenants, paths, sharing, stages, words};
use crate::OpsError;
use crate::sql::Doing;
use serde::Serialize;
use tenantry_core::{ErrorKind, SqlIdent};
use tenantry_schema::{Finding, SchemaError, Severity, TenantType};
use tokio_postgres::Client;

const CHECKS: &str = include_str!("checks.sql");

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub weight: Weight,
    pub message: String,
    pub hint: String,
}

/// What it means for the conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// It can't begin.
    Stop,
    /// It may take longer, or need a look.
    Warning,
    /// Worth knowing.
    Note,
}

/// All checks; nothing is changed.
pub(super) async fn all(admin: &Client, request: &Convert) -> Result<Vec<Check>, OpsError> {
    let mut checks = Vec::new();
    let rows = admin.query(CHECKS, &[]).await.doing("checking the database")?;
    for row in rows {
        let weight = match row.get::<_, &str>(0) {
            "stop" => Weight::Stop,
            "warning" => Weight::Warning,
            _ => Weight::Note,
        };
        checks.push(Check { weight, message: row.get(1), hint: row.get(2) });
    }
    if let Tenants::Table(root) = &request.tenants {
        let plain = stages::read(admin).await?;
        root_type(request, &plain, root, &mut checks)?;
        if request.declaration.tenancy.value_type == TenantType::Text {
            checks.extend(worded(admin, &plain, root).await?);
        }
        if words::mapped(&plain, request)? {
            checks.extend(numbered(request, &plain, root)?);
        }
    }
    checks.sort_by_key(|check| check.weight);
    Ok(checks)
}

/// The tenants' ids are what the tenant column will hold.
fn root_type(
    request: &Convert,
    plain: &tenantry_schema::Model,
    root: &super::TenantTable,
    checks: &mut Vec<Check>,
) -> Result<(), OpsError> {
    let key = paths::root_key(plain, root)?;
    let found =
        plain.table(&root.table).and_then(|table| table.column(&key)).map_or("", |column| &column.type_name);
    let declared = request.declaration.tenancy.value_type;
    let fits = match declared {
        // Words get numbers.
        TenantType::Bigint => matches!(found, "bigint" | "integer" | "smallint") || words::is_text(found),
        TenantType::Uuid => found == "uuid",
        TenantType::Text => found == "text" || found.starts_with("character varying"),
    };
    for column in root.key.iter().chain(&root.name) {
        if plain.table(&root.table).is_some_and(|table| table.column(column).is_none()) {
            checks.push(Check {
                weight: Weight::Stop,
                message: format!("table {} has no column {column:?}", root.table),
                hint: "name a column that holds the tenants' keys or names".to_owned(),
            });
        }
    }
    if !fits {
        checks.push(Check {
            weight: Weight::Stop,
            message: format!("{}.{key} is {found}, but [tenancy] type is {}", root.table, declared.as_sql()),
            hint: "declare the type of the tenants' ids: bigint, uuid or text".to_owned(),
        });
    }
    Ok(())
}

/// A tenant's id is a number, in whatever type the tables hold it.
async fn worded(
    admin: &Client,
    plain: &tenantry_schema::Model,
    root: &super::TenantTable,
) -> Result<Option<Check>, OpsError> {
    let key = paths::root_key(plain, root)?;
    let sql = format!(
        "SELECT t.{0}::text FROM public.{1} t WHERE t.{0}::text !~ '^[1-9][0-9]{{0,17}}$' LIMIT 1",
        SqlIdent::new(key.clone())?,
        SqlIdent::new(root.table.clone())?
    );
    let found = admin.query_opt(&sql, &[]).await.doing("looking at the tenants' ids")?;
    Ok(found.map(|row| Check {
        weight: Weight::Stop,
        message: format!("{}.{key} holds {:?}, and a tenant's id is a positive number", root.table, row.get::<_, String>(0)),
        hint: "leave the type out of [tenancy] (or say bigint): each word gets a number, in a column beside it; words stay where they are".to_owned(),
    }))
}

/// What becomes of words, and what keeps them from getting numbers.
fn numbered(
    request: &Convert,
    plain: &tenantry_schema::Model,
    root: &super::TenantTable,
) -> Result<Vec<Check>, OpsError> {
    let column = request.declaration.tenancy.column.as_str();
    let key = paths::root_key(plain, root)?;
    let mut checks = vec![Check {
        weight: Weight::Note,
        message: format!(
            "{}.{key} is a word: each tenant gets a number, in the new column {column} of every table",
            root.table
        ),
        hint: format!(
            "{}.{column} will say which number is which word; references by the word go on to work",
            root.table
        ),
    }];
    let stop = |message: String, hint: String| Check { weight: Weight::Stop, message, hint };
    let not_numbers = |table: &&tenantry_schema::model::Table| {
        table.column(column).is_some_and(|column| column.type_name != "bigint")
    };
    if let Some(table) = plain.tables.iter().find(not_numbers) {
        checks.push(stop(
            format!("{}.{column} is there already, and holds no numbers", table.name),
            "give the new column another name: [tenancy] column = \"tenant_number\"".to_owned(),
        ));
    }
    if let Some(shared) = sharing::shared(plain, request)?.first() {
        checks.push(stop(
            format!("rows of {} are shared by tenants that are known by words", shared.table),
            format!(
                "give {} a numeric key and let the sharing refer to it; or convert {} as \"global\"",
                root.table, shared.table
            ),
        ));
    }
    Ok(checks)
}

/// The first thing that stops it, as an error.
pub(super) fn refuse(checks: &[Check]) -> Result<(), OpsError> {
    match checks.iter().find(|check| check.weight == Weight::Stop) {
        None => Ok(()),
        Some(stop) => Err(OpsError::refused(ErrorKind::Conflict, stop.message.clone(), stop.hint.clone())),
    }
}

/// What the rules refuse in shared tables is refused before anything begins.
pub(super) fn unfit_rules(ends: &Ends) -> Result<(), OpsError> {
    let errors: Vec<Finding> =
        ends.wanted.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect();
    if errors.is_empty() { Ok(()) } else { Err(SchemaError::Refused(errors).into()) }
}
