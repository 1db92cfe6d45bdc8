//! `sequence`: who may take numbers.

use super::{ALL, Case, Rule};
use crate::check::{Remedy, Severity};
use crate::model::{Column, Model};
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Sequences;

impl Rule for Sequences {
    fn id(&self) -> &'static str {
        "sequence"
    }

    fn about(&self) -> &'static str {
        "The application's role gets USAGE only on sequences that a column's default takes numbers from. Identity \
         columns need no grant. In shared tables a sequence serves all tenants, so gaps show other tenants' activity."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A grant on every sequence would let the application set it back, or take numbers of others.",
            before: "CREATE SEQUENCE plan_numbers;\n\
                     CREATE TABLE plans (id bigint PRIMARY KEY);\n\
                     -- tenantry.toml\n\
                     [tables]\n\
                     plans = \"global\"",
            after: "CREATE SEQUENCE plan_numbers;\n\
                    CREATE TABLE plans (id bigint PRIMARY KEY DEFAULT nextval('plan_numbers'));\n\
                    -- tenantry.toml\n\
                    [tables]\n\
                    plans = \"global\"",
            ignore: "The note: where ids that count over all tenants tell nothing that matters.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Warning, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for sequence in model.sequences.iter().filter(|sequence| !sequence.used_by_default) {
            case.warning(
                format!("sequence {}", sequence.name),
                "no default uses it, so the application's role gets no grant on it",
                "use it in a column's default, or make the column an identity",
            );
        }
        if case.tenancy == TenancyModel::Shared {
            numbered(model, case);
        }
    }
}

/// One note for all columns that are numbered: they are mostly all of the primary keys.
fn numbered(model: &Model, case: &mut Case<'_>) {
    let tables = model.tables.iter().filter(|table| case.is_tenant(table) && !table.is_partition());
    let columns: Vec<String> = tables
        .flat_map(|table| {
            let numbered = |column: &&Column| {
                column.identity.is_some()
                    || column.default.as_ref().is_some_and(|text| text.starts_with("nextval("))
            };
            table.columns.iter().filter(numbered).map(|column| format!("{}.{}", table.name, column.name))
        })
        .collect();
    if columns.is_empty() {
        return;
    }
    let shown = match columns.len() {
        0..=3 => columns.join(", "),
        many => format!("{}, {} and {} more", columns[0], columns[1], many - 2),
    };
    case.note(
        "sequences",
        format!("{shown} count over all tenants: gaps show others' activity"),
        "use uuid where that matters; moved tenants keep their numbers, and sequences are set past them",
    );
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    #[test]
    fn sequences_that_nothing_uses() {
        let free = "warning: sequence s: no default uses it, so the application's role gets no grant on it";
        hits(&Sequences, "CREATE SEQUENCE s", "", &[free]);
        misses(
            &Sequences,
            "CREATE SEQUENCE s; CREATE TABLE t (id bigint DEFAULT nextval('s'))",
            "[tables]\nt = \"global\"",
        );
    }

    #[test]
    fn numbers_that_count_over_all_tenants() {
        let note = |tables: &str| {
            format!("note: sequences: {tables} count over all tenants: gaps show others' activity")
        };
        hits(
            &Sequences,
            "CREATE TABLE a (id serial); CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY)",
            "",
            &[&note("a.id, b.id")],
        );
        misses(&Sequences, "CREATE TABLE t (id uuid DEFAULT gen_random_uuid())", "");
        misses(&Sequences, "CREATE TABLE t (id serial)", "[tables]\nt = \"global\"");
    }
}
