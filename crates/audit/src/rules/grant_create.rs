//! `grant-create`: the application's role may create nothing: neither in schemas nor in the database.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-create",
    severity: Severity::Warning,
    about: "The application's role may create nothing: neither in schemas nor in the database.",
    docs: Docs {
        why: "A function or an operator of one's own in a schema on the search path is called by others, with \
              their rights. A view of one's own shows what its owner may see. And tables that nobody declared are \
              tables that nobody isolates, moves or erases.",
        before: "GRANT CREATE ON SCHEMA public TO app_user;",
        after: "GRANT USAGE ON SCHEMA public TO app_user;",
        ignore: "",
    },
    sql: include_str!("grant_create.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 3, ..Fixing::QUIET },
};
