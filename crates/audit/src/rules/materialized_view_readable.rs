//! `materialized-view-readable`: no materialized view over tenants' tables is readable by the application.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "materialized-view-readable",
    severity: Severity::Error,
    about: "No materialized view over tenants' tables is readable by the application.",
    docs: Docs {
        why: "A materialized view holds the rows that its owner saw when it was filled, and row-level security \
              cannot be enabled on it.",
        before: "CREATE MATERIALIZED VIEW totals AS SELECT tenant_id, count(*) FROM notes GROUP BY 1; GRANT SELECT ON \
              totals TO app_user;",
        after: "CREATE VIEW totals WITH (security_invoker = true) AS SELECT tenant_id, count(*) FROM notes GROUP BY \
              1; GRANT SELECT ON totals TO app_user;",
        ignore: "One that holds nothing of a tenant.",
    },
    sql: include_str!("materialized_view_readable.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 2, ..Fixing::QUIET },
};
