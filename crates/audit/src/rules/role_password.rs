//! `role-password`: passwords are stored as SCRAM verifiers, not as MD5 hashes.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "role-password",
    severity: Severity::Warning,
    about: "Passwords are stored as SCRAM verifiers, not as MD5 hashes.",
    docs: Docs {
        why: "An MD5 hash is enough to log in: whoever reads a backup of the catalog, or listens, has it. \
              PostgreSQL 18 warns of them.",
        before: "SET password_encryption = 'md5'; ALTER ROLE app_user PASSWORD 'a password';",
        after: "SET password_encryption = 'scram-sha-256'; ALTER ROLE app_user PASSWORD 'a password';",
        ignore: "",
    },
    sql: include_str!("role_password.sql"),
    scope: Scope::Server,
    fixing: Fixing::QUIET,
};
