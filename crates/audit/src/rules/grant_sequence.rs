//! `grant-sequence`: the application cannot read how far sequences have come.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-sequence",
    severity: Severity::Note,
    about: "The application cannot read how far sequences have come.",
    docs: Docs {
        why: "`last_value` of a sequence that all tenants share tells how much all of them write, day by day. \
              Identity columns need no privilege at all; USAGE is enough for nextval.",
        before: "CREATE SEQUENCE ticket; GRANT SELECT ON SEQUENCE ticket TO app_user;",
        after: "CREATE SEQUENCE ticket; GRANT USAGE ON SEQUENCE ticket TO app_user;",
        ignore: "Where volumes are no secret.",
    },
    sql: include_str!("grant_sequence.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 3, ..Fixing::QUIET },
};
