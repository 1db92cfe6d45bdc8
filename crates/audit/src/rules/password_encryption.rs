//! `password-encryption`: new passwords are stored as SCRAM verifiers.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "password-encryption",
    severity: Severity::Warning,
    about: "New passwords are stored as SCRAM verifiers.",
    docs: Docs {
        why: "With `password_encryption = md5` every new password becomes a hash that is enough to log in.",
        before: "ALTER DATABASE {{database}} SET password_encryption = 'md5';",
        after: "ALTER DATABASE {{database}} SET password_encryption = 'scram-sha-256';",
        ignore: "",
    },
    sql: include_str!("password_encryption.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
