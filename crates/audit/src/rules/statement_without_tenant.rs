//! `statement-without-tenant`: statements name the tenant themselves, besides the policy.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "statement-without-tenant",
    severity: Severity::Note,
    about: "Statements name the tenant themselves, besides the policy.",
    docs: Docs {
        why: "With `tenant_id = $1` in the query, partitions are pruned while planning, and estimates are the \
              tenant's own. The policy stays the floor; the predicate makes the plan.",
        before: "-- with pg_stat_statements: SELECT body FROM notes WHERE id = 1",
        after: "-- with pg_stat_statements: SELECT body FROM notes WHERE tenant_id = 1 AND id = 1",
        ignore: "Where no table is partitioned by tenant and plans are good.",
    },
    sql: include_str!("statement_without_tenant.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
