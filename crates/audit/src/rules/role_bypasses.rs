//! `role-bypasses`: no role of the application is a superuser or has BYPASSRLS.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "role-bypasses",
    severity: Severity::Error,
    about: "No role of the application is a superuser or has BYPASSRLS.",
    docs: Docs {
        why: "Row-level security does not exist for such a role, forced or not.",
        before: "ALTER ROLE app_user BYPASSRLS;",
        after: "ALTER ROLE app_user NOBYPASSRLS;",
        ignore: "",
    },
    sql: include_str!("role_bypasses.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 1, ..Fixing::QUIET },
};
