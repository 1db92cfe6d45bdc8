//! `server-binary-replaced`: the server that runs is the program that is installed.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "server-binary-replaced",
    severity: Severity::Warning,
    about: "The server that runs is the program that is installed.",
    docs: Docs {
        why: r#"After an upgrade of the package the old program goes on running, with the old holes, until it is restarted; and what it loads from now on (plpgsql, extensions) is new, and may not fit: "undefined symbol"."#,
        before: "-- the package was upgraded under a running server",
        after: "-- restarted since",
        ignore: "",
    },
    sql: include_str!("server_binary_replaced.sql"),
    scope: Scope::Server,
    fixing: Fixing::QUIET,
};
