//! `policy-or`: every branch of a policy's OR asks for the tenant.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-or",
    severity: Severity::Warning,
    about: "Every branch of a policy's OR asks for the tenant.",
    docs: Docs {
        why: "`tenant_id = … OR is_public`, `… OR is_admin()`: the second branch shows rows of all tenants to \
              everybody for whom it is true. It also keeps the planner from using the index on the tenant column.",
        before: "ALTER POLICY tenant ON memos USING (tenant_id = ctx.tenant() OR body = 'public');",
        after: "ALTER POLICY tenant ON memos USING (tenant_id = ctx.tenant() AND (body = 'public' OR body <> ''));",
        ignore: "Where rows are meant to be seen by all tenants. A table of their own, or scopes, make that visible.",
    },
    sql: include_str!("policy_or.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
