//! `table`: what kinds of tables there are, and what of them shared tables can't keep.

use super::row_security::FLOOR;
use super::{ALL, Case, MARKER, Rule};
use crate::check::{Remedy, Severity};
use crate::model::{Model, Table};
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Tables;

impl Rule for Tables {
    fn id(&self) -> &'static str {
        "table"
    }

    fn about(&self) -> &'static str {
        "Tables are plain, partitioned, partitions, or children by INHERITS. A child is a table of its own: keys, policies and \
         grants are not inherited, so it gets its own, and it is of its parent's kind. Grants of the plain schema are replaced \
         by Tenantry's."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A query of a parent reads its children's rows past their policies, under its own alone, and the tenant column \
                  comes from the parent. So one of them can't be global while the other is a tenant's.",
            before: "CREATE TABLE places (id bigint PRIMARY KEY, name text);\n\
                     CREATE TABLE cities (mayor text) INHERITS (places);\n\
                     -- tenantry.toml\n\
                     [tables]\n\
                     cities = \"global\"",
            after: "CREATE TABLE places (id bigint PRIMARY KEY, name text);\n\
                    CREATE TABLE cities (mayor text) INHERITS (places);\n\
                    -- tenantry.toml\n\
                    [tables]\n\
                    places = \"global\"",
            ignore: "The note about grants, once you know what the application's role gets.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for child in model.tables.iter().filter(|table| !table.inherits.is_empty()) {
            out_of_order(model, child, case);
        }
        for table in &mut model.tables {
            if case.tenancy == TenancyModel::Shared && table.of.take().is_some() {
                // It could not have the tenant column otherwise.
                case.change(&table.name, "the table no longer is OF a type: its columns are written out");
            }
            for parent in &table.inherits {
                let kinds = (case.kind(&table.name), case.kind(parent));
                if let (Some(own), Some(theirs)) = kinds
                    && own != theirs
                {
                    case.error(
                        &table.name,
                        format!("it is {own}, but inherits from {parent}, which is {theirs}"),
                        format!(
                            "declare {parent} alone: children follow it; or make {} a table by itself",
                            table.name
                        ),
                    );
                }
            }
            looked_after(table, case);
            let ours = table.comment.as_deref().is_some_and(|comment| comment.contains(MARKER));
            if table.has_grants && !ours {
                case.note(
                    &table.name,
                    "the grants of the plain schema are not kept",
                    "the application's role gets SELECT, INSERT, UPDATE and DELETE on tenant tables",
                );
            }
        }
    }
}

/// CREATE TABLE … INHERITS would put its columns into another order, on which statements without a list of columns rest. So it
/// is created with all of them and inherits afterwards, which makes the inherited ones its own as well.
fn out_of_order(model: &Model, child: &Table, case: &mut Case<'_>) {
    let order = super::tenant_column::order(model, child);
    let has_inherited = child.columns.iter().any(|column| column.inherited);
    if has_inherited && !order.iter().eq(child.columns.iter().map(|column| &column.name)) {
        case.note(
            &child.name,
            "its columns stand in an order that INHERITS does not give: they are kept in it, and become its own",
            "a column that is dropped from the parent later must be dropped here too; or let the plain schema create the child \
             after the parent has all its columns",
        );
    }
}

/// What the database makes by itself is not compiled, so that must not be said of anything else.
fn looked_after(table: &Table, case: &mut Case<'_>) {
    let Some(of) = table.looked_after_for() else { return };
    let has_floor = table.policies.iter().any(|policy| policy.name == FLOOR);
    if case.tenancy != TenancyModel::Shared || !has_floor {
        case.error(
            &table.name,
            format!("its comment says that Tenantry made it for the partitions of {of}, which is not so"),
            "take the line out of the comment: the table would be left out",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{compiles_to, hits, misses};
    use super::*;

    const FAMILY: &str =
        "CREATE TABLE p (id bigint PRIMARY KEY, a int); CREATE TABLE c (b int) INHERITS (p);";

    #[test]
    fn children_are_of_their_parents_kind() {
        misses(&Tables, FAMILY, "");
        misses(&Tables, FAMILY, "[tables]\np = \"global\"");
        let other = |own: &str, theirs: &str| {
            format!("error: c: it is {own}, but inherits from p, which is {theirs}")
        };
        hits(&Tables, FAMILY, "[tables]\nc = \"global\"", &[&other("global", "tenant")]);
        hits(&Tables, FAMILY, "[tables]\np = \"global\"\nc = \"tenant\"", &[&other("tenant", "global")]);
    }

    #[test]
    fn children_get_the_column_from_their_parent_and_a_floor_of_their_own() {
        compiles_to(FAMILY, "", "CREATE TABLE c (b integer) INHERITS (p)");
        compiles_to(FAMILY, "", "CREATE POLICY tenantry_floor ON c AS RESTRICTIVE");
    }

    #[test]
    fn children_whose_columns_come_in_another_order() {
        let sql = format!("{FAMILY} ALTER TABLE p ADD COLUMN late int");
        let note = "note: c: its columns stand in an order that INHERITS does not give: they are kept in it, and become its own";
        hits(&Tables, &sql, "", &[note]);
        compiles_to(
            &sql,
            "",
            "CREATE TABLE c (id bigint NOT NULL, a integer, b integer, late integer, tenant_id",
        );
        compiles_to(&sql, "", "ALTER TABLE c INHERIT p");
        // Columns of its own, in whatever order, are no parent's.
        misses(
            &Tables,
            &format!("{FAMILY} CREATE TABLE o (b int, a int, id bigint NOT NULL); ALTER TABLE o INHERIT p"),
            "",
        );
    }

    #[test]
    fn tables_of_a_type_have_their_columns_written_out() {
        let sql = "CREATE TYPE pair AS (a int, b text); CREATE TABLE t OF pair (PRIMARY KEY (a));";
        hits(&Tables, sql, "", &["change: t: the table no longer is OF a type: its columns are written out"]);
        compiles_to(sql, "", "CREATE TABLE t (a integer NOT NULL, b text, tenant_id");
    }

    #[test]
    fn what_a_comment_can_not_say() {
        let sql = "CREATE TABLE t (id bigint); COMMENT ON TABLE t IS 'tenantry:partition=of u'; CREATE TABLE u (id bigint)";
        let error =
            "error: t: its comment says that Tenantry made it for the partitions of u, which is not so";
        hits(&Tables, sql, "", &[error]);
        misses(&Tables, "CREATE TABLE t (id bigint); COMMENT ON TABLE t IS 'of u'", "");
    }

    #[test]
    fn grants_are_replaced() {
        let sql = "CREATE TABLE t (id bigint); GRANT SELECT ON t TO PUBLIC";
        hits(&Tables, sql, "", &["note: t: the grants of the plain schema are not kept"]);
        misses(&Tables, "CREATE TABLE t (id bigint)", "");
    }
}
