//! `cascade-across-tenants`: no foreign key without the tenant cascades.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "cascade-across-tenants",
    severity: Severity::Error,
    about: "No foreign key without the tenant cascades.",
    docs: Docs {
        why: "PostgreSQL carries out ON DELETE CASCADE, SET NULL and SET DEFAULT past row-level security, even \
              forced. If a child can refer to another tenant's parent, the parent's deletion deletes or changes \
              rows of the child's tenant.",
        before: r"CREATE TABLE tags (id bigint PRIMARY KEY, tenant_id bigint NOT NULL);
CREATE TABLE uses (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, tag_id bigint REFERENCES tags ON DELETE CASCADE);",
        after: r"CREATE TABLE tags (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE uses (tenant_id bigint NOT NULL, id bigint NOT NULL, tag_id bigint, PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, tag_id) REFERENCES tags ON DELETE CASCADE);",
        ignore: "",
    },
    sql: include_str!("cascade_across_tenants.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
