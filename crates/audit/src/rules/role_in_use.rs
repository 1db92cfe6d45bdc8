//! `role-in-use`: nobody works in the database as a superuser, with BYPASSRLS, or as the owner, except who administers
//! it.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "role-in-use",
    severity: Severity::Warning,
    about: "Nobody works in the database as a superuser, with BYPASSRLS, or as the owner, except who administers \
          it.",
    docs: Docs {
        why: "What is configured is one thing, what connects is another: a worker, a report or a console that uses \
              the administrator's connection string sees all tenants.",
        before: "-- a session of the owner: SET SESSION AUTHORIZATION app_owner",
        after: "-- sessions of the application's role alone",
        ignore: "Migrations, backups, support. Name them.",
    },
    sql: include_str!("role_in_use.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
