//! `reference-copy`: what a database of its own holds of rows that are not its tenant's.

use super::{Case, Docs, Rule};
use crate::check::Severity;
use crate::declaration::Kind;
use crate::model::Model;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct ReferenceCopies;

/// The line of a table's comment that says that its rows are copied from the pool.
const COPY: &str = "tenantry:copy";

impl Rule for ReferenceCopies {
    fn id(&self) -> &'static str {
        "reference-copy"
    }

    fn about(&self) -> &'static str {
        "Databases of tenants' own hold copies of global tables, and of the rows of scoped tables that their tenant sees. The \
         application reads them; the operator keeps them up. Their comment says so."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "Foreign keys and joins don't reach another database, so the rows have to be there. A copy that anybody may write is \
                  no copy for long.",
            before: "CREATE TABLE countries (code text PRIMARY KEY);\n\
                     -- tenantry.toml\n\
                     [tables]\n\
                     countries = \"global\"",
            after: "COMMENT ON TABLE countries IS 'tenantry:copy tenantry:kind=global'",
            ignore: "",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        &[TenancyModel::Database]
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Note]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for table in &mut model.tables {
            let kind = case.kind(&table.name);
            if !matches!(kind, Some(Kind::Global | Kind::Scoped)) {
                continue;
            }
            // Where the line stands does not matter: another rule may have written one behind it.
            let has = table.comment.as_ref().is_some_and(|comment| comment.lines().any(|line| line == COPY));
            if !has {
                let mut lines: Vec<&str> = table.comment.iter().flat_map(|comment| comment.lines()).collect();
                lines.push(COPY);
                table.comment = Some(lines.join("\n"));
                case.change(
                    &table.name,
                    "in a database of its own it is a copy, which the application only reads",
                );
            }
            if kind == Some(Kind::Scoped) {
                case.note(
                    &table.name,
                    "in a database of its own a tenant reads the copy of this scoped table and writes no rows of its own scope",
                    "write them in the pool, or give tenants that write there another model",
                );
            }
        }
    }
}
