//! From a row to its tenant: by which column and which parent, for every tenant table. Parents come before children.

use super::{Convert, TenantTable, Tenants, refused, words};
use crate::OpsError;
use std::collections::{BTreeMap, BTreeSet};
use tenantry_core::SqlIdent;
use tenantry_schema::model::{ConstraintKind, ForeignKey, Table};
use tenantry_schema::{Kind, Model, TableEntry, check};

/// Where a table's rows get their tenant from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) table: String,
    pub(crate) from: From,
    /// The tenant column was there before.
    pub(crate) adopted: bool,
}

/// The way to the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum From {
    /// The table that lists the tenants: its own id.
    Own(String),
    /// The same, where its own key is a word, and gets a number.
    Word(String),
    /// This column of its own holds a tenant's id: it refers to the table that lists them, which all tenants share.
    Refers(String),
    /// Its parent's tenant: `columns` of the table are `keys` of the parent.
    Parent { parent: String, columns: Vec<String>, keys: Vec<String> },
    /// The tenant column has been there, and nothing else leads to a tenant.
    Column,
    /// All rows are one tenant's.
    One,
}

/// How names of tables that list tenants usually end.
const USUAL: [&str; 10] = [
    "tenants",
    "accounts",
    "organizations",
    "organisations",
    "companies",
    "workspaces",
    "teams",
    "customers",
    "shops",
    "orgs",
];

/// Every tenant table with its source, in the order in which rows can be filled in.
pub(crate) fn sources(plain: &Model, request: &Convert) -> Result<Vec<Source>, OpsError> {
    let tenant_tables = tenant_tables(plain, request)?;
    let column = request.declaration.tenancy.column.as_str();
    let mut sources = Vec::new();
    for table in &tenant_tables {
        let adopted = table.column(column).is_some();
        let from = match &request.tenants {
            Tenants::One(_) => From::One,
            Tenants::Table(root) => {
                let from = way(plain, request, root, &tenant_tables, table)?;
                let is_shared = tenant_tables.iter().all(|table| table.name != root.table);
                if is_shared { past_root(plain, request, root, from)? } else { from }
            }
        };
        sources.push(Source { table: table.name.clone(), from, adopted });
    }
    in_order(sources)
}

/// Tenant tables, without partitions. What has no kind, or a kind that can't be converted, is refused here.
fn tenant_tables<'a>(plain: &'a Model, request: &Convert) -> Result<Vec<&'a Table>, OpsError> {
    let mut tables = Vec::new();
    for classified in check(plain, &request.declaration).tables {
        let Some(table) = plain.table(&classified.table).filter(|table| !table.is_partition()) else {
            continue;
        };
        match classified.kind {
            Some(Kind::Tenant) => tables.push(table),
            Some(Kind::Global | Kind::Scoped) => {}
            None => {
                return Err(refused(
                    format!("table {} is not classified", table.name),
                    format!("add it to [tables]: {} = \"tenant\" or \"global\"", table.name),
                ));
            }
        }
    }
    Ok(tables)
}

/// The one column that is the primary key of the table that lists the tenants.
pub(crate) fn root_key(plain: &Model, root: &TenantTable) -> Result<String, OpsError> {
    let Some(table) = plain.table(&root.table) else {
        return Err(refused(
            format!("there is no table {:?} that could list the tenants", root.table),
            likely(plain),
        ));
    };
    match table.primary_key().map(|key| key.columns.as_slice()) {
        Some([only]) => Ok(only.clone()),
        _ => Err(refused(
            format!("table {} lists the tenants, but has no primary key of one column", root.table),
            "give it one: its values become the tenants' ids",
        )),
    }
}

/// The column of that table that holds what tenants' rows hold: its key, or the tenant column beside words.
pub(crate) fn root_value(plain: &Model, request: &Convert, root: &TenantTable) -> Result<SqlIdent, OpsError> {
    if words::mapped(plain, request)? {
        return Ok(request.declaration.tenancy.column.clone());
    }
    Ok(SqlIdent::new(root_key(plain, root)?)?)
}

/// `own` row's columns are `other` row's keys: a condition.
pub(super) fn pairs(own: &str, columns: &[String], other: &str, keys: &[String]) -> Result<String, OpsError> {
    let pairs: Result<Vec<String>, OpsError> = columns
        .iter()
        .zip(keys)
        .map(|(column, key)| {
            Ok(format!("{own}.{} = {other}.{}", SqlIdent::new(column.clone())?, SqlIdent::new(key.clone())?))
        })
        .collect();
    Ok(pairs?.join(" AND "))
}

/// A hint that names tables which look as if they listed tenants.
pub(crate) fn likely(plain: &Model) -> String {
    let looks = |name: &&str| USUAL.iter().any(|usual| name.ends_with(usual));
    let names: Vec<&str> = plain.tables.iter().map(|table| table.name.as_str()).filter(looks).collect();
    match names.as_slice() {
        [] => {
            "say which table lists the tenants: --tenants TABLE, or --tenant KEY if all rows are one tenant's"
                .to_owned()
        }
        names => format!("it looks as if it were {}: say so with --tenants", names.join(" or ")),
    }
}

pub(super) fn foreign_keys(table: &Table) -> impl Iterator<Item = &ForeignKey> {
    table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some(key),
        _ => None,
    })
}

fn way(
    plain: &Model,
    request: &Convert,
    root: &TenantTable,
    tables: &[&Table],
    table: &Table,
) -> Result<From, OpsError> {
    let column = request.declaration.tenancy.column.as_str();
    if table.name == root.table {
        let key = root_key(plain, root)?;
        return Ok(if words::mapped(plain, request)? { From::Word(key) } else { From::Own(key) });
    }
    if let Some(via) = declared_via(request, &table.name) {
        return by_via(plain, root, table, via);
    }
    let distances = distances(plain, root, tables);
    let reaches = |key: &&ForeignKey| key.target != table.name && distances.contains_key(key.target.as_str());
    let mut ways: Vec<&ForeignKey> = foreign_keys(table).filter(reaches).collect();
    // A column that is there and refers to the tenants' table is the way, whatever else there is.
    if let Some(direct) = ways.iter().find(|key| key.columns == [column]) {
        return Ok(parent(direct));
    }
    if table.column(column).is_some() {
        ways.sort_by_key(|key| distances.get(key.target.as_str()).copied());
        return Ok(ways.first().map_or(From::Column, |nearest| parent(nearest)));
    }
    let nullable = |key: &ForeignKey| {
        key.columns.iter().any(|name| table.column(name).is_some_and(|column| !column.not_null))
    };
    let rank = |key: &ForeignKey| (nullable(key), distances.get(key.target.as_str()).copied());
    ways.sort_by_key(|key| rank(key));
    match ways.as_slice() {
        [] => Err(refused(
            format!("nothing leads from table {} to a tenant", table.name),
            format!(
                "declare the way ({} = {{ kind = \"tenant\", via = \"parent.column\" }}), or declare it \"global\"",
                table.name
            ),
        )),
        [first, second, ..] if rank(first) == rank(second) && first.columns != second.columns => {
            let choices: Vec<String> = ways
                .iter()
                .filter(|key| rank(key) == rank(first))
                .map(|key| format!("via = \"{}.{}\"", key.target, key.columns.join(",")))
                .collect();
            Err(refused(
                format!("several ways lead from table {} to a tenant", table.name),
                format!("declare one of them: {}", choices.join(", ")),
            ))
        }
        [first, ..] => Ok(parent(first)),
    }
}

/// A table of tenants that is itself global has no tenant column to ask: what refers to its rows holds the tenant's id.
fn past_root(plain: &Model, request: &Convert, root: &TenantTable, from: From) -> Result<From, OpsError> {
    let From::Parent { parent, columns, keys } = &from else { return Ok(from) };
    if *parent != root.table {
        return Ok(from);
    }
    if words::mapped(plain, request)? {
        return Err(refused(
            format!(
                "table {parent} lists the tenants by words and is global: it can't say which number is which word"
            ),
            format!("declare it {parent} = \"tenant\": each tenant then sees its own row of it"),
        ));
    }
    match (columns.as_slice(), keys.as_slice()) {
        ([own], [key]) if *key == root_key(plain, root)? => {
            let adopted = own == request.declaration.tenancy.column.as_str();
            Ok(if adopted { From::Column } else { From::Refers(own.clone()) })
        }
        _ => Err(refused(
            format!("{} of {parent} is not its primary key, and {parent} is global", keys.join(", ")),
            format!("declare it {parent} = \"tenant\", or refer to its primary key"),
        )),
    }
}

fn parent(key: &ForeignKey) -> From {
    From::Parent {
        parent: key.target.clone(),
        columns: key.columns.clone(),
        keys: key.target_columns.clone(),
    }
}

pub(super) fn declared_via<'a>(request: &'a Convert, table: &str) -> Option<&'a str> {
    match request.declaration.tables.get(table)? {
        TableEntry::Detailed(details) => details.via.as_deref(),
        TableEntry::Kind(_) => None,
    }
}

/// `parent.column`: where a foreign key goes from that column, its target; else the parent's primary key.
fn by_via(plain: &Model, root: &TenantTable, table: &Table, via: &str) -> Result<From, OpsError> {
    let wrong = |message: String| refused(message, "write it as \"parent.column\": a column of this table");
    let Some((name, column)) = via.split_once('.') else {
        return Err(wrong(format!("via = {via:?} of table {} is not a path", table.name)));
    };
    let columns: Vec<String> = column.split(',').map(|column| column.trim().to_owned()).collect();
    if let Some(key) = foreign_keys(table).find(|key| key.target == name && key.columns == columns) {
        return Ok(parent(key));
    }
    let keys = plain.table(name).and_then(|parent| parent.primary_key()).map(|key| key.columns.clone());
    match keys {
        Some(keys) if keys.len() == columns.len() => {
            Ok(From::Parent { parent: name.to_owned(), columns, keys })
        }
        _ => Err(wrong(format!(
            "via = {via:?} of table {} leads to no key of {name} (the tenants are in {})",
            table.name, root.table
        ))),
    }
}

/// How many references every tenant table is away from the tenants.
fn distances<'a>(plain: &'a Model, root: &'a TenantTable, tables: &[&'a Table]) -> BTreeMap<&'a str, usize> {
    let mut known = BTreeMap::from([(root.table.as_str(), 0)]);
    for distance in 1..=plain.tables.len() {
        let near: Vec<&str> = tables
            .iter()
            .filter(|table| !known.contains_key(table.name.as_str()))
            .filter(|table| foreign_keys(table).any(|key| known.contains_key(key.target.as_str())))
            .map(|table| table.name.as_str())
            .collect();
        if near.is_empty() {
            break;
        }
        known.extend(near.into_iter().map(|name| (name, distance)));
    }
    known
}

/// Parents before children; a circle has no beginning.
fn in_order(mut open: Vec<Source>) -> Result<Vec<Source>, OpsError> {
    let mut ordered: Vec<Source> = Vec::new();
    while !open.is_empty() {
        let done: BTreeSet<&str> = ordered.iter().map(|source| source.table.as_str()).collect();
        let ready = open.iter().position(|source| match &source.from {
            From::Parent { parent, .. } => done.contains(parent.as_str()),
            _ => true,
        });
        let Some(ready) = ready else {
            let names: Vec<&str> = open.iter().map(|source| source.table.as_str()).collect();
            return Err(refused(
                format!(
                    "these tables get their tenant from each other, or from a table without one: {}",
                    names.join(", ")
                ),
                "declare another way for one of them: via = \"parent.column\"",
            ));
        };
        ordered.push(open.remove(ready));
    }
    Ok(ordered)
}
