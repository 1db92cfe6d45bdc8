//! `policy-by-role`: policies tell tenants apart by a context, not by the name of the role.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-by-role",
    severity: Severity::Warning,
    about: "Policies tell tenants apart by a context, not by the name of the role.",
    docs: Docs {
        why: "A role per tenant that is switched with SET ROLE is no boundary: RESET ROLE always works. A policy \
              for each tenant's role makes every statement slower with every tenant, and creating ten thousand of \
              them took two minutes. Roles are also what several security fixes of PostgreSQL's plan cache were \
              about.",
        before: "ALTER POLICY tenant ON memos USING (tenant_id = ctx.tenant() AND body = CURRENT_USER);",
        after: "ALTER POLICY tenant ON memos USING (tenant_id = ctx.tenant());",
        ignore: "A login role for each tenant, each with connections of its own.",
    },
    sql: include_str!("policy_by_role.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
