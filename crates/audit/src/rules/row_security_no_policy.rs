//! `row-security-no-policy`: a table with row-level security has a policy for the application's role.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "row-security-no-policy",
    severity: Severity::Note,
    about: "A table with row-level security has a policy for the application's role.",
    docs: Docs {
        why: "Row-level security without a policy refuses everything: the application sees an empty table and its \
              inserts fail. That is safe, and seldom meant.",
        before: "DROP POLICY tenant ON memos;",
        after: "ALTER POLICY tenant ON memos TO app_user;",
        ignore: "A table that only roles which bypass row-level security use.",
    },
    sql: include_str!("row_security_no_policy.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
