//! `no-primary-key`: every table has a primary key.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "no-primary-key",
    severity: Severity::Note,
    about: "Every table has a primary key.",
    docs: Docs {
        why: "Without one, rows cannot be told apart when a tenant is moved, replicated or compared; logical \
              replication refuses updates and deletes.",
        before: "CREATE TABLE heap (tenant_id bigint NOT NULL, body text);",
        after: "CREATE TABLE heap (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));",
        ignore: "",
    },
    sql: include_str!("no_primary_key.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
