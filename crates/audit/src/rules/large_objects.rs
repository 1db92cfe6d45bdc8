//! `large-objects`: tenants' files are not large objects.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "large-objects",
    severity: Severity::Warning,
    about: "Tenants' files are not large objects.",
    docs: Docs {
        why: "Large objects have an owner and privileges, but no row-level security: every tenant behind the same \
              role can list, read and delete all of them. They are also left behind when rows are erased.",
        before: "SELECT lo_create(0);",
        after: "SELECT 1;",
        ignore: "",
    },
    sql: include_str!("large_objects.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
