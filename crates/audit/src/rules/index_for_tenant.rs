//! `index-for-tenant`: every tenant table has an index that starts with the tenant column.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "index-for-tenant",
    severity: Severity::Warning,
    about: "Every tenant table has an index that starts with the tenant column.",
    docs: Docs {
        why: "Row-level security adds `tenant_id = …` to every query. Without an index that begins with it, each \
              query of the smallest tenant reads the rows of all.",
        before: "CREATE TABLE slow (id bigint PRIMARY KEY, tenant_id bigint NOT NULL);",
        after: "CREATE TABLE slow (id bigint NOT NULL, tenant_id bigint NOT NULL, PRIMARY KEY (tenant_id, id));",
        ignore: "",
    },
    sql: include_str!("index_for_tenant.sql"),
    scope: Scope::Database,
    fixing: Fixing::CONCURRENT,
};
