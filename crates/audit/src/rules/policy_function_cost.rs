//! `policy-function-cost`: an expensive function in a policy is called once per statement, in a sub-select, and not
//! once per row.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-function-cost",
    severity: Severity::Warning,
    about: "An expensive function in a policy is called once per statement, in a sub-select, and not once per \
          row.",
    docs: Docs {
        why: "A plpgsql or VOLATILE function that stands bare in a policy runs for every row that is looked at: 20 \
              seconds instead of 20 milliseconds over two million rows. `(SELECT f())` runs it once. (A cheap \
              function is better bare: the planner then sees the tenant's value. A function that declares a COST below the 100 \
              that plpgsql's have by default is taken at its word, unless it is VOLATILE or SECURITY DEFINER.)",
        before: r"CREATE FUNCTION who() RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN ctx.tenant(); END';
ALTER POLICY tenant ON memos USING (tenant_id = who());",
        after: r"CREATE FUNCTION who() RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN ctx.tenant(); END';
ALTER POLICY tenant ON memos USING (tenant_id = (SELECT who()));",
        ignore: "",
    },
    sql: include_str!("policy_function_cost.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
