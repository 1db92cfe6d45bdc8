//! `unique`: a value is unique within its tenant, unless it was declared unique over all of them.

use super::{Case, Rule, SHARED, lead, same_columns};
use crate::declaration::split_unique;
use crate::model::{ConstraintKind, Index, IndexKey, Model, Table};
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Uniques;

impl Rule for Uniques {
    fn id(&self) -> &'static str {
        "unique"
    }

    fn about(&self) -> &'static str {
        "Unique constraints and unique indexes of shared tenant tables start with the tenant column, so that two \
         tenants may use the same value and neither learns of the other's. Exceptions are declared under [unique]."
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for at in 0..model.tables.len() {
            if !case.is_tenant(&model.tables[at]) {
                continue;
            }
            let root = model.root(&model.tables[at].name).to_owned();
            let global: Vec<Vec<String>> = declared_global(case, &root);
            let table = &mut model.tables[at];
            constraints(table, &global, case);
            indexes(table, &global, case);
        }
    }
}

fn declared_global(case: &Case<'_>, table: &str) -> Vec<Vec<String>> {
    let keys = case.declaration.unique.keys().filter_map(|key| split_unique(key));
    keys.filter(|(name, _)| *name == table)
        .map(|(_, columns)| columns.into_iter().map(ToOwned::to_owned).collect())
        .collect()
}

fn constraints(table: &mut Table, global: &[Vec<String>], case: &mut Case<'_>) {
    let tenant = case.column().to_owned();
    for constraint in &mut table.constraints {
        let ConstraintKind::Unique(key) = &mut constraint.kind else { continue };
        if global.iter().any(|columns| same_columns(columns, &key.columns)) {
            continue;
        }
        if lead(&mut key.columns, &tenant) {
            let place = format!("{} on {}", constraint.name, table.name);
            case.change(place, format!("the unique constraint becomes ({})", key.columns.join(", ")));
        }
        key.include.retain(|column| *column != tenant);
    }
}

fn indexes(table: &mut Table, global: &[Vec<String>], case: &mut Case<'_>) {
    let tenant = case.column().to_owned();
    for index in table.indexes.iter_mut().filter(|index| index.unique) {
        let columns: Option<Vec<String>> = index.keys.iter().map(|key| key.column.clone()).collect();
        let is_global =
            columns.is_some_and(|columns| global.iter().any(|declared| same_columns(declared, &columns)));
        if !is_global && lead_index(index, &tenant) {
            case.change(
                format!("{} on {}", index.name, table.name),
                format!("the unique index is led by {tenant}"),
            );
        }
    }
}

/// Puts the tenant column first among an index's keys. False where it was there already.
pub(super) fn lead_index(index: &mut Index, tenant: &str) -> bool {
    let is_tenant = |key: &IndexKey| key.column.as_deref() == Some(tenant);
    if index.keys.first().is_some_and(is_tenant) {
        return false;
    }
    index.keys.retain(|key| !is_tenant(key));
    index.keys.insert(0, IndexKey::of_column(tenant));
    index.include.retain(|column| column != tenant);
    true
}
