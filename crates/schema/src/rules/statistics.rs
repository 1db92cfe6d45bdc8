//! `statistics`: what the planner knows of columns that go together.

use super::{Case, Rule, SHARED};
use crate::check::{Remedy, Severity};
use crate::model::Model;
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct ExtendedStatistics;

impl Rule for ExtendedStatistics {
    fn id(&self) -> &'static str {
        "statistics"
    }

    fn about(&self) -> &'static str {
        "Extended statistics of a shared tenant table describe the rows of all tenants together. Every query also asks for the \
         tenant, so they tell more with the tenant column among their columns."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "The planner multiplies the selectivity of the tenant with what the statistics say of the other columns. Where \
                  tenants differ (one has all its orders in one city), the estimate is wrong for all of them. The object is \
                  kept as it is, because more columns cost more at ANALYZE, and only a person knows whether it pays.",
            before: "CREATE TABLE addresses (id bigint PRIMARY KEY, city text, zip text);\n\
                     CREATE STATISTICS city_zip (dependencies) ON city, zip FROM addresses;",
            after: "CREATE TABLE addresses (id bigint PRIMARY KEY, city text, zip text, tenant_id bigint);\n\
                    CREATE STATISTICS city_zip (dependencies) ON tenant_id, city, zip FROM addresses;",
            ignore: "Where tenants are alike in these columns.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let tenant = case.column().to_owned();
        for table in model.tables.iter().filter(|table| !table.is_partition()) {
            if !case.is_tenant(table) {
                continue;
            }
            for statistics in &table.statistics {
                if !names_column(&statistics.definition, &tenant) {
                    case.note(
                        format!("statistics {} on {}", statistics.name, table.name),
                        "they describe the rows of all tenants together",
                        format!("where tenants differ, adopt {tenant} in the plain schema and add it to their columns"),
                    );
                }
            }
        }
    }
}

/// Whether the list between ON and FROM names the column.
fn names_column(definition: &str, column: &str) -> bool {
    let list = definition.split_once(" ON ").map_or(definition, |(_, rest)| rest);
    let list = list.rsplit_once(" FROM ").map_or(list, |(list, _)| list);
    list.split(',').any(|item| item.trim().trim_matches('"') == column)
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const SQL: &str = "CREATE TABLE t (tenant_id bigint, a int, b int); CREATE STATISTICS s ON a, b FROM t;";

    #[test]
    fn statistics_without_the_tenant() {
        hits(
            &ExtendedStatistics,
            SQL,
            "",
            &["note: statistics s on t: they describe the rows of all tenants together"],
        );
    }

    #[test]
    fn statistics_with_the_tenant_and_of_global_tables() {
        misses(&ExtendedStatistics, SQL, "[tables]\nt = \"global\"");
        misses(
            &ExtendedStatistics,
            "CREATE TABLE t (tenant_id bigint, a int); CREATE STATISTICS s ON tenant_id, a FROM t",
            "",
        );
    }
}
