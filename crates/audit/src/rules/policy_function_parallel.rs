//! `policy-function-parallel`: functions in policies are PARALLEL SAFE or RESTRICTED.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-function-parallel",
    severity: Severity::Warning,
    about: "Functions in policies are PARALLEL SAFE or RESTRICTED.",
    docs: Docs {
        why: "A function is PARALLEL UNSAFE unless it says otherwise, and one such function in a policy forbids \
              parallel plans for every query on the table.",
        before: r"CREATE FUNCTION who() RETURNS bigint LANGUAGE sql STABLE RETURN ctx.tenant();
ALTER POLICY tenant ON memos USING (tenant_id = who());",
        after: r"CREATE FUNCTION who() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE RETURN ctx.tenant();
ALTER POLICY tenant ON memos USING (tenant_id = who());",
        ignore: "Functions that write or take locks. Those should not stand in a policy.",
    },
    sql: include_str!("policy_function_parallel.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 20, ..Fixing::QUIET },
};
