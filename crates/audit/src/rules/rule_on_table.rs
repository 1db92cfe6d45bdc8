//! `rule-on-table`: tables have no rewrite rules.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "rule-on-table",
    severity: Severity::Warning,
    about: "Tables have no rewrite rules.",
    docs: Docs {
        why: "A rule turns one statement into others after the tenant was decided, runs them with the rights of \
              the table's owner, and repeats volatile expressions.",
        before: "CREATE RULE quiet AS ON DELETE TO notes DO INSTEAD NOTHING;",
        after: "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER \
              quiet BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION quiet();",
        ignore: "",
    },
    sql: include_str!("rule_on_table.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
