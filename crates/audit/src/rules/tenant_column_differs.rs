//! `tenant-column-differs`: the tenant column has one name and one type everywhere.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "tenant-column-differs",
    severity: Severity::Warning,
    about: "The tenant column has one name and one type everywhere.",
    docs: Docs {
        why: "Where `tenant_id` is a bigint here and a text there, joins cast and lose their indexes, references \
              cannot carry it, and one policy template does not fit all. Under several names a table is soon \
              forgotten.",
        before: "CREATE TABLE odd (tenant_id text NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));",
        after: "CREATE TABLE even (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));",
        ignore: "",
    },
    sql: include_str!("tenant_column_differs.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
