//! `tenant-correlation`: the planner knows which columns go with the tenant.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "tenant-correlation",
    severity: Severity::Note,
    about: "The planner knows which columns go with the tenant.",
    docs: Docs {
        why: "`WHERE project_id = 5` gets `AND tenant_id = 7` from row-level security. A project has one tenant, but \
              PostgreSQL multiplies both parts as if each tenant had rows of each project: with a hundred tenants it \
              expects a hundredth of the rows, and joins them by nested loops. Statistics over both columns tell it. \
              Looked at are columns of foreign keys with a hundred rows a value and more, ten times off or more.",
        before: r"CREATE TABLE rooms (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));
INSERT INTO rooms SELECT n % 20, n FROM generate_series(1, 40) n;
CREATE TABLE visits (tenant_id bigint NOT NULL, id bigint NOT NULL, room_id bigint NOT NULL, FOREIGN KEY (tenant_id, room_id) REFERENCES rooms);
INSERT INTO visits SELECT (1 + n % 40) % 20, n, 1 + n % 40 FROM generate_series(1, 20000) n; ANALYZE visits;",
        after: r"CREATE TABLE rooms (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));
INSERT INTO rooms SELECT n % 20, n FROM generate_series(1, 40) n;
CREATE TABLE visits (tenant_id bigint NOT NULL, id bigint NOT NULL, room_id bigint NOT NULL, FOREIGN KEY (tenant_id, room_id) REFERENCES rooms);
INSERT INTO visits SELECT (1 + n % 40) % 20, n, 1 + n % 40 FROM generate_series(1, 20000) n;
CREATE STATISTICS visits_rooms (dependencies) ON tenant_id, room_id FROM visits; ANALYZE visits;",
        ignore: "Where the table is only ever read by its key.",
    },
    sql: include_str!("tenant_correlation.sql"),
    scope: Scope::Data,
    fixing: Fixing::STATISTICS,
};
