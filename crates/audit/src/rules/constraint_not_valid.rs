//! `constraint-not-valid`: constraints hold for the rows that are there: validated, and enforced.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "constraint-not-valid",
    severity: Severity::Warning,
    about: "Constraints hold for the rows that are there: validated, and enforced.",
    docs: Docs {
        why: "A foreign key or check that is NOT VALID (or, since 18, NOT ENFORCED) says nothing about older rows: \
              references to nothing or to another tenant may be among them.",
        before: "ALTER TABLE notes ADD CONSTRAINT short CHECK (length(body) < 100) NOT VALID;",
        after: "ALTER TABLE notes ADD CONSTRAINT short CHECK (length(body) < 100);",
        ignore: "",
    },
    sql: include_str!("constraint_not_valid.sql"),
    scope: Scope::Database,
    fixing: Fixing::SCAN,
};
