//! `policy-casts-column`: a policy casts the context, not the column.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-casts-column",
    severity: Severity::Warning,
    about: "A policy casts the context, not the column.",
    docs: Docs {
        why: "`tenant_id::text = current_setting(…)` can use no index on `tenant_id`: every query of every tenant \
              reads the whole table.",
        before: "ALTER POLICY tenant ON memos USING (tenant_id::text = ctx.tenant()::text);",
        after: "ALTER POLICY tenant ON memos USING (tenant_id = ctx.tenant());",
        ignore: "",
    },
    sql: include_str!("policy_casts_column.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
