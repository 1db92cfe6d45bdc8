//! `reader-rights`: the reader beside the application's role sees what that role sees, and can write nothing.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "reader-rights",
    severity: Severity::Error,
    about: "The reader beside the application's role sees what that role sees, and can write nothing.",
    docs: Docs {
        why: "A read-only login works as a role that has no privilege to write: nothing else keeps it from it, since SQL may \
              change any setting. A privilege too many on that role lets every read-only login write; so does a function with its \
              owner's rights that it may call. A privilege too few hides rows from it. In databases of Tenantry's alone.",
        before: "GRANT INSERT ON notes TO tenantry_ro_app;",
        after: "GRANT SELECT ON notes TO tenantry_ro_app;",
        ignore: "",
    },
    sql: include_str!("reader_rights.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 2, ..Fixing::QUIET },
};
