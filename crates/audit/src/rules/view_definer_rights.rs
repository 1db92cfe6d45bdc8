//! `view-definer-rights`: views over tenants' tables show what their reader may see: `security_invoker`.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "view-definer-rights",
    severity: Severity::Error,
    about: "Views over tenants' tables show what their reader may see: `security_invoker`.",
    docs: Docs {
        why: "A view reads its tables with its owner's rights. If the owner is a superuser, has BYPASSRLS, or owns \
              the tables without FORCE, every reader of the view reads all tenants; and policies `TO` the \
              application's role do not apply inside it.",
        before: "CREATE VIEW recent AS SELECT * FROM notes; GRANT SELECT ON recent TO app_user;",
        after: "CREATE VIEW recent WITH (security_invoker = true) AS SELECT * FROM notes; GRANT SELECT ON recent TO \
              app_user;",
        ignore: "Views that are meant to show all tenants, for roles that are meant to see them.",
    },
    sql: include_str!("view_definer_rights.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 20, ..Fixing::QUIET },
};
