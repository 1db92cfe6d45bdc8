//! `tenant-column-default`: the tenant column's default is the tenant context, or none.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "tenant-column-default",
    severity: Severity::Error,
    about: "The tenant column's default is the tenant context, or none.",
    docs: Docs {
        why: "A constant default gives what a forgetful statement writes to one tenant, who then reads it.",
        before: "CREATE TABLE presumed (tenant_id bigint NOT NULL DEFAULT 1, id bigint NOT NULL, PRIMARY KEY \
              (tenant_id, id));",
        after: "CREATE TABLE presumed (tenant_id bigint NOT NULL DEFAULT ctx.tenant(), id bigint NOT NULL, PRIMARY \
              KEY (tenant_id, id));",
        ignore: "",
    },
    sql: include_str!("tenant_column_default.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
