//! `application-role`: the application connects as a role of its own, that owns nothing and bypasses nothing.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "application-role",
    severity: Severity::Warning,
    about: "The application connects as a role of its own, that owns nothing and bypasses nothing.",
    docs: Docs {
        why: "Superusers, owners and roles with BYPASSRLS are not bound by row-level security (owners: unless it \
              is forced). If the application is one of them, every policy is decoration. A role that nobody found \
              may not exist.",
        before: "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM app_user;",
        after: "GRANT SELECT ON notes TO app_user;",
        ignore: "",
    },
    sql: include_str!("application_role.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
