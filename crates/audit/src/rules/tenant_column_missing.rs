//! `tenant-column-missing`: every table whose rows belong to a tenant says so itself, in the tenant column.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "tenant-column-missing",
    severity: Severity::Error,
    about: "Every table whose rows belong to a tenant says so itself, in the tenant column.",
    docs: Docs {
        why: "A row that belongs to a tenant only through its parent has no policy of its own that could be cheap, \
              no index that starts with the tenant, and no way to be moved, exported or erased but by joining up \
              to the parent. Forgotten tables are what erasure requests miss.",
        before: "CREATE TABLE lines (id bigint PRIMARY KEY, memo_tenant bigint NOT NULL, memo_id bigint NOT NULL, \
              FOREIGN KEY (memo_tenant, memo_id) REFERENCES memos (tenant_id, id));",
        after: "CREATE TABLE lines (tenant_id bigint NOT NULL, id bigint NOT NULL, memo_id bigint NOT NULL, PRIMARY \
              KEY (tenant_id, id), FOREIGN KEY (tenant_id, memo_id) REFERENCES memos (tenant_id, id));",
        ignore: r#"A table of the operator's that only points to tenants' rows. Declare it "global"."#,
    },
    sql: include_str!("tenant_column_missing.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
