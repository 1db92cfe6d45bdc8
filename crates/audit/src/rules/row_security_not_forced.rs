//! `row-security-not-forced`: row-level security is forced, so that it binds the owner of the table too.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "row-security-not-forced",
    severity: Severity::Warning,
    about: "Row-level security is forced, so that it binds the owner of the table too.",
    docs: Docs {
        why: "Without FORCE the owner sees every row. So does every view and every SECURITY DEFINER function that \
              belongs to the owner, and every migration, script or background job that logs in as the owner.",
        before: "ALTER TABLE notes NO FORCE ROW LEVEL SECURITY;",
        after: "ALTER TABLE notes FORCE ROW LEVEL SECURITY;",
        ignore: "Where jobs of the owner have to see all tenants, and no role of the application can become the \
              owner.",
    },
    sql: include_str!("row_security_not_forced.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
