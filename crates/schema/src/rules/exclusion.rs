//! `exclusion`: rows of different tenants never exclude each other.

use super::{Case, Rule, SHARED};
use crate::check::{Remedy, Severity};
use crate::model::{ConstraintKind, Exclusion, IndexKey, Model};
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Exclusions;

impl Rule for Exclusions {
    fn id(&self) -> &'static str {
        "exclusion"
    }

    fn about(&self) -> &'static str {
        "An exclusion constraint of a shared tenant table first asks for the same tenant. For GiST that takes the \
         extension btree_gist."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "Without the tenant, a booking of one tenant keeps another one from booking, and tells it that the \
                  time is taken.",
            before: "CREATE EXTENSION btree_gist;\n\
                     CREATE TABLE bookings (\n\
                         id bigint PRIMARY KEY, room int, during tstzrange,\n\
                         CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&)\n\
                     );",
            after: "CONSTRAINT no_overlap EXCLUDE USING gist (tenant_id WITH =, room WITH =, during WITH &&)",
            ignore: "Never for a tenant table: declare the table \"global\" if its rows are everybody's.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let btree_gist = model.has_extension("btree_gist");
        let tenant = case.column().to_owned();
        for table in &mut model.tables {
            if !case.is_tenant(table) {
                continue;
            }
            for constraint in &mut table.constraints {
                let ConstraintKind::Exclusion(exclusion) = &mut constraint.kind else { continue };
                if has_tenant(exclusion, &tenant) {
                    continue;
                }
                let place = format!("{} on {}", constraint.name, table.name);
                match exclusion.method.as_str() {
                    "gist" if !btree_gist => case.error(
                        place,
                        "the tenant column can't take part in it without the extension btree_gist",
                        "add CREATE EXTENSION btree_gist to the schema",
                    ),
                    "gist" | "btree" => {
                        exclusion.keys.insert(0, IndexKey::of_column(&tenant));
                        exclusion.operators.insert(0, "=".to_owned());
                        case.change(place, format!("the constraint starts with {tenant} WITH ="));
                    }
                    method => case.error(
                        place,
                        format!(
                            "the tenant column can't be added to an exclusion constraint that uses {method}"
                        ),
                        "use gist",
                    ),
                }
            }
        }
    }
}

fn has_tenant(exclusion: &Exclusion, tenant: &str) -> bool {
    let mut pairs = exclusion.keys.iter().zip(&exclusion.operators);
    pairs.any(|(key, operator)| key.column.as_deref() == Some(tenant) && operator == "=")
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const BOOKINGS: &str = "CREATE TABLE t (id bigint PRIMARY KEY, during tstzrange, CONSTRAINT x EXCLUDE USING gist (during WITH &&));";

    #[test]
    fn the_tenant_comes_first_where_btree_gist_is_there() {
        hits(
            &Exclusions,
            BOOKINGS,
            "",
            &["error: x on t: the tenant column can't take part in it without the extension btree_gist"],
        );
        let with = format!("CREATE EXTENSION btree_gist; {BOOKINGS}");
        hits(&Exclusions, &with, "", &["change: x on t: the constraint starts with tenant_id WITH ="]);
    }

    #[test]
    fn methods_that_know_no_equality_of_tenants() {
        let sql =
            "CREATE TABLE t (id bigint PRIMARY KEY, p point, CONSTRAINT x EXCLUDE USING spgist (p WITH ~=));";
        let message = "the tenant column can't be added to an exclusion constraint that uses spgist";
        hits(&Exclusions, sql, "", &[&format!("error: x on t: {message}")]);
        let sql =
            "CREATE TABLE t (id bigint PRIMARY KEY, c text, CONSTRAINT x EXCLUDE USING hash (c WITH =));";
        hits(
            &Exclusions,
            sql,
            "",
            &["error: x on t: the tenant column can't be added to an exclusion constraint that uses hash"],
        );
        let sql =
            "CREATE TABLE t (id bigint PRIMARY KEY, c text, CONSTRAINT x EXCLUDE USING btree (c WITH =));";
        hits(&Exclusions, sql, "", &["change: x on t: the constraint starts with tenant_id WITH ="]);
    }

    #[test]
    fn global_tables_and_constraints_that_have_the_tenant() {
        misses(&Exclusions, BOOKINGS, "[tables]\nt = \"global\"");
        let sql = "CREATE EXTENSION btree_gist;
            CREATE TABLE t (tenant_id bigint, during tstzrange, EXCLUDE USING gist (during WITH &&, tenant_id WITH =))";
        misses(&Exclusions, sql, "");
    }
}
