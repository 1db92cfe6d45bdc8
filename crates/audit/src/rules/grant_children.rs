//! `grant-children`: nothing is granted on partitions and inheritance children.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-children",
    severity: Severity::Error,
    about: "Nothing is granted on partitions and inheritance children.",
    docs: Docs {
        why: "Access through the parent needs no privilege on the partition. A privilege there is a way around the \
              parent's policies, and shows the partition's statistics.",
        before: r"CREATE TABLE log (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);
CREATE TABLE log_0 PARTITION OF log FOR VALUES WITH (MODULUS 1, REMAINDER 0);
GRANT SELECT ON log_0 TO app_user;",
        after: r"CREATE TABLE log (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);
CREATE TABLE log_0 PARTITION OF log FOR VALUES WITH (MODULUS 1, REMAINDER 0);
GRANT SELECT ON log TO app_user;",
        ignore: "",
    },
    sql: include_str!("grant_children.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 2, ..Fixing::QUIET },
};
