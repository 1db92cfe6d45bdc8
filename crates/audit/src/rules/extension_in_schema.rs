//! `extension-in-schema`: extensions live in a schema of their own.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "extension-in-schema",
    severity: Severity::Note,
    about: "Extensions live in a schema of their own.",
    docs: Docs {
        why: "Functions of an extension in the tenants' schema are granted to PUBLIC and found along everybody's \
              search_path; dumps, copies and moves of that schema stumble over them.",
        before: "CREATE EXTENSION btree_gin SCHEMA public;",
        after: "CREATE SCHEMA extensions; CREATE EXTENSION btree_gin SCHEMA extensions;",
        ignore: "Extensions that cannot be moved.",
    },
    sql: include_str!("extension_in_schema.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
