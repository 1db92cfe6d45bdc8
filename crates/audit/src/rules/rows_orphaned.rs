//! `rows-orphaned`: foreign keys hold in the data.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "rows-orphaned",
    severity: Severity::Error,
    about: "Foreign keys hold in the data.",
    docs: Docs {
        why: "A foreign key that the catalog calls valid can have orphans: rows loaded while triggers were \
              disabled or with session_replication_role = replica. And where row-level security is forced, the \
              check itself, which runs as the owner, may not see the parents when a constraint is validated.",
        before: "SET session_replication_role = replica; INSERT INTO items (tenant_id, id, project_id, title) VALUES \
              (7, 999, 12345, 'orphan'); RESET session_replication_role;",
        after: "INSERT INTO projects (tenant_id, id, name) VALUES (7, 12345, 'p'); INSERT INTO items (tenant_id, id, \
              project_id, title) VALUES (7, 999, 12345, 'child');",
        ignore: "",
    },
    sql: include_str!("rows_orphaned.sql"),
    scope: Scope::Data,
    fixing: Fixing::QUIET,
};
