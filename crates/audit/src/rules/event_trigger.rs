//! `event-trigger`: event triggers are known: they run inside every migration.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "event-trigger",
    severity: Severity::Note,
    about: "Event triggers are known: they run inside every migration.",
    docs: Docs {
        why: "An event trigger runs as whoever runs DDL, often a superuser. It can refuse or change what a \
              migration does for one database and not for the next.",
        before: "CREATE FUNCTION ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER \
              ddl ON ddl_command_end EXECUTE FUNCTION ddl();",
        after: "CREATE FUNCTION ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';",
        ignore: "Those that you made.",
    },
    sql: include_str!("event_trigger.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
