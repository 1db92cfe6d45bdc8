//! `policy-without-check`: what a policy lets be written belongs to the writer's own tenant.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-without-check",
    severity: Severity::Error,
    about: "What a policy lets be written belongs to the writer's own tenant.",
    docs: Docs {
        why: "`WITH CHECK (true)`, an INSERT policy without WITH CHECK, or a check on something else plants rows \
              in other tenants: invoices, messages, memberships. Rows can be moved there as well, by an UPDATE of \
              the tenant column.",
        before: "CREATE POLICY plant ON memos FOR INSERT TO app_user WITH CHECK (true);",
        after: "CREATE POLICY plant ON memos FOR INSERT TO app_user WITH CHECK (tenant_id = ctx.tenant());",
        ignore: "",
    },
    sql: include_str!("policy_without_check.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
