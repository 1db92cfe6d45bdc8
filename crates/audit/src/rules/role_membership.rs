//! `role-membership`: the application's role cannot become a role that sees more.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "role-membership",
    severity: Severity::Error,
    about: "The application's role cannot become a role that sees more.",
    docs: Docs {
        why: "SET ROLE needs nothing but membership. Who is a member of the owner, of a superuser or of a role \
              with BYPASSRLS is that role, one statement later; the built-in roles (`pg_read_all_data`, \
              `pg_execute_server_program`, …) reach past privileges, or out of the database.",
        before: "GRANT app_owner TO app_user;",
        after: "REVOKE app_owner FROM app_user;",
        ignore: "",
    },
    sql: include_str!("role_membership.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 1, ..Fixing::QUIET },
};
