//! `policy-setting`: a policy that reads a setting bears its being missing or empty.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-setting",
    severity: Severity::Warning,
    about: "A policy that reads a setting bears its being missing or empty.",
    docs: Docs {
        why: "`current_setting('app.tenant_id')` raises where the setting was never made. After RESET, DISCARD ALL \
              or a rolled-back SET LOCAL it is not missing but an empty text, and `''::bigint` raises as well: \
              errors where no rows were meant, at the worst time (behind a pooler, in the next request).",
        before: "ALTER POLICY tenant ON memos USING (tenant_id = current_setting('app.tenant_id')::bigint);",
        after: "ALTER POLICY tenant ON memos USING (tenant_id = nullif(current_setting('app.tenant_id', true), \
              '')::bigint);",
        ignore: "",
    },
    sql: include_str!("policy_setting.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
