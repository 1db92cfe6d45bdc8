//! `context-forgeable`: the tenant context stands where no SQL of the application can write it.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "context-forgeable",
    severity: Severity::Error,
    about: "The tenant context stands where no SQL of the application can write it.",
    docs: Docs {
        why: "Any SQL can set a setting of one's own making (`app.tenant_id`): SET, SET LOCAL, set_config, a \
              function, the startup packet, and even a CTE of the very statement that then reads the other \
              tenant's rows. No privilege stops it. Such a policy protects from forgotten WHERE clauses, and from \
              nothing that somebody does on purpose: an SQL injection reads all tenants.",
        before: "ALTER POLICY tenant ON memos USING (tenant_id = nullif(current_setting('app.tenant_id', true), \
              '')::bigint);",
        after: "ALTER POLICY tenant ON memos USING (tenant_id = ctx.tenant());",
        ignore: "Where nobody but reviewed code writes SQL, every query is parameterised, and the policies are only a \
              second line.",
    },
    sql: include_str!("context_forgeable.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 30, ..Fixing::QUIET },
};
