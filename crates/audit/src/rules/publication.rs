//! `publication`: publications of tenants' tables filter by tenant, or their subscribers may see all of them.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "publication",
    severity: Severity::Warning,
    about: "Publications of tenants' tables filter by tenant, or their subscribers may see all of them.",
    docs: Docs {
        why: "Logical decoding knows no row-level security: a subscriber of an unfiltered publication gets every \
              tenant's changes.",
        before: "CREATE PUBLICATION all_notes FOR TABLE notes;",
        after: "CREATE PUBLICATION some_notes FOR TABLE notes WHERE (tenant_id = 1) WITH (publish = 'insert');",
        ignore: "Replication to a warehouse that is meant to hold all tenants.",
    },
    sql: include_str!("publication.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
