//! `role-settings`: no setting of the application's role or of the database changes what is seen.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "role-settings",
    severity: Severity::Warning,
    about: "No setting of the application's role or of the database changes what is seen.",
    docs: Docs {
        why: "Settings of a role or a database apply to every later session: `row_security = off` turns silent \
              filtering into errors, `session_replication_role = replica` switches foreign keys off, a foreign \
              `search_path` finds other tables.",
        before: "ALTER ROLE app_user IN DATABASE {{database}} SET search_path = 'elsewhere';",
        after: "ALTER ROLE app_user IN DATABASE {{database}} SET statement_timeout = '30s';",
        ignore: "A search_path that the application needs, and that names schemas only the owner may create things \
              in.",
    },
    sql: include_str!("role_settings.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 15, ..Fixing::QUIET },
};
