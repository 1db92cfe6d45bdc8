//! `function-search-path`: a SECURITY DEFINER function sets its own search_path.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "function-search-path",
    severity: Severity::Warning,
    about: "A SECURITY DEFINER function sets its own search_path.",
    docs: Docs {
        why: "Without it, names in its body are looked up along the caller's path: a table, a function or an \
              operator of the caller's making, in pg_temp or in a schema where it may create things, runs with the \
              rights of the function's owner.",
        before: "CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM \
              public.notes';",
        after: "CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = \
              pg_catalog, public, pg_temp AS 'SELECT count(*) FROM public.notes';",
        ignore: "",
    },
    sql: include_str!("function_search_path.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 20, ..Fixing::QUIET },
};
