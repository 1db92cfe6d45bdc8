//! `role-owns-tables`: the application's role owns no table.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "role-owns-tables",
    severity: Severity::Error,
    about: "The application's role owns no table.",
    docs: Docs {
        why: "An owner may disable row-level security, drop policies and grant privileges, and is bound by \
              policies only where they are forced. One SQL injection as the owner is enough.",
        before: "ALTER TABLE notes OWNER TO app_user;",
        after: "ALTER TABLE notes OWNER TO app_owner;",
        ignore: "",
    },
    sql: include_str!("role_owns_tables.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 30, ..Fixing::TABLE },
};
