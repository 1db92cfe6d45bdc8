//! The scope column, and the keys and indexes that take it in.

use super::COLUMN;
use crate::declaration::split_unique;
use crate::model::{Column, ConstraintKind, Index, IndexKey, Model, Table};
use crate::rules::unique::lead_index;
use crate::rules::{Case, lead, same_columns};

const OWN: &str = "tenancy.own_scope()";

pub(super) fn add(table: &mut Table, case: &mut Case<'_>) {
    let place = format!("{}.{COLUMN}", table.name);
    if table.column(case.column()).is_some() {
        case.warning(
            format!("{}.{}", table.name, case.column()),
            "a scoped table has the tenant column",
            "the scope says whose the row is; leave the column out, or declare the table \"tenant\"",
        );
    }
    let Some(column) = table.columns.iter_mut().find(|column| column.name == COLUMN) else {
        table.columns.push(Column {
            name: COLUMN.to_owned(),
            type_name: "bigint".to_owned(),
            not_null: true,
            default: Some(OWN.to_owned()),
            ..Column::default()
        });
        return case.change(place, "the scope column is added");
    };
    if column.type_name != "bigint" || column.generated.is_some() || column.identity.is_some() {
        return case.error(
            place,
            "a scoped table has a column of this name that is no plain bigint",
            "rename it: Tenantry needs the name for the row's scope",
        );
    }
    if !column.not_null || column.default.as_deref() != Some(OWN) {
        column.not_null = true;
        column.default = Some(OWN.to_owned());
        case.change(place, "the column becomes NOT NULL, with the tenant's own scope as its default");
    }
}

/// Uniques and exclusions hold within a scope. The primary key stays: ids come from one sequence.
pub(super) fn keys(table: &mut Table, btree_gist: bool, case: &mut Case<'_>) {
    let global = declared_global(case, &table.name);
    let name = table.name.clone();
    let mut added = false;
    for constraint in &mut table.constraints {
        let place = format!("{} on {name}", constraint.name);
        match &mut constraint.kind {
            ConstraintKind::Unique(key)
                if !global.iter().any(|columns| same_columns(columns, &key.columns))
                    && !key.columns.iter().any(|column| column == COLUMN) =>
            {
                lead(&mut key.columns, COLUMN);
                key.include.retain(|column| column != COLUMN);
                case.change(place, format!("the unique constraint becomes ({})", key.columns.join(", ")));
                added = true;
            }
            ConstraintKind::Exclusion(exclusion)
                if !exclusion.keys.iter().any(|key| key.column.as_deref() == Some(COLUMN)) =>
            {
                if exclusion.method == "gist" && !btree_gist {
                    case.error(
                        place,
                        "the scope column can't take part in it without the extension btree_gist",
                        "add CREATE EXTENSION btree_gist to the schema",
                    );
                } else {
                    exclusion.keys.insert(0, IndexKey::of_column(COLUMN));
                    exclusion.operators.insert(0, "=".to_owned());
                    case.change(place, format!("the constraint starts with {COLUMN} WITH ="));
                }
            }
            _ => {}
        }
    }
    for index in table.indexes.iter_mut().filter(|index| index.unique && !has_scope(index)) {
        let columns: Vec<String> = index.keys.iter().filter_map(|key| key.column.clone()).collect();
        if columns.len() < index.keys.len() || !global.iter().any(|declared| same_columns(declared, &columns))
        {
            lead_index(index, COLUMN);
            case.change(format!("{} on {name}", index.name), format!("the unique index is led by {COLUMN}"));
            added = true;
        }
    }
    if added && table.primary_key().is_some() {
        case.note(
            &name,
            "its ids are unique over all tenants: an INSERT that names one learns whether it is taken",
            "let the database make the ids (an identity column, gen_random_uuid())",
        );
    }
}

pub(super) fn declared_global(case: &Case<'_>, table: &str) -> Vec<Vec<String>> {
    let keys = case.declaration.unique.keys().filter_map(|key| split_unique(key));
    keys.filter(|(name, _)| *name == table)
        .map(|(_, columns)| columns.into_iter().map(ToOwned::to_owned).collect())
        .collect()
}

fn has_scope(index: &Index) -> bool {
    index.keys.iter().any(|key| key.column.as_deref() == Some(COLUMN))
}

/// Both ways: few scopes with many rows are served by `(scope_id, x)`, many scopes in the order of x by `(x, scope_id)`, in
/// which 18 tests the array inside the index (0.07 ms against 0.3 ms for twenty rows of 1,000 scopes).
pub(super) fn indexes(model: &mut Model, at: usize, case: &mut Case<'_>) {
    let table = model.tables[at].name.clone();
    for position in 0..model.tables[at].indexes.len() {
        let index = &mut model.tables[at].indexes[position];
        if index.unique || index.method != "btree" {
            continue;
        }
        if !has_scope(index) {
            lead_index(index, COLUMN);
            case.change(format!("{} on {table}", index.name), format!("the index is led by {COLUMN}"));
        }
        add_other_way(model, at, position, case);
    }
    if !leads(&model.tables[at]) {
        let name = case.fresh_name(model, &table, &[COLUMN.to_owned()], "idx");
        case.change(format!("{name} on {table}"), format!("an index on {COLUMN} is added"));
        push(
            model,
            at,
            Index {
                name,
                method: "btree".to_owned(),
                keys: vec![IndexKey::of_column(COLUMN)],
                ..Index::default()
            },
        );
    }
    model.tables[at].indexes.sort_by(|a, b| a.name.cmp(&b.name));
}

fn leads(table: &Table) -> bool {
    let by_index = table
        .indexes
        .iter()
        .any(|index| index.keys.first().is_some_and(|key| key.column.as_deref() == Some(COLUMN)));
    by_index
        || table.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::Unique(key) => key.columns.first().is_some_and(|column| column == COLUMN),
            _ => false,
        })
}

fn add_other_way(model: &mut Model, at: usize, position: usize, case: &mut Case<'_>) {
    let index = &model.tables[at].indexes[position];
    let Some((first, rest)) = index.keys.split_first() else { return };
    if first.column.as_deref() != Some(COLUMN) || rest.is_empty() {
        return;
    }
    let mut keys = rest.to_vec();
    keys.push(first.clone());
    let same = |other: &Index| other.keys == keys && other.predicate == index.predicate;
    if model.tables[at].indexes.iter().any(same) {
        return;
    }
    let columns: Vec<String> =
        keys.iter().map(|key| key.column.clone().unwrap_or_else(|| "expr".to_owned())).collect();
    let table = model.tables[at].name.clone();
    let name = case.fresh_name(model, &table, &columns, "idx");
    case.change(format!("{name} on {table}"), format!("an index ({}) is added", columns.join(", ")));
    let other =
        Index { name, keys, comment: None, replica_identity: false, clustered: false, ..index.clone() };
    push(model, at, other);
}

/// At the end: positions still to come stay what they are. The caller sorts.
fn push(model: &mut Model, at: usize, index: Index) {
    model.tables[at].indexes.push(index);
}
