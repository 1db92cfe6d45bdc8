//! `tenant-column`: every tenant table says whose each row is.

use super::{ALL, Case, Rule, TENANT_ID};
use crate::check::{Remedy, Severity};
use crate::declaration::Kind;
use crate::model::{Column, Model, Table};
use crate::rules::Docs;
use std::collections::BTreeSet;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct TenantColumn;

impl Rule for TenantColumn {
    fn id(&self) -> &'static str {
        "tenant-column"
    }

    fn about(&self) -> &'static str {
        "A shared tenant table has the tenant column: last, of the declared type, NOT NULL, and filled in by the \
         tenant context. One that is there is adopted. Dedicated placements have it only if the plain schema has."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A row that does not say whose it is can't be isolated. The column is filled in by the context, so no \
                  statement has to name it, and what a statement says instead is refused by the floor.",
            before: "CREATE TABLE notes (id bigint PRIMARY KEY, body text);",
            after: "body text, tenant_id bigint DEFAULT tenancy.tenant_id() NOT NULL,",
            ignore: "The warning, where a global table has a column of that name for another reason.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let born = born(model);
        let mut added = BTreeSet::new();
        for table in &mut model.tables {
            let place = format!("{}.{}", table.name, case.column());
            let name = case.column().to_owned();
            let exists = table.column(&name).is_some();
            match (case.kind(&table.name), case.tenancy) {
                (Some(Kind::Tenant), TenancyModel::Shared) if exists => adopt(table, case, &name, &place),
                (Some(Kind::Tenant), TenancyModel::Shared) => {
                    table.columns.push(new_column(case, &name));
                    added.insert(table.name.clone());
                    case.change(place, "the tenant column is added");
                }
                (Some(Kind::Tenant), _) if exists => fill(table, case, &name, &place),
                (Some(Kind::Global), _) if exists => case.warning(
                    place,
                    "a global table has the tenant column",
                    format!(
                        "is {} really the same for every tenant? Otherwise declare it \"tenant\"",
                        table.name
                    ),
                ),
                _ => {}
            }
        }
        for child in born {
            let adds = added.contains(&child);
            inherit(model, &child, case, adds);
        }
        for column in model.tables.iter_mut().flat_map(|table| &mut table.columns) {
            // The parent's column is NOT NULL by now.
            if column.inherited && column.name == case.column() && case.tenancy == TenancyModel::Shared {
                column.not_null_inherited = true;
            }
        }
    }
}

/// The children by INHERITS whose columns stand as their parents' columns and their own follow each other, parents first. (The
/// others were made by ALTER TABLE … INHERIT; the column comes last there, too.)
fn born(model: &Model) -> Vec<String> {
    let mut open: Vec<&Table> = model.tables.iter().filter(|table| !table.inherits.is_empty()).collect();
    let mut born: Vec<String> = Vec::new();
    // At least one is taken in each round, or the rest are no trees.
    while !open.is_empty() {
        let waits = |table: &Table| {
            table.inherits.iter().any(|parent| open.iter().any(|other| other.name == *parent))
        };
        let (later, ready): (Vec<&Table>, Vec<&Table>) = open.iter().partition(|table| waits(table));
        if ready.is_empty() {
            break;
        }
        let in_order = |table: &&Table| {
            order(model, table).into_iter().eq(table.columns.iter().map(|column| column.name.clone()))
        };
        born.extend(ready.into_iter().filter(in_order).map(|table| table.name.clone()));
        open = later;
    }
    born
}

/// The order of columns that CREATE TABLE … INHERITS gives.
pub(super) fn order(model: &Model, table: &Table) -> Vec<String> {
    let parents = table.inherits.iter().filter_map(|parent| model.table(parent));
    let own = table.columns.iter().filter(|column| !column.inherited);
    let mut order: Vec<String> = Vec::new();
    for column in parents.flat_map(|parent| &parent.columns).chain(own) {
        if !order.contains(&column.name) {
            order.push(column.name.clone());
        }
    }
    order
}

/// The tenant column that was added to a child is its parent's, and stands where that puts it.
fn inherit(model: &mut Model, child: &str, case: &Case<'_>, added: bool) {
    let Some(at) = model.tables.iter().position(|table| table.name == child) else { return };
    let mut parents = model.tables[at].inherits.iter().filter_map(|parent| model.table(parent));
    let theirs = parents.any(|parent| parent.column(case.column()).is_some());
    if let Some(column) = model.tables[at].columns.iter_mut().find(|column| column.name == case.column()) {
        column.inherited |= added && theirs;
    }
    let order = order(model, &model.tables[at]);
    model.tables[at].columns.sort_by_key(|column| order.iter().position(|name| *name == column.name));
}

fn new_column(case: &Case<'_>, name: &str) -> Column {
    Column {
        name: name.to_owned(),
        type_name: case.declaration.tenancy.value_type.as_sql().to_owned(),
        not_null: true,
        default: Some(TENANT_ID.to_owned()),
        ..Column::default()
    }
}

fn adopt(table: &mut Table, case: &mut Case<'_>, name: &str, place: &str) {
    let wanted = case.declaration.tenancy.value_type.as_sql();
    let Some(column) = table.columns.iter_mut().find(|column| column.name == name) else { return };
    if column.type_name != wanted {
        return case.error(
            place,
            format!("the tenant column is {}, but [tenancy] type is {wanted}", column.type_name),
            "change the column's type, or declare another type or another column",
        );
    }
    if column.generated.is_some() || column.identity.is_some() {
        return case.error(
            place,
            "the tenant column is generated by the table itself",
            "make it a plain column: the tenant context fills it in",
        );
    }
    if column.collation.is_some() {
        case.warning(
            place,
            "the tenant column has a collation of its own",
            "drop it: tenants are compared as bytes",
        );
    }
    if !column.not_null {
        column.not_null = true;
        case.change(place, "the tenant column becomes NOT NULL");
    }
    if column.default.as_deref() != Some(TENANT_ID) {
        column.default = Some(TENANT_ID.to_owned());
        case.change(place, "the tenant column's default becomes the tenant context");
    }
}

/// Inserts that don't name the tenant work in dedicated placements too, so an adopted column is filled in there as well.
fn fill(table: &mut Table, case: &mut Case<'_>, name: &str, place: &str) {
    let Some(column) = table.columns.iter_mut().find(|column| column.name == name) else { return };
    let plain = column.generated.is_none() && column.identity.is_none();
    if plain && column.default.is_none() && column.type_name == case.declaration.tenancy.value_type.as_sql() {
        column.default = Some(TENANT_ID.to_owned());
        case.change(place, "the tenant column's default becomes the tenant context");
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const ADDED: &str = "change: t.tenant_id: the tenant column is added";

    #[test]
    fn the_column_is_added_or_adopted() {
        hits(&TenantColumn, "CREATE TABLE t (id bigint)", "", &[ADDED]);
        let adopted = "CREATE TABLE t (tenant_id bigint, id bigint)";
        let not_null = "change: t.tenant_id: the tenant column becomes NOT NULL";
        let filled = "change: t.tenant_id: the tenant column's default becomes the tenant context";
        hits(&TenantColumn, adopted, "", &[not_null, filled]);
    }

    #[test]
    fn columns_that_cant_be_the_tenants() {
        let other = "error: t.tenant_id: the tenant column is integer, but [tenancy] type is bigint";
        hits(&TenantColumn, "CREATE TABLE t (tenant_id int)", "", &[other]);
        let made = "error: t.tenant_id: the tenant column is generated by the table itself";
        hits(&TenantColumn, "CREATE TABLE t (tenant_id bigint GENERATED ALWAYS AS IDENTITY)", "", &[made]);
        let text = "[tenancy]\ntype = \"text\"";
        let collated = "CREATE TABLE t (tenant_id text COLLATE \"C\" NOT NULL)";
        let filled = "change: t.tenant_id: the tenant column's default becomes the tenant context";
        hits(
            &TenantColumn,
            collated,
            text,
            &["warning: t.tenant_id: the tenant column has a collation of its own", filled],
        );
    }

    #[test]
    fn children_get_it_from_their_parent_in_its_place() {
        let family = "CREATE TABLE t (a int); CREATE TABLE u (b int) INHERITS (t); CREATE TABLE v (c int) INHERITS (u)";
        hits(&TenantColumn, family, "", &[ADDED, &ADDED.replace("t.t", "u.t"), &ADDED.replace("t.t", "v.t")]);
        for version in tenantry_testkit::versions_for_tests() {
            let model = super::super::lab::plain(version, family);
            let floor = crate::Floor { context: tenantry_core::ContextKind::Carrier, tenant_value: None };
            let built =
                crate::reconcile(&model, &crate::Declaration::default(), TenancyModel::Shared, &floor).model;
            let order = |table: &str| {
                let columns = &built.table(table).unwrap().columns;
                columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(" ")
            };
            assert_eq!((order("u").as_str(), order("v").as_str()), ("a tenant_id b", "a tenant_id b c"));
        }
    }

    #[test]
    fn global_tables() {
        misses(&TenantColumn, "CREATE TABLE t (id bigint)", "[tables]\nt = \"global\"");
        let there = "warning: t.tenant_id: a global table has the tenant column";
        hits(&TenantColumn, "CREATE TABLE t (tenant_id bigint)", "[tables]\nt = \"global\"", &[there]);
    }
}
