//! `policy-several-permissive`: one permissive policy per command and role; what must always hold is RESTRICTIVE.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-several-permissive",
    severity: Severity::Warning,
    about: "One permissive policy per command and role; what must always hold is RESTRICTIVE.",
    docs: Docs {
        why: "Several permissive policies are joined by OR, so that each new one can only widen what is seen; \
              whoever adds one rarely has the others in mind. Each also costs at every row.",
        before: "CREATE POLICY second ON memos TO app_user USING (tenant_id = ctx.tenant() AND id > 0);",
        after: "CREATE POLICY second ON memos AS RESTRICTIVE TO app_user USING (id > 0);",
        ignore: "Where policies for different roles are kept apart on purpose.",
    },
    sql: include_str!("policy_several_permissive.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
