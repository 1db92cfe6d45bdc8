//! `two-phase`: prepared transactions are off.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "two-phase",
    severity: Severity::Warning,
    about: "Prepared transactions are off.",
    docs: Docs {
        why: "Any session of the same role can see, commit and roll back another tenant's prepared transaction; \
              one that is forgotten holds its locks and keeps vacuum from working.",
        before: "-- max_prepared_transactions = 10",
        after: "-- max_prepared_transactions = 0",
        ignore: "Where a transaction manager needs them and tenants do not share a role.",
    },
    sql: include_str!("two_phase.sql"),
    scope: Scope::Server,
    fixing: Fixing::QUIET,
};
