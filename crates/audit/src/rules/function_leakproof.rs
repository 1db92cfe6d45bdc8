//! `function-leakproof`: nobody but PostgreSQL says that a function is LEAKPROOF.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "function-leakproof",
    severity: Severity::Warning,
    about: "Nobody but PostgreSQL says that a function is LEAKPROOF.",
    docs: Docs {
        why: "A LEAKPROOF function may be evaluated before row-level security. If it raises an error that shows \
              its argument, writes, or calls what does, it tells values of other tenants' rows.",
        before: "CREATE FUNCTION shout(text) RETURNS boolean LANGUAGE plpgsql COST 0.01 LEAKPROOF AS 'BEGIN RAISE \
              NOTICE ''%'', $1; RETURN true; END';",
        after: "CREATE FUNCTION shout(text) RETURNS boolean LANGUAGE plpgsql COST 0.01 AS 'BEGIN RAISE NOTICE ''%'', \
              $1; RETURN true; END';",
        ignore: "Comparisons of types (numeric, enum, citext) that a person has read and found to raise nothing.",
    },
    sql: include_str!("function_leakproof.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 20, ..Fixing::QUIET },
};
