//! `context-core`: the isolation core belongs to the role that nobody logs in as, and the application may execute just
//! what it needs.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "context-core",
    severity: Severity::Error,
    about: "The isolation core belongs to the role that nobody logs in as, and the application may execute just \
          what it needs.",
    docs: Docs {
        why: "Whoever may call `tenancy.put_key`, read `tenancy.keys`, write `tenancy.gate` or replace \
              `tenancy.tenant_id()` is in every tenant.",
        before: r"CREATE SCHEMA tenancy; CREATE TABLE tenancy.core (context text, tenant_type text); CREATE TABLE tenancy.gate (tenant bigint, value text, placement jsonb);
CREATE TABLE tenancy.keys (id integer); CREATE TABLE tenancy.schema_version (schema text);
CREATE FUNCTION tenancy.put_key(integer) RETURNS void LANGUAGE sql AS '';
INSERT INTO tenancy.core VALUES ('carrier', 'bigint'); INSERT INTO tenancy.schema_version VALUES ('public');
GRANT USAGE ON SCHEMA tenancy TO app_user;",
        after: "SELECT 1;",
        ignore: "",
    },
    sql: include_str!("context_core.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 5, ..Fixing::QUIET },
};
