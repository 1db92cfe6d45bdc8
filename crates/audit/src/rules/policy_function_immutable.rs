//! `policy-function-immutable`: a function that reads the session is not IMMUTABLE.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-function-immutable",
    severity: Severity::Error,
    about: "A function that reads the session is not IMMUTABLE.",
    docs: Docs {
        why: "PostgreSQL computes an IMMUTABLE function once, while it plans. A plan that is kept (a prepared \
              statement, a plpgsql function) then goes on showing the rows of the tenant for whom it was planned: \
              one tenant's rows to the next, on the same connection.",
        before: r"CREATE FUNCTION who() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT nullif(current_setting(''backtrace_functions''), '''')::bigint';
ALTER POLICY tenant ON memos USING (tenant_id = who());",
        after: r"CREATE FUNCTION who() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT nullif(current_setting(''backtrace_functions''), '''')::bigint';
ALTER POLICY tenant ON memos USING (tenant_id = who());",
        ignore: "",
    },
    sql: include_str!("policy_function_immutable.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 20, ..Fixing::QUIET },
};
