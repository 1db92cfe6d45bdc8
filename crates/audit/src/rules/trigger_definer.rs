//! `trigger-definer`: trigger functions of tenants' tables run with the writer's rights.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "trigger-definer",
    severity: Severity::Warning,
    about: "Trigger functions of tenants' tables run with the writer's rights.",
    docs: Docs {
        why: "A trigger whose SECURITY DEFINER function belongs to a role that bypasses row-level security reads \
              and writes other tenants' rows, whenever any tenant writes.",
        before: r"CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER watch BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION watch();",
        after: r"CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER watch BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION watch();",
        ignore: "Audit trails that have to be written past policies, and read nothing.",
    },
    sql: include_str!("trigger_definer.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 20, ..Fixing::QUIET },
};
