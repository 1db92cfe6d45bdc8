//! `policy-subquery`: a policy compares the row with a value, and does not look it up in other tables.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-subquery",
    severity: Severity::Warning,
    about: "A policy compares the row with a value, and does not look it up in other tables.",
    docs: Docs {
        why: r#"A sub-query in a policy (`tenant_id IN (SELECT … FROM memberships …)`) is a filter, never an index condition: 100 ms instead of 0.4 ms over two million rows. It runs under the policies of the tables it reads, which may refer back ("infinite recursion detected in policy"), and sees what the caller can write there."#,
        before: r"CREATE TABLE member_of (tenant_id bigint NOT NULL PRIMARY KEY, who text);
CREATE POLICY members ON memos AS RESTRICTIVE TO app_user USING (tenant_id IN (SELECT m.tenant_id FROM member_of m WHERE m.who = CURRENT_USER));",
        after: "CREATE POLICY members ON memos AS RESTRICTIVE TO app_user USING (tenant_id = (SELECT ctx.tenant()));",
        ignore: "",
    },
    sql: include_str!("policy_subquery.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
