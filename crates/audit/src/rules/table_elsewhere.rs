//! `table-elsewhere`: every table of a data database belongs to a placement, so that moving and erasing reach it.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "table-elsewhere",
    severity: Severity::Warning,
    about: "Every table of a data database belongs to a placement, so that moving and erasing reach it.",
    docs: Docs {
        why: "What lies in a schema that no placement names is not fenced, not moved, not in any backup of a \
              tenant, and stays when the tenant is erased.",
        before: r"CREATE SCHEMA tenancy; CREATE TABLE tenancy.core (context text, tenant_type text); CREATE TABLE tenancy.gate (tenant bigint, value text, placement jsonb);
CREATE TABLE tenancy.schema_version (schema text); INSERT INTO tenancy.core VALUES ('carrier', 'bigint'); INSERT INTO tenancy.schema_version VALUES ('public');
CREATE SCHEMA reporting; CREATE TABLE reporting.kept (tenant_id bigint, id bigint);",
        after: "SELECT 1;",
        ignore: "The operator's own tables.",
    },
    sql: include_str!("table_elsewhere.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
