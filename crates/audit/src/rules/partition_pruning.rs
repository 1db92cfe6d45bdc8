//! `partition-pruning`: policies of partitioned tables let the planner skip partitions.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "partition-pruning",
    severity: Severity::Note,
    about: "Policies of partitioned tables let the planner skip partitions.",
    docs: Docs {
        why: "`tenant_id = (SELECT …)` prunes only while the statement runs: all partitions are planned, locked \
              and initialised first (700 µs instead of 50 with 64 of them). A bare STABLE expression prunes when \
              the executor starts; only the tenant as a literal or a parameter in the query itself prunes while \
              planning.",
        before: r"CREATE TABLE log (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);
DO 'BEGIN FOR i IN 0..7 LOOP EXECUTE format(''CREATE TABLE log_%s PARTITION OF log FOR VALUES WITH (MODULUS 8, REMAINDER %s)'', i, i); END LOOP; END';
ALTER TABLE log ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON log USING (tenant_id = (SELECT ctx.tenant()));",
        after: r"CREATE TABLE log (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);
DO 'BEGIN FOR i IN 0..7 LOOP EXECUTE format(''CREATE TABLE log_%s PARTITION OF log FOR VALUES WITH (MODULUS 8, REMAINDER %s)'', i, i); END LOOP; END';
ALTER TABLE log ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON log USING (tenant_id = ctx.tenant());",
        ignore: "Where the application puts the tenant into its queries, or few statements reach the table.",
    },
    sql: include_str!("partition_pruning.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
