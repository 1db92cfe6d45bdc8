//! `policy-null-matches`: a missing context matches no row: policies compare with `=`.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-null-matches",
    severity: Severity::Error,
    about: "A missing context matches no row: policies compare with `=`.",
    docs: Docs {
        why: "`IS NOT DISTINCT FROM`, `COALESCE(tenant_id, …)` and `OR tenant_id IS NULL` match rows without a \
              tenant when the context is missing. And it will be: after RESET ALL or DISCARD ALL, or in a \
              background job.",
        before: "ALTER POLICY tenant ON memos USING (tenant_id IS NOT DISTINCT FROM ctx.tenant());",
        after: "ALTER POLICY tenant ON memos USING (tenant_id = ctx.tenant());",
        ignore: "",
    },
    sql: include_str!("policy_null_matches.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
