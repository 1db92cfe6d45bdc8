//! Keys of a table that is to be partitioned: each must contain the partition column, or can't be kept.

use super::super::{Case, same_columns};
use crate::declaration::split_unique;
use crate::model::{ConstraintKind, Model, Table};

/// From 17 on, partitioned tables have exclusion constraints; from 18 on, foreign keys that are NOT VALID.
const EXCLUSIONS: u32 = 170_000;
const NOT_VALID: u32 = 180_000;

/// Refuses foreign keys to the table that don't bring the partition column along.
pub(super) fn targets(model: &Model, target: &str, column: &str, case: &mut Case<'_>) {
    if column == case.column() {
        // Tenant tables refer to it with the tenant anyway.
        return;
    }
    for table in &model.tables {
        for constraint in &table.constraints {
            let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
            if key.target != target
                || key.target_schema.is_some()
                || key.target_columns.iter().any(|name| name == column)
            {
                continue;
            }
            case.error(
                format!("{} on {}", constraint.name, table.name),
                format!("it refers to {target}, which is partitioned by {column}, without that column"),
                format!(
                    "give {} a column for {target}'s {column} and refer to ({}, {column}); or partition {target} by hash; \
                     or drop the constraint",
                    table.name,
                    key.target_columns.join(", ")
                ),
            );
        }
    }
}

/// The primary key takes the column in, at its end.
pub(super) fn primary_key(table: &mut Table, column: &str, case: &mut Case<'_>) {
    let name = table.name.clone();
    if column == case.column() {
        return;
    }
    for constraint in &mut table.constraints {
        let ConstraintKind::PrimaryKey(key) = &mut constraint.kind else { continue };
        if key.columns.iter().any(|known| known == column) {
            continue;
        }
        let plain = key.columns.join(", ");
        let end = key.columns.len() - usize::from(key.period);
        key.columns.insert(end, column.to_owned());
        key.include.retain(|included| included != column);
        let place = format!("{} on {name}", constraint.name);
        case.change(&place, format!("the primary key takes in {column}"));
        case.note(
            place,
            format!("({plain}) is unique for one {column} only, and ON CONFLICT ({plain}) has no constraint to go by"),
            format!("let the database make the ids, and name {column} in ON CONFLICT"),
        );
    }
}

/// A unique constraint or index without the column would hold within one partition only.
pub(super) fn uniques(table: &Table, column: &str, case: &mut Case<'_>) {
    let by_tenant = column == case.column();
    for constraint in &table.constraints {
        let ConstraintKind::Unique(key) = &constraint.kind else { continue };
        let has = key.columns.iter().any(|name| name == column);
        let becomes = by_tenant && !is_global(case, &table.name, &key.columns);
        if !has && !becomes {
            refuse(
                case,
                format!("{} on {}", constraint.name, table.name),
                "unique constraint",
                &key.columns,
                column,
            );
        }
    }
    for index in table.indexes.iter().filter(|index| index.unique) {
        let columns: Vec<String> = index.keys.iter().filter_map(|key| key.column.clone()).collect();
        let has = columns.iter().any(|name| name == column);
        let plain = columns.len() == index.keys.len();
        let becomes = by_tenant && !(plain && is_global(case, &table.name, &columns));
        if !has && !becomes {
            refuse(case, format!("{} on {}", index.name, table.name), "unique index", &columns, column);
        }
    }
}

fn refuse(case: &mut Case<'_>, place: String, what: &str, columns: &[String], column: &str) {
    if column == case.column() {
        return case.error(
            place,
            format!("a {what} over all tenants can't be on a table that is partitioned by tenant"),
            "move what is looked up before the tenant is known to a table of its own, or leave `partition` out",
        );
    }
    case.error(
        place,
        format!(
            "the {what} ({}) can't contain {column}, and would hold within one partition only",
            columns.join(", ")
        ),
        format!("add {column} to it if that is what you mean; or drop it; or partition by hash"),
    );
}

fn is_global(case: &Case<'_>, table: &str, columns: &[String]) -> bool {
    let declared = case.declaration.unique.keys().filter_map(|key| split_unique(key));
    declared.filter(|(name, _)| *name == table).any(|(_, names)| {
        let names: Vec<String> = names.into_iter().map(ToOwned::to_owned).collect();
        same_columns(&names, columns)
    })
}

/// An exclusion constraint must ask for the same partition, too.
pub(super) fn exclusions(table: &Table, column: &str, version: u32, case: &mut Case<'_>) {
    for constraint in &table.constraints {
        let ConstraintKind::Exclusion(exclusion) = &constraint.kind else { continue };
        let place = format!("{} on {}", constraint.name, table.name);
        if version < EXCLUSIONS {
            case.error(
                place,
                format!(
                    "exclusion constraints on partitioned tables take PostgreSQL 17; this is {}",
                    version / 10_000
                ),
                "leave `partition` out, or drop the constraint",
            );
            continue;
        }
        let mut pairs = exclusion.keys.iter().zip(&exclusion.operators);
        let has = pairs.any(|(key, operator)| key.column.as_deref() == Some(column) && operator == "=");
        if !has && column != case.column() {
            case.error(
                place,
                format!("it does not ask for the same {column}, so it would hold within one partition only"),
                "drop it, or partition by hash",
            );
        }
    }
}

/// Until 17, a partitioned table has no foreign key that is not validated. Its placement is new and empty anyway.
pub(super) fn foreign_keys(table: &mut Table, version: u32, case: &mut Case<'_>) {
    let name = table.name.clone();
    for constraint in &mut table.constraints {
        let ConstraintKind::ForeignKey(key) = &mut constraint.kind else { continue };
        if !key.validated && key.enforced && version < NOT_VALID {
            key.validated = true;
            case.change(
                format!("{} on {name}", constraint.name),
                "a partitioned table has no NOT VALID foreign key",
            );
        }
    }
}
