//! `schema-count`: one database does not hold thousands of schemas.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "schema-count",
    severity: Severity::Note,
    about: "One database does not hold thousands of schemas.",
    docs: Docs {
        why: "Each backend keeps what it has touched of the catalog: with tens of thousands of schemas gigabytes \
              of memory, and minutes for a dump or a migration that has nothing to do.",
        before: "DO 'BEGIN FOR i IN 1..501 LOOP EXECUTE format(''CREATE SCHEMA s%s'', i); EXECUTE format(''CREATE \
              TABLE s%s.t (id bigint PRIMARY KEY)'', i); END LOOP; END';",
        after: "CREATE SCHEMA s1; CREATE TABLE s1.t (id bigint PRIMARY KEY);",
        ignore: "While connections are recycled, and the number is planned.",
    },
    sql: include_str!("schema_count.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
