//! `unique`: a value is unique within its tenant, unless it was declared unique over all of them.

use super::{Case, Rule, SHARED, lead, same_columns};
use crate::check::{Remedy, Severity};
use crate::model::{ConstraintKind, Index, IndexKey, Model, Table};
use crate::rules::Docs;
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

    fn docs(&self) -> Docs {
        Docs {
            why: "A value that one tenant uses could not be used by another, and the refusal tells the second that \
                  somebody has it. With ON CONFLICT DO NOTHING it even tells so silently.",
            before: "CREATE TABLE users (id bigint PRIMARY KEY, email text, CONSTRAINT users_email_key UNIQUE (email));",
            after: "CONSTRAINT users_email_key UNIQUE (tenant_id, email)",
            ignore: "Don't: what is looked up before the tenant is known (a login's address, the hash of a token) is \
                     declared under [unique].",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for at in 0..model.tables.len() {
            if !case.is_tenant(&model.tables[at]) {
                continue;
            }
            let global = case.globally_unique(model.root(&model.tables[at].name)).to_vec();
            let table = &mut model.tables[at];
            constraints(table, &global, case);
            indexes(table, &global, case);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    #[test]
    fn constraints_and_indexes_are_led_by_the_tenant() {
        let sql = "CREATE TABLE t (a int, b int, CONSTRAINT c UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) DEFERRABLE);
            CREATE UNIQUE INDEX i ON t (lower(b::text)) WHERE a > 0";
        let expected = [
            "change: c on t: the unique constraint becomes (tenant_id, a)",
            "change: i on t: the unique index is led by tenant_id",
        ];
        hits(&Uniques, sql, "", &expected);
    }

    #[test]
    fn those_declared_global_and_those_that_have_the_tenant() {
        misses(
            &Uniques,
            "CREATE TABLE t (a int, b int, UNIQUE (b, a)); CREATE UNIQUE INDEX ON t (a)",
            "[unique]\n\"t.a, b\" = \"global\"\n\"t.a\" = \"global\"",
        );
        misses(&Uniques, "CREATE TABLE t (tenant_id bigint, a int, UNIQUE (tenant_id, a))", "");
        misses(&Uniques, "CREATE TABLE t (a int UNIQUE)", "[tables]\nt = \"global\"");
    }
}
