//! `row-security-off`: row-level security is enabled on every table whose rows belong to tenants.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "row-security-off",
    severity: Severity::Error,
    about: "Row-level security is enabled on every table whose rows belong to tenants.",
    docs: Docs {
        why: "A policy on a table whose row-level security is off does nothing, and a table without any is read \
              whole by everybody who may read it at all. It is the most frequent way in which isolation is \
              silently missing: a new table, a restored one, a migration that forgot a line.",
        before: "ALTER TABLE notes DISABLE ROW LEVEL SECURITY;",
        after: "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;",
        ignore: "A table that the application's role has no privilege on.",
    },
    sql: include_str!("row_security_off.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
