//! `grant-defaults`: default privileges give the application and PUBLIC nothing that is not meant for every future
//! table.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "grant-defaults",
    severity: Severity::Warning,
    about: "Default privileges give the application and PUBLIC nothing that is not meant for every future table.",
    docs: Docs {
        why: "ALTER DEFAULT PRIVILEGES decides for tables that do not exist yet: a partition, a table without \
              row-level security, a table of secrets. TRUNCATE and the like come along with ALL.",
        before: "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public GRANT ALL ON TABLES TO app_user;",
        after: "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public GRANT SELECT ON SEQUENCES TO app_owner;",
        ignore: "Where every new table gets row-level security in the same migration, and the privileges are only \
              SELECT, INSERT, UPDATE and DELETE.",
    },
    sql: include_str!("grant_defaults.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 2, ..Fixing::QUIET },
};
