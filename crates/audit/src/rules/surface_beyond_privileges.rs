//! `surface-beyond-privileges`: where tenants share a role, something in front of the database refuses what no
//! privilege can.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "surface-beyond-privileges",
    severity: Severity::Note,
    about: "Where tenants share a role, something in front of the database refuses what no privilege can.",
    docs: Docs {
        why: "PostgreSQL has no privilege for LISTEN and NOTIFY, LOCK TABLE (it comes with UPDATE and DELETE), \
              EXPLAIN (its estimates show whether another tenant has a value), ALTER ROLE of oneself, and SET of \
              timeouts. Of these only a gateway, or an application that nobody makes speak SQL, can keep a tenant.",
        before: "CREATE TABLE more (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id)); \
              GRANT SELECT, DELETE ON more TO app_user;",
        after: "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM app_user;",
        ignore: "Where no tenant reaches SQL. It is a fact of PostgreSQL, told once for each database.",
    },
    sql: include_str!("surface_beyond_privileges.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
