//! The kind of every table: said by its comment, declared, or guessed from its columns and references.

use super::{Ask, Found, Listed, usual_keys};
use crate::AuditError;
use crate::error::Doing;
use std::collections::BTreeMap;
use tenantry_core::SqlIdent;
use tenantry_schema::{Declaration, Kind, TableEntry, TenantType, Unnamed, guess};
use tokio_postgres::Transaction;

const TABLES: &str = include_str!("tables.sql");

/// A row of tables.sql.
#[derive(Debug)]
pub(super) struct TableRow {
    pub(super) oid: i64,
    pub(super) schema: String,
    pub(super) name: String,
    marker: Option<String>,
    parent: i64,
    refers: Vec<i64>,
    /// Columns that may be the tenant's, in their order.
    columns: Vec<String>,
    /// Columns that policies look at.
    in_policies: Vec<String>,
}

/// Most telling first: what people call the column that says whose a row is.
const USUAL: &[&str] = &[
    "tenant_id",
    "organization_id",
    "organisation_id",
    "org_id",
    "account_id",
    "workspace_id",
    "company_id",
    "tenant_uuid",
    "organization_uuid",
    "org_uuid",
    "account_uuid",
    "workspace_uuid",
    "tenantid",
    "orgid",
    "tenant_key",
    "tenant",
    "organization",
    "org",
    "workspace",
    "company",
    "team_id",
    "customer_id",
    "merchant_id",
    "shop_id",
    "store_id",
    "site_id",
    "school_id",
    "clinic_id",
    "client_id",
];

pub(super) async fn rows(tx: &Transaction<'_>, ask: &Ask) -> Result<Vec<TableRow>, AuditError> {
    let named = ask
        .tenant_column
        .as_ref()
        .or(ask.declaration.as_ref().map(|declaration| &declaration.tenancy.column))
        .map_or("", SqlIdent::as_str);
    let rows = tx.query(TABLES, &[&named]).await.doing("listing the tables")?;
    Ok(rows
        .iter()
        .map(|row| TableRow {
            oid: row.get(0),
            schema: row.get(1),
            name: row.get(2),
            marker: row.get(3),
            parent: row.get(4),
            refers: row.get(5),
            columns: row.get(6),
            in_policies: row.get(7),
        })
        .collect())
}

/// Tenantry's own: the comment says it, and what was declared wins.
pub(super) fn of_ours(found: &mut Found, ask: &Ask, rows: &[TableRow]) {
    if ask.declaration.is_none() {
        let column = ask.tenant_column.clone().or_else(|| filled_in(found));
        if let Some(column) = column {
            found.declaration.tenancy.column = column;
        }
        if let Some(keys) = keys(found) {
            found.declaration.tenancy.keys = keys;
        }
        for row in rows {
            let kind = match row.marker.as_deref() {
                Some("global") => Kind::Global,
                Some("scoped") => Kind::Scoped,
                _ => continue,
            };
            if row.parent == 0 {
                found.declaration.tables.insert(row.name.clone(), TableEntry::Kind(kind));
            }
        }
    }
    let column = found.declaration.tenancy.column.as_str().to_owned();
    let here: Vec<&TableRow> = rows.iter().filter(|row| is_in(found, row)).collect();
    for row in here {
        let declared = found.declaration.tables.get(root(rows, row)).map(TableEntry::kind);
        let kind = match (declared, row.marker.as_deref()) {
            (Some(Kind::Global), _) | (None, Some("global")) => "global",
            (Some(Kind::Scoped), _) | (None, Some("scoped")) => "scoped",
            _ => "tenant",
        };
        let tenant = row.columns.contains(&column).then(|| column.clone());
        found.tables.push(Listed { schema: row.schema.clone(), name: row.name.clone(), kind, tenant });
    }
}

/// The column that the tenant context fills in.
fn filled_in(found: &Found) -> Option<SqlIdent> {
    let models = found.spaces.iter().filter_map(|space| space.facts.as_ref());
    let mut columns = models.flat_map(|model| &model.tables).flat_map(|table| &table.columns);
    let column = columns.find(|column| column.default.as_deref() == Some("tenancy.tenant_id()"))?;
    SqlIdent::new(column.name.clone()).ok()
}

fn keys(found: &Found) -> Option<tenantry_schema::Keys> {
    let column = found.declaration.tenancy.column.as_str();
    let model = found.spaces.iter().find_map(|space| space.facts.as_ref())?;
    Some(usual_keys(model, column))
}

/// Somebody else's: tables with the tenant column are tenant tables; what a foreign key leads from to one of them belongs
/// to a tenant as well.
pub(super) fn of_others(found: &mut Found, ask: &Ask, rows: &[TableRow]) {
    let rows: Vec<&TableRow> = rows.iter().filter(|row| is_in(found, row)).collect();
    let guessed = if ask.declaration.is_none() { guessed(found) } else { None };
    if let Some(declaration) = guessed {
        found.declaration = declaration;
    }
    found.declaration.tenancy.default = Unnamed::Tenant;
    let named = ask
        .tenant_column
        .clone()
        .or_else(|| main_column(&found.declaration, &rows, ask.declaration.is_some()));
    let Some(column) = named else {
        found.has_column = false;
        for row in rows {
            found.tables.push(Listed {
                schema: row.schema.clone(),
                name: row.name.clone(),
                kind: "global",
                tenant: None,
            });
        }
        return;
    };
    found.declaration.tenancy.column = column.clone();
    if let Some(value_type) = type_of(found, column.as_str()) {
        found.declaration.tenancy.value_type = value_type;
    }
    if ask.declaration.is_none()
        && let Some(keys) = keys(found)
    {
        found.declaration.tenancy.keys = keys;
    }
    let owned: BTreeMap<i64, Option<String>> =
        rows.iter().map(|row| (row.oid, own_column(row, column.as_str()))).collect();
    let mut belongs: BTreeMap<i64, bool> =
        owned.iter().map(|(oid, column)| (*oid, column.is_some())).collect();
    // Along foreign keys and from a partition to its parent, until nothing new is found.
    for _ in 0..rows.len() {
        let mut changed = false;
        for row in &rows {
            let declared_global = declared(found, row) == Some(Kind::Global);
            let leads = row.refers.iter().chain([&row.parent]).any(|to| belongs.get(to) == Some(&true));
            if leads && !declared_global && belongs.get(&row.oid) == Some(&false) {
                changed = belongs.insert(row.oid, true) == Some(false);
            }
        }
        if !changed {
            break;
        }
    }
    for row in rows {
        let tenant = owned.get(&row.oid).cloned().flatten();
        let kind = match (declared(found, row), &tenant, belongs.get(&row.oid)) {
            (Some(Kind::Global), ..) => "global",
            (_, Some(_), _) => "tenant",
            (Some(Kind::Tenant), ..) | (_, _, Some(true)) => "derived",
            _ => "global",
        };
        found.tables.push(Listed { schema: row.schema.clone(), name: row.name.clone(), kind, tenant });
    }
}

fn declared(found: &Found, row: &TableRow) -> Option<Kind> {
    found.declaration.tables.get(&row.name).map(TableEntry::kind)
}

/// What the schema engine guesses of the largest schema, if its column is there at all.
fn guessed(found: &Found) -> Option<Declaration> {
    let models = found.spaces.iter().filter_map(|space| space.facts.as_ref());
    let model = models.max_by_key(|model| model.tables.len())?;
    let mut declaration = guess::guess(model).declaration;
    // A guess that a unique is meant over all tenants must not keep it from being told.
    declaration.unique.clear();
    let column = declaration.tenancy.column.as_str();
    let there = model.tables.iter().any(|table| table.column(column).is_some());
    there.then_some(declaration)
}

/// The declared or guessed column if a table has it; else the one that policies look at most; else the usual name that
/// most tables have.
fn main_column(declaration: &Declaration, rows: &[&TableRow], was_declared: bool) -> Option<SqlIdent> {
    let wanted = &declaration.tenancy.column;
    if was_declared || rows.iter().any(|row| row.columns.iter().any(|column| column == wanted.as_str())) {
        return Some(wanted.clone());
    }
    let most = |lists: &mut dyn Iterator<Item = &str>| -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for column in lists {
            *counts.entry(column).or_default() += 1;
        }
        let rank = |name: &str| USUAL.iter().position(|usual| *usual == name).unwrap_or(USUAL.len());
        counts
            .into_iter()
            .max_by_key(|(name, count)| (*count, USUAL.len() - rank(name)))
            .map(|(name, _)| name.to_owned())
    };
    let in_policies = most(&mut rows.iter().flat_map(|row| row.in_policies.iter().map(String::as_str)));
    let usual = || {
        most(
            &mut rows
                .iter()
                .flat_map(|row| row.columns.iter().map(String::as_str))
                .filter(|name| USUAL.contains(name)),
        )
    };
    in_policies.or_else(usual).and_then(|name| SqlIdent::new(name).ok())
}

/// The table's own tenant column: the usual one of this database, or another whose name says as much and that its
/// policies look at.
fn own_column(row: &TableRow, main: &str) -> Option<String> {
    if row.columns.iter().any(|column| column == main) || row.in_policies.iter().any(|column| column == main)
    {
        return Some(main.to_owned());
    }
    row.in_policies.iter().find(|column| row.columns.contains(column)).cloned()
}

fn type_of(found: &Found, column: &str) -> Option<TenantType> {
    let models = found.spaces.iter().filter_map(|space| space.facts.as_ref());
    let mut types = models.flat_map(|model| &model.tables).filter_map(|table| table.column(column));
    match types.next()?.type_name.as_str() {
        "uuid" => Some(TenantType::Uuid),
        "text" => Some(TenantType::Text),
        _ => Some(TenantType::Bigint),
    }
}

fn is_in(found: &Found, row: &TableRow) -> bool {
    found.spaces.iter().any(|space| space.name == row.schema)
}

fn root<'a>(rows: &'a [TableRow], row: &'a TableRow) -> &'a str {
    let mut row = row;
    // Bounded by the number of tables.
    for _ in 0..rows.len() {
        match rows.iter().find(|other| other.oid == row.parent) {
            Some(parent) => row = parent,
            None => break,
        }
    }
    &row.name
}
