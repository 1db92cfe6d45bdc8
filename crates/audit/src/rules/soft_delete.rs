//! `soft-delete`: unique indexes of tables with soft deletion leave deleted rows out.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "soft-delete",
    severity: Severity::Note,
    about: "Unique indexes of tables with soft deletion leave deleted rows out.",
    docs: Docs {
        why: "A row that is only marked as deleted still holds its unique values: the name cannot be used again, \
              and the error tells that it existed. What is marked is also not erased.",
        before: "CREATE TABLE gone (tenant_id bigint NOT NULL, id bigint NOT NULL, name text, deleted_at timestamptz, \
              PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name));",
        after: r"CREATE TABLE gone (tenant_id bigint NOT NULL, id bigint NOT NULL, name text, deleted_at timestamptz, PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX ON gone (tenant_id, name) WHERE deleted_at IS NULL;",
        ignore: "Where a value must never be used again.",
    },
    sql: include_str!("soft_delete.sql"),
    scope: Scope::Database,
    fixing: Fixing::CONCURRENT,
};
