//! `policy-before-floor`: no restrictive policy is tested before the one that asks for the tenant.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-before-floor",
    severity: Severity::Warning,
    about: "No restrictive policy is tested before the one that asks for the tenant.",
    docs: Docs {
        why: "PostgreSQL tests restrictive policies in the order of their names, and permissive ones after them. A policy that \
              comes before the tenant's is asked about rows of all tenants, as soon as the planner finds it cheaper: a cast or \
              a division that fails shows their data in its error, a function sees them as its arguments.",
        before: "CREATE POLICY checked ON notes AS RESTRICTIVE TO app_user USING (body::integer > 0);",
        after: "CREATE POLICY then_checked ON notes AS RESTRICTIVE TO app_user USING (body::integer > 0);",
        ignore: "Where it calls nothing but leakproof functions: comparisons of numbers, texts, dates.",
    },
    sql: include_str!("policy_before_floor.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
