//! `grant-structure`: the application's role has no REFERENCES, TRIGGER or MAINTAIN on tenants' tables.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-structure",
    severity: Severity::Warning,
    about: "The application's role has no REFERENCES, TRIGGER or MAINTAIN on tenants' tables.",
    docs: Docs {
        why: "A trigger sees every row that anybody writes. A foreign key tells which keys exist, past row-level \
              security, and blocks other tenants' deletes. MAINTAIN locks the table for everybody.",
        before: "GRANT TRIGGER ON notes TO app_user;",
        after: "GRANT UPDATE ON notes TO app_user;",
        ignore: "",
    },
    sql: include_str!("grant_structure.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 2, ..Fixing::QUIET },
};
