//! `foreign-key-unindexed`: the referring columns of a foreign key have an index.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "foreign-key-unindexed",
    severity: Severity::Note,
    about: "The referring columns of a foreign key have an index.",
    docs: Docs {
        why: "Deleting a parent, erasing a tenant and every join from parent to child look the children up by \
              these columns. Without an index each lookup reads the whole child table, all tenants of it, under \
              the parent's lock.",
        before: "CREATE TABLE uses (tenant_id bigint NOT NULL, id bigint NOT NULL, memo_id bigint, PRIMARY KEY \
              (tenant_id, id), FOREIGN KEY (tenant_id, memo_id) REFERENCES memos);",
        after: r"CREATE TABLE uses (tenant_id bigint NOT NULL, id bigint NOT NULL, memo_id bigint, PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, memo_id) REFERENCES memos);
CREATE INDEX ON uses (tenant_id, memo_id);",
        ignore: "Small tables whose parents are never deleted.",
    },
    sql: include_str!("foreign_key_unindexed.sql"),
    scope: Scope::Database,
    fixing: Fixing::CONCURRENT,
};
