//! `policy-open`: no permissive policy of a tenant table lets rows be read without asking for the tenant, unless a
//! restrictive policy asks for it anyway.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-open",
    severity: Severity::Error,
    about: "No permissive policy of a tenant table lets rows be read without asking for the tenant, unless a \
          restrictive policy asks for it anyway.",
    docs: Docs {
        why: r#"Permissive policies are added up with OR: one `USING (true)`, one `is_admin()`, one "public rows" policy beside the tenant's opens the table to every tenant. A RESTRICTIVE policy is added with AND, whatever else is there."#,
        before: "CREATE POLICY everything ON memos FOR SELECT TO app_user USING (true);",
        after: "CREATE POLICY mine ON memos FOR SELECT TO app_user USING (tenant_id = ctx.tenant() AND body <> '');",
        ignore: "A policy for a role that is meant to see all tenants (reports, support), and that the application \
              cannot become.",
    },
    sql: include_str!("policy_open.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
