//! `policy-no-floor`: one restrictive policy for everybody asks for the tenant, so that no later permissive policy can
//! open the table.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-no-floor",
    severity: Severity::Note,
    about: "One restrictive policy for everybody asks for the tenant, so that no later permissive policy can \
          open the table.",
    docs: Docs {
        why: "A permissive tenant policy holds only as long as it stays the only one. A restrictive floor `TO \
              PUBLIC` holds whatever is added later, for every role that does not bypass row-level security.",
        before: "DROP POLICY tenant_floor ON notes;",
        after: "CREATE POLICY tenant_floor ON memos AS RESTRICTIVE USING (tenant_id = ctx.tenant());",
        ignore: "Where policies are generated and nobody writes one by hand.",
    },
    sql: include_str!("policy_no_floor.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
