//! `surface`: the application's role may not call what reaches beyond its own rows.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "surface",
    severity: Severity::Warning,
    about: "The application's role may not call what reaches beyond its own rows.",
    docs: Docs {
        why: "One role that many tenants share is one user to PostgreSQL. It may read the statements of its other \
              sessions (with the values in them), cancel them, take the advisory locks they wait for, read and \
              delete their large objects, end their prepared transactions, and run SQL that is hidden in a text.",
        before: "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO app_user;",
        after: "REVOKE EXECUTE ON FUNCTION pg_advisory_lock(bigint) FROM app_user;",
        ignore: "Groups that your application needs (advisory locks, for example): then give each tenant a range of \
              keys.",
    },
    sql: include_str!("surface.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 4, ..Fixing::QUIET },
};
