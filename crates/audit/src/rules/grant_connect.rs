//! `grant-connect`: only the roles that need it may connect to the database.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-connect",
    severity: Severity::Note,
    about: "Only the roles that need it may connect to the database.",
    docs: Docs {
        why: "By default every role of the server may connect to every database, and then sees its catalog: names \
              of tables, columns, policies and functions, and what is granted to PUBLIC.",
        before: "GRANT CONNECT ON DATABASE {{database}} TO PUBLIC;",
        after: "REVOKE CONNECT ON DATABASE {{database}} FROM PUBLIC;",
        ignore: "",
    },
    sql: include_str!("grant_connect.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 3, ..Fixing::QUIET },
};
