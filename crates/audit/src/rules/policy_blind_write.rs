//! `policy-blind-write`: no permissive UPDATE or DELETE policy of a tenant table reaches rows without asking for the
//! tenant.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-blind-write",
    severity: Severity::Error,
    about: "No permissive UPDATE or DELETE policy of a tenant table reaches rows without asking for the tenant.",
    docs: Docs {
        why: "The policy for SELECT is added only if a statement reads columns: `UPDATE t SET state = 'x'` without \
              WHERE and RETURNING meets the UPDATE policy alone, and changes the rows of every tenant without \
              seeing one.",
        before: "CREATE POLICY write ON memos FOR UPDATE TO app_user USING (true) WITH CHECK (tenant_id = \
              ctx.tenant());",
        after: "CREATE POLICY write ON memos FOR UPDATE TO app_user USING (tenant_id = ctx.tenant());",
        ignore: "",
    },
    sql: include_str!("policy_blind_write.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
