//! `function-definer`: sECURITY DEFINER functions that the application may call belong to a role that row-level
//! security binds.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "function-definer",
    severity: Severity::Error,
    about: "SECURITY DEFINER functions that the application may call belong to a role that row-level security \
          binds.",
    docs: Docs {
        why: "Such a function runs as its owner. If that is a superuser, has BYPASSRLS, or owns tables without \
              FORCE, its queries see every tenant; what it returns depends on nothing but its own WHERE clauses.",
        before: "CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = \
              pg_catalog, public, pg_temp AS 'SELECT count(*) FROM public.notes'; GRANT EXECUTE ON FUNCTION \
              how_many() TO app_user;",
        after: "CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql SECURITY INVOKER SET search_path = \
              pg_catalog, public, pg_temp AS 'SELECT count(*) FROM public.notes'; GRANT EXECUTE ON FUNCTION \
              how_many() TO app_user;",
        ignore: "Functions that have to see all tenants (looking an API key up before the tenant is known) and return \
              one row of it. Review them.",
    },
    sql: include_str!("function_definer.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 20, ..Fixing::QUIET },
};
