//! `index-unused`: indexes are used.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "index-unused",
    severity: Severity::Note,
    about: "Indexes are used.",
    docs: Docs {
        why: "An index that nothing reads is still written by every insert of every tenant.",
        before: r"CREATE TABLE busy (tenant_id bigint NOT NULL, id bigint NOT NULL, body text, PRIMARY KEY (tenant_id, id));
INSERT INTO busy SELECT 1, n, repeat('x', 100) || n FROM generate_series(1, 12000) n; CREATE INDEX never ON busy (tenant_id, body);
DO 'BEGIN FOR i IN 1..1100 LOOP PERFORM 1 FROM busy WHERE tenant_id = 1 AND id = i; END LOOP; END'; SELECT pg_stat_force_next_flush();",
        after: "CREATE TABLE busy (tenant_id bigint NOT NULL, id bigint NOT NULL, body text, PRIMARY KEY (tenant_id, \
              id)); CREATE INDEX never ON busy (tenant_id, body);",
        ignore: "Indexes for rare reports. Statistics count since they were last reset, and not on replicas.",
    },
    sql: include_str!("index_unused.sql"),
    scope: Scope::Database,
    fixing: Fixing::CONCURRENT,
};
