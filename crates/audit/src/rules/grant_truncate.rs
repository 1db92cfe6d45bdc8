//! `grant-truncate`: the application's role has no TRUNCATE on tenants' tables.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-truncate",
    severity: Severity::Error,
    about: "The application's role has no TRUNCATE on tenants' tables.",
    docs: Docs {
        why: "TRUNCATE knows no row-level security: it empties the table for every tenant.",
        before: "GRANT TRUNCATE ON notes TO app_user;",
        after: "GRANT DELETE ON notes TO app_user;",
        ignore: "",
    },
    sql: include_str!("grant_truncate.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 2, ..Fixing::QUIET },
};
