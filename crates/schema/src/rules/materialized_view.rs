//! `materialized-view`: rows that row-level security does not reach.

use super::{Case, POOLED, Rule};
use crate::check::{Remedy, Severity};
use crate::model::Model;
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct MaterializedViews;

impl Rule for MaterializedViews {
    fn id(&self) -> &'static str {
        "materialized-view"
    }

    fn about(&self) -> &'static str {
        "Materialized views are kept in a database of a tenant's own. Where tenants share a database they are refused: row-level \
         security does not reach them."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "Whoever may read a materialized view reads all of it: in shared tables the rows of every tenant, and in the schema \
                  model those of every schema, because one role reads them all. It could not be filled either: REFRESH runs as \
                  the owner of the tables, and the floor binds the owner, who is inside no tenant.",
            before: "CREATE TABLE orders (id bigint PRIMARY KEY, day date, amount bigint);\n\
                     CREATE MATERIALIZED VIEW sales AS SELECT day, sum(amount) AS amount FROM orders GROUP BY day;",
            after: "CREATE TABLE orders (id bigint PRIMARY KEY, day date, amount bigint);\n\
                    CREATE VIEW sales AS SELECT day, sum(amount) AS amount FROM orders GROUP BY day;",
            ignore: "Errors can't be ignored.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        POOLED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let whose =
            if case.tenancy == TenancyModel::Shared { "every tenant's rows" } else { "every schema's" };
        for view in &model.materialized_views {
            case.error(
                format!("materialized view {}", view.name),
                format!("row-level security does not reach it: every tenant would read {whose}"),
                "make it a view; or a table (the tenant column and the floor come by themselves) that a job or a trigger fills for \
                 each tenant; or keep it, for tenants in databases of their own",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const SQL: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a int);";

    #[test]
    fn materialized_views_are_refused_where_tenants_share_a_database() {
        let sql = format!("{SQL} CREATE MATERIALIZED VIEW m AS SELECT a, count(*) FROM t GROUP BY a");
        let message =
            "error: materialized view m: row-level security does not reach it: every tenant would read";
        hits(
            &MaterializedViews,
            &sql,
            "",
            &[&format!("{message} every tenant's rows"), &format!("{message} every schema's")],
        );
    }

    #[test]
    fn views_are_not() {
        misses(
            &MaterializedViews,
            &format!("{SQL} CREATE VIEW v AS SELECT a, count(*) FROM t GROUP BY a"),
            "",
        );
    }
}
