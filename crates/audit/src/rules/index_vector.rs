//! `index-vector`: vector indexes do not span tenants.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "index-vector",
    severity: Severity::Warning,
    about: "Vector indexes do not span tenants.",
    docs: Docs {
        why: "HNSW and IVFFlat find the nearest neighbours among all tenants' rows and filter afterwards: a tenant \
              with one percent of the rows got 0 of 10. Nothing says that the answer is incomplete.",
        before: "-- with pgvector: CREATE INDEX near ON memos USING hnsw (embedding vector_l2_ops)",
        after: "CREATE INDEX near ON memos (tenant_id, id, body);",
        ignore: "With `hnsw.iterative_scan` switched on for every session that searches.",
    },
    sql: include_str!("index_vector.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
