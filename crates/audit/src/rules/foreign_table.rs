//! `foreign-table`: the application reads no foreign tables.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "foreign-table",
    severity: Severity::Error,
    about: "The application reads no foreign tables.",
    docs: Docs {
        why: "Row-level security does not exist for foreign tables: what the server behind them shows to the \
              mapped user, every tenant sees. Their connections also survive DISCARD ALL.",
        before: r"CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE remote (tenant_id bigint, id bigint) SERVER nowhere; GRANT SELECT ON remote TO app_user;",
        after: "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;",
        ignore: "",
    },
    sql: include_str!("foreign_table.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 2, ..Fixing::QUIET },
};
