//! `marker`: a database describes itself.

use super::{ALL, Case, Rule};
use crate::check::{Remedy, Severity};
use crate::model::Model;
use crate::rules::Docs;
use tenantry_core::TenancyModel;

/// How the marker's line of a table's comment starts.
pub const MARKER: &str = "tenantry:kind=";

#[derive(Debug)]
pub(super) struct Marker;

impl Rule for Marker {
    fn id(&self) -> &'static str {
        "marker"
    }

    fn about(&self) -> &'static str {
        "The comment of every table has a line that says its kind, so that operations and audits can tell without the \
         declaration. The rest of the comment is kept."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "Erase, backup, move and audit take their list of tables from the database itself. Where it says what \
                  each table is, no copy of the declaration can be out of date.",
            before: "CREATE TABLE notes (id bigint PRIMARY KEY);",
            after: "COMMENT ON TABLE notes IS 'tenantry:kind=tenant'",
            ignore: "",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for table in &mut model.tables {
            let Some(kind) = case.kind(&table.name) else { continue };
            let marker = format!("{MARKER}{kind}");
            // Where it stands does not matter: another rule may have written a line behind it.
            let said = table.comment.iter().flat_map(|comment| comment.lines());
            if said.filter(|line| line.starts_with(MARKER)).eq([marker.as_str()]) {
                continue;
            }
            let kept = table.comment.iter().flat_map(|comment| comment.lines());
            let mut lines: Vec<&str> = kept.filter(|line| !line.starts_with(MARKER)).collect();
            lines.push(&marker);
            let comment = lines.join("\n");
            table.comment = Some(comment);
            case.change(&table.name, format!("the comment says {marker}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    #[test]
    fn every_table_says_its_kind_and_keeps_its_comment() {
        let sql = "CREATE TABLE t (id bigint); COMMENT ON TABLE t IS 'notes'; CREATE TABLE g (id bigint)";
        let expected = [
            "change: t: the comment says tenantry:kind=tenant",
            "change: g: the comment says tenantry:kind=global",
        ];
        hits(&Marker, sql, "[tables]\ng = \"global\"", &expected);
        super::super::lab::compiles_to(sql, "", "COMMENT ON TABLE t IS 'notes tenantry:kind=tenant'");
    }

    #[test]
    fn tables_that_say_it_already() {
        misses(&Marker, "CREATE TABLE t (id bigint); COMMENT ON TABLE t IS 'tenantry:kind=tenant'", "");
    }
}
