//! `surface-language`: the application's role may not write functions or DO blocks.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "surface-language",
    severity: Severity::Warning,
    about: "The application's role may not write functions or DO blocks.",
    docs: Docs {
        why: "DO and CREATE FUNCTION (also in pg_temp) run loops over any number of contexts, take locks and set \
              settings in one statement, out of sight of whoever reads statements.",
        before: "GRANT USAGE ON LANGUAGE plpgsql TO app_user;",
        after: "REVOKE USAGE ON LANGUAGE plpgsql FROM app_user;",
        ignore: "Where the application brings functions of its own, and no tenant reaches SQL.",
    },
    sql: include_str!("surface_language.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 4, ..Fixing::QUIET },
};
