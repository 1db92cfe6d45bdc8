//! `row-security-children`: partitions and inheritance children of tenant tables have row-level security of their own.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "row-security-children",
    severity: Severity::Error,
    about: "Partitions and inheritance children of tenant tables have row-level security of their own.",
    docs: Docs {
        why: "Policies of a parent hold for statements that name the parent. Who names the partition meets the \
              partition's own row-level security, or none; and without it the statistics of the partition \
              (`pg_stats`: most common values of every column) can be read by whoever may read it.",
        before: r"CREATE TABLE log (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);
CREATE TABLE log_0 PARTITION OF log FOR VALUES WITH (MODULUS 1, REMAINDER 0);
ALTER TABLE log ENABLE ROW LEVEL SECURITY; ALTER TABLE log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON log USING (tenant_id = ctx.tenant());",
        after: r"CREATE TABLE log (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);
CREATE TABLE log_0 PARTITION OF log FOR VALUES WITH (MODULUS 1, REMAINDER 0);
ALTER TABLE log ENABLE ROW LEVEL SECURITY; ALTER TABLE log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON log USING (tenant_id = ctx.tenant());
ALTER TABLE log_0 ENABLE ROW LEVEL SECURITY; ALTER TABLE log_0 FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON log_0 USING (tenant_id = ctx.tenant());",
        ignore: "",
    },
    sql: include_str!("row_security_children.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
