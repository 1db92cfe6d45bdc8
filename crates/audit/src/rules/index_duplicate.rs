//! `index-duplicate`: no index repeats another, or the beginning of another.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "index-duplicate",
    severity: Severity::Note,
    about: "No index repeats another, or the beginning of another.",
    docs: Docs {
        why: "Every index is written at every insert. One on (tenant) alone is of no use beside one on (tenant, \
              created_at).",
        before: "CREATE INDEX once ON memos (tenant_id, body); CREATE INDEX twice ON memos (tenant_id, body);",
        after: "CREATE INDEX once ON memos (tenant_id, body);",
        ignore: "A much smaller index for queries that read all of a tenant's rows.",
    },
    sql: include_str!("index_duplicate.sql"),
    scope: Scope::Database,
    fixing: Fixing::CONCURRENT,
};
