//! `trigger-disabled`: triggers of tenants' tables are enabled, those of foreign keys included.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "trigger-disabled",
    severity: Severity::Warning,
    about: "Triggers of tenants' tables are enabled, those of foreign keys included.",
    docs: Docs {
        why: "A load with triggers disabled that did not enable them again leaves foreign keys unchecked: \
              references to nothing, or to another tenant, that the catalog calls valid.",
        before: "ALTER TABLE items DISABLE TRIGGER ALL;",
        after: "ALTER TABLE items ENABLE TRIGGER ALL;",
        ignore: "",
    },
    sql: include_str!("trigger_disabled.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
