//! `tenant-column-nullable`: the tenant column is NOT NULL.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "tenant-column-nullable",
    severity: Severity::Error,
    about: "The tenant column is NOT NULL.",
    docs: Docs {
        why: "A row without a tenant belongs to nobody: no tenant sees it, nothing moves or erases it. With a \
              policy that compares loosely it belongs to everybody.",
        before: "CREATE TABLE loose (id bigint PRIMARY KEY, tenant_id bigint);",
        after: "CREATE TABLE loose (id bigint NOT NULL, tenant_id bigint NOT NULL, PRIMARY KEY (tenant_id, id));",
        ignore: "Rows that are meant for all tenants: better a global table, or scopes.",
    },
    sql: include_str!("tenant_column_nullable.sql"),
    scope: Scope::Database,
    fixing: Fixing::SCAN,
};
