//! `grant-temporary`: the application's role may make no temporary tables.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-temporary",
    severity: Severity::Warning,
    about: "The application's role may make no temporary tables.",
    docs: Docs {
        why: "A temporary table shadows the real one of the same name for the rest of the session: behind a pooler \
              the next tenant reads and writes it. pg_temp is also searched first for types and relations of \
              functions without a search_path of their own.",
        before: "GRANT TEMPORARY ON DATABASE {{database}} TO PUBLIC;",
        after: "REVOKE TEMPORARY ON DATABASE {{database}} FROM PUBLIC;",
        ignore: "Where every tenant has connections of its own, or the pooler runs DISCARD ALL between any two \
              clients.",
    },
    sql: include_str!("grant_temporary.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 3, ..Fixing::QUIET },
};
