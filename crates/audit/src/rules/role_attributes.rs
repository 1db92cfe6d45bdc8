//! `role-attributes`: the application's role may not make roles or databases, nor replicate.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "role-attributes",
    severity: Severity::Warning,
    about: "The application's role may not make roles or databases, nor replicate.",
    docs: Docs {
        why: "CREATEROLE leads to other roles, CREATEDB to databases of one's own to copy into, REPLICATION to a \
              stream of every tenant's changes.",
        before: "ALTER ROLE app_user CREATEROLE;",
        after: "ALTER ROLE app_user NOCREATEROLE;",
        ignore: "",
    },
    sql: include_str!("role_attributes.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 1, ..Fixing::QUIET },
};
