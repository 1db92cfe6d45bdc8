//! `grant-public`: pUBLIC has no privileges on the product's tables, views and sequences.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-public",
    severity: Severity::Warning,
    about: "PUBLIC has no privileges on the product's tables, views and sequences.",
    docs: Docs {
        why: "PUBLIC is every role of the server, those of other products included, and those that are made \
              tomorrow.",
        before: "GRANT SELECT ON notes TO PUBLIC;",
        after: "GRANT SELECT ON notes TO app_user;",
        ignore: "",
    },
    sql: include_str!("grant_public.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 2, ..Fixing::QUIET },
};
