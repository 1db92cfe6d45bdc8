//! `rows-across-tenants`: no row refers to a row of another tenant.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "rows-across-tenants",
    severity: Severity::Error,
    about: "No row refers to a row of another tenant.",
    docs: Docs {
        why: "It is the leak itself, found in the data: a reference without the tenant was used across tenants, by \
              mistake or by somebody who guessed an id.",
        before: r"CREATE TABLE tags (id bigint PRIMARY KEY, tenant_id bigint NOT NULL); CREATE TABLE uses (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, tag_id bigint REFERENCES tags);
INSERT INTO tags VALUES (1, 7); INSERT INTO uses VALUES (1, 8, 1);",
        after: r"CREATE TABLE tags (id bigint PRIMARY KEY, tenant_id bigint NOT NULL); CREATE TABLE uses (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, tag_id bigint REFERENCES tags);
INSERT INTO tags VALUES (1, 7); INSERT INTO uses VALUES (1, 7, 1);",
        ignore: "",
    },
    sql: include_str!("rows_across_tenants.sql"),
    scope: Scope::Data,
    fixing: Fixing::QUIET,
};
