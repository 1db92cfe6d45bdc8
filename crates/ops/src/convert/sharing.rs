//! Rows that are shared already: the column or the table that says with whom becomes a scope for each row.
//!
//! Two designs are known. A column of the table (`site_id`) holds one tenant, and 0 or null for everybody. A table beside it
//! (`product_tenants`) holds a row for each tenant that sees the row. Both are left in place and go on to decide until the
//! policies refuse: triggers carry what changes meanwhile into `scope_id`.
//!
//! Members are read, and scopes are made, when a transaction ends: what an application takes away and puts back in one
//! transaction makes no scopes for the sets between. A transaction that changes with whom several rows are shared holds these
//! rows until it has ended, in the order in which it changed them; two that go opposite ways are a deadlock to PostgreSQL.

pub(super) mod carry;

use super::paths::{declared_via, foreign_keys, pairs};
use super::{Convert, TenantTable, Tenants, refused};
use crate::OpsError;
use tenantry_core::SqlIdent;
use tenantry_schema::model::{ConstraintKind, Table};
use tenantry_schema::{Kind, Model, TenantType, check};

/// The column that says which scope a row has.
pub(super) const COLUMN: &str = "scope_id";
/// What rows that are there, and new ones, are filled with beside what leads to their tenants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shares {
    pub(crate) shared: Vec<Shared>,
    /// The one tenant, and its own scope: constants.
    pub(crate) constant: Option<String>,
    pub(crate) scope: Option<String>,
}

/// A scoped table whose rows say with whom they are shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) table: String,
    pub(crate) by: By,
}

/// What says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// A column of the table itself: one tenant, or everybody.
    Column(String),
    /// The rows of another table: its `columns` are `keys` of the scoped table, `member` is a tenant.
    Links { links: String, columns: Vec<String>, keys: Vec<String>, member: String },
    /// All rows are one tenant's, and so is the scope.
    One,
}

/// Every scoped table that has to be given its scopes. What can't be is refused here, with the choices.
pub(crate) fn shared(plain: &Model, request: &Convert) -> Result<Vec<Shared>, OpsError> {
    let mut found = Vec::new();
    for classified in check(plain, &request.declaration).tables {
        let Some(table) = plain.table(&classified.table).filter(|table| !table.is_partition()) else {
            continue;
        };
        if classified.kind != Some(Kind::Scoped) || table.column(COLUMN).is_some() {
            continue;
        }
        let via = declared_via(request, &table.name);
        let by = match (&request.tenants, via) {
            (Tenants::One(_), None) => By::One,
            (Tenants::One(_), Some(_)) => {
                return Err(refused(
                    format!(
                        "all rows are one tenant's, and {} is declared to be shared by several",
                        table.name
                    ),
                    "leave out its via, or name the table that lists the tenants: --tenants TABLE",
                ));
            }
            (Tenants::Table(_), None) => return Err(undeclared(table)),
            (Tenants::Table(root), Some(via)) => by_via(plain, request, root, table, via)?,
        };
        found.push(Shared { table: table.name.clone(), by });
    }
    Ok(found)
}

fn undeclared(table: &Table) -> OpsError {
    let name = &table.name;
    refused(
        format!(
            "table {name} is declared \"scoped\", and nothing says which tenants see the rows that are there"
        ),
        format!(
            "declare the table that says it ({name} = {{ kind = \"scoped\", via = \"links.column\" }}), or the column \
             (via = \"site_id\": 0 or null is everybody); or declare {name} \"tenant\" or \"global\""
        ),
    )
}

fn by_via(
    plain: &Model,
    request: &Convert,
    root: &TenantTable,
    table: &Table,
    via: &str,
) -> Result<By, OpsError> {
    let Some((links, columns)) = via.split_once('.') else {
        return by_column(plain, request, table, via);
    };
    let wrong = |message: String| {
        refused(
            message,
            "write it as \"links.column\": a column of the table that says with whom rows are shared",
        )
    };
    let columns: Vec<String> = columns.split(',').map(|column| column.trim().to_owned()).collect();
    let Some(beside) = plain.table(links) else {
        return Err(wrong(format!("via = {via:?} of table {}: there is no table {links}", table.name)));
    };
    if let Some(missing) = columns.iter().find(|column| beside.column(column).is_none()) {
        return Err(wrong(format!(
            "via = {via:?} of table {}: {links} has no column {missing:?}",
            table.name
        )));
    }
    let key = foreign_keys(beside).find(|key| key.target == table.name && key.columns == columns);
    let keys = key.map(|key| key.target_columns.clone());
    let keys = keys.or_else(|| table.primary_key().map(|key| key.columns.clone()));
    let Some(keys) = keys.filter(|keys| keys.len() == columns.len()) else {
        return Err(wrong(format!(
            "via = {via:?} of table {}: it leads to no key of that table",
            table.name
        )));
    };
    indexed(beside, &columns)?;
    let member = member(request, root, beside, &columns)?;
    Ok(By::Links { links: links.to_owned(), columns, keys, member })
}

/// It is asked for the members of every row.
fn indexed(links: &Table, columns: &[String]) -> Result<(), OpsError> {
    let leads = |keys: &[String]| {
        keys.len() >= columns.len() && columns.iter().all(|column| keys[..columns.len()].contains(column))
    };
    let by_key = links.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => leads(&key.columns),
        _ => false,
    });
    let by_index = links.indexes.iter().any(|index| {
        let keys: Vec<String> = index.keys.iter().map_while(|key| key.column.clone()).collect();
        index.predicate.is_none() && leads(&keys)
    });
    if by_key || by_index {
        return Ok(());
    }
    let columns = columns.join(", ");
    Err(refused(
        format!(
            "table {} has no index that starts with {columns}, and it is asked for each row's members",
            links.name
        ),
        format!("CREATE INDEX CONCURRENTLY ON {} ({columns})", links.name),
    ))
}

/// The column of the table beside it that holds a tenant.
fn member(request: &Convert, root: &TenantTable, links: &Table, own: &[String]) -> Result<String, OpsError> {
    let column = request.declaration.tenancy.column.as_str();
    if links.column(column).is_some() && !own.iter().any(|own| own == column) {
        return Ok(column.to_owned());
    }
    let declared = declared_via(request, &links.name).and_then(|via| via.split_once('.'));
    if let Some((parent, column)) = declared
        && parent == root.table
        && links.column(column).is_some()
    {
        return Ok(column.to_owned());
    }
    let mut ways = foreign_keys(links).filter(|key| key.target == root.table && key.columns.len() == 1);
    match (ways.next(), ways.next()) {
        (Some(only), None) => Ok(only.columns[0].clone()),
        _ => Err(refused(
            format!("which column of {} holds the tenant can't be told", links.name),
            format!("declare it: {} = {{ kind = \"tenant\", via = \"{}.column\" }}", links.name, root.table),
        )),
    }
}

fn by_column(plain: &Model, request: &Convert, table: &Table, column: &str) -> Result<By, OpsError> {
    if table.column(column).is_none() {
        return Err(refused(
            format!("via = {column:?} of table {}: it has no such column", table.name),
            "name a column of the table (0 or null: everybody), or \"links.column\" of the table that says with whom it is shared",
        ));
    }
    let kinds = check(plain, &request.declaration).tables;
    let is_tenant = |name: &str| kinds.iter().any(|one| one.table == name && one.kind == Some(Kind::Tenant));
    for constraint in &table.constraints {
        let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
        if key.columns == [column] && is_tenant(&key.target) {
            return Err(refused(
                format!(
                    "{} of {} refers to {}, a tenant table: a row that several see can't",
                    constraint.name, table.name, key.target
                ),
                format!(
                    "the scope takes its place: ALTER TABLE {} DROP CONSTRAINT {}",
                    table.name, constraint.name
                ),
            ));
        }
    }
    Ok(By::Column(column.to_owned()))
}

/// A cast to the type of tenants. What is compared and sorted must be so as `tenancy.scope_for` does it.
pub(super) fn as_tenant(expression: &str, value_type: TenantType) -> String {
    match value_type {
        TenantType::Text => format!("({expression}::text COLLATE \"default\")"),
        other => format!("{expression}::{}", other.as_sql()),
    }
}

impl Shared {
    /// Who sees a row, as a sorted array: an expression over the row `row`.
    pub(super) fn members(&self, row: &str, value_type: TenantType) -> Result<String, OpsError> {
        let (links, columns, keys, member) = match &self.by {
            By::Links { links, columns, keys, member } => (links, columns, keys, member),
            By::Column(column) => {
                let own = as_tenant(&format!("{row}.{}", SqlIdent::new(column.clone())?), value_type);
                return Ok(format!("ARRAY[{own}]"));
            }
            By::One => return Ok("NULL".to_owned()),
        };
        let member = as_tenant(&format!("m.{}", SqlIdent::new(member.clone())?), value_type);
        let links = SqlIdent::new(links.clone())?;
        let on = pairs("m", columns, row, keys)?;
        Ok(format!(
            "ARRAY(SELECT DISTINCT {member} FROM public.{links} m WHERE {on} AND {member} IS NOT NULL ORDER BY 1)"
        ))
    }

    /// The number of the scope of the row `row`; null where there is none (yet).
    pub(super) fn scope(&self, row: &str, value_type: TenantType) -> Result<String, OpsError> {
        match &self.by {
            By::One => Ok("NULL::bigint".to_owned()),
            By::Column(column) => {
                let column = format!("{row}.{}", SqlIdent::new(column.clone())?);
                let own = as_tenant(&column, value_type);
                Ok(format!(
                    "CASE WHEN coalesce({column}::text, '0') IN ('0', '') THEN 0::bigint
                          ELSE (SELECT s.own FROM tenancy.tenant_scopes s WHERE s.tenant = {own}) END"
                ))
            }
            By::Links { .. } => {
                let members = self.members(row, value_type)?;
                Ok(format!(
                    "(SELECT s.id FROM tenancy.scopes s WHERE s.hash = tenancy.scope_hash({members}))"
                ))
            }
        }
    }

    /// What says with whom rows are shared, for people.
    pub(super) fn way(&self) -> String {
        match &self.by {
            By::Column(column) => format!("by the column {column}"),
            By::Links { links, .. } => format!("by {links}"),
            By::One => "by the one tenant".to_owned(),
        }
    }

    fn note(&self) -> Option<String> {
        match &self.by {
            By::Column(column) => Some(format!(
                "{}.{column} is left in place; from enforcing on, scope_id alone says who sees a row of {}",
                self.table, self.table
            )),
            By::Links { links, .. } => Some(format!(
                "table {links} is left in place; from enforcing on, scope_id alone says who sees a row of {}",
                self.table
            )),
            By::One => None,
        }
    }
}

/// What stays behind, for the report.
pub(super) fn notes(shared: &[Shared]) -> impl Iterator<Item = String> {
    shared.iter().filter_map(Shared::note)
}
