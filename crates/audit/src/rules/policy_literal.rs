//! `policy-literal`: no tenant's id is written into a policy.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-literal",
    severity: Severity::Warning,
    about: "No tenant's id is written into a policy.",
    docs: Docs {
        why: "A constant in a policy (`tenant_id = 1`) gives one tenant, often the operator's own, what nobody \
              reviews any more; and a plan-time constant makes the policy the same for everybody.",
        before: "CREATE POLICY staff ON memos TO app_user USING (tenant_id = 1);",
        after: "CREATE POLICY staff ON memos AS RESTRICTIVE TO app_user USING (tenant_id = ctx.tenant());",
        ignore: "",
    },
    sql: include_str!("policy_literal.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
