//! `tenant-estimates`: the planner expects about as many rows of a tenant as it has.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "tenant-estimates",
    severity: Severity::Note,
    about: "The planner expects about as many rows of a tenant as it has.",
    docs: Docs {
        why: "Each query of a shared table asks for one tenant, and plans are chosen by how many rows that is thought \
              to be. Tenants are not alike: where the statistics are old, or too coarse to know the large ones apart, a \
              large tenant's join is planned as if there were ten rows, and a small one's reads the whole table. The \
              evidence is an EXPLAIN of the worst tenant, ten times off or more, of a thousand rows at least.",
        before: r"CREATE TABLE visits (tenant_id bigint NOT NULL, id bigint NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO visits SELECT n % 50, n FROM generate_series(1, 5000) n; ANALYZE visits;
INSERT INTO visits SELECT 7, n FROM generate_series(5001, 60000) n;",
        after: r"CREATE TABLE visits (tenant_id bigint NOT NULL, id bigint NOT NULL);
INSERT INTO visits SELECT n % 50, n FROM generate_series(1, 5000) n;
INSERT INTO visits SELECT 7, n FROM generate_series(5001, 60000) n; ANALYZE visits;",
        ignore: "Tables that only jobs over all tenants read.",
    },
    sql: include_str!("tenant_estimates.sql"),
    scope: Scope::Data,
    fixing: Fixing::STATISTICS,
};
