//! `host-authentication`: no connection over the network is trusted, or asks for an MD5 or clear-text password.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "host-authentication",
    severity: Severity::Warning,
    about: "No connection over the network is trusted, or asks for an MD5 or clear-text password.",
    docs: Docs {
        why: "`trust` lets everybody in who names a role, the owner and the superuser included. `md5` and \
              `password` give the password, or what is as good, to who listens.",
        before: "-- host all all 0.0.0.0/0 trust",
        after: "-- hostssl all all 0.0.0.0/0 scram-sha-256",
        ignore: "",
    },
    sql: include_str!("host_authentication.sql"),
    scope: Scope::Server,
    fixing: Fixing::QUIET,
};
