//! `policy-command-gap`: what the application may do by its privileges, some policy lets it do.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-command-gap",
    severity: Severity::Note,
    about: "What the application may do by its privileges, some policy lets it do.",
    docs: Docs {
        why: "Where only SELECT has a policy, INSERT fails with an error that looks like a bug, and UPDATE and \
              DELETE do nothing, without any error.",
        before: "DROP POLICY tenant ON memos; CREATE POLICY reading ON memos FOR SELECT TO app_user USING (tenant_id \
              = ctx.tenant());",
        after: "ALTER POLICY tenant ON memos TO app_user;",
        ignore: "Where the refusal is meant. Revoking the privilege says it better.",
    },
    sql: include_str!("policy_command_gap.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
