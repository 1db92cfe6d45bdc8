//! `rows-of-nobody`: every row of a tenant table has a tenant.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "rows-of-nobody",
    severity: Severity::Error,
    about: "Every row of a tenant table has a tenant.",
    docs: Docs {
        why: "Rows without a tenant are what a nullable column and a forgotten context leave behind: invisible to \
              every tenant, never moved, never erased.",
        before: "CREATE TABLE loose (id bigint PRIMARY KEY, tenant_id bigint); INSERT INTO loose VALUES (1, NULL);",
        after: "CREATE TABLE loose (id bigint PRIMARY KEY, tenant_id bigint); INSERT INTO loose VALUES (1, 1);",
        ignore: "",
    },
    sql: include_str!("rows_of_nobody.sql"),
    scope: Scope::Data,
    fixing: Fixing::QUIET,
};
