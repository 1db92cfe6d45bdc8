//! `soft-delete-children`: rows that would go with their parent are marked as deleted when it is.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "soft-delete-children",
    severity: Severity::Note,
    about: "Rows that would go with their parent are marked as deleted when it is.",
    docs: Docs {
        why: "ON DELETE CASCADE says that a row goes with its parent; a mark does not cascade. Where both tables have a \
              mark and only the parent's is set, lists and counts of the child still show what a customer has deleted, and \
              a job that erases what is marked leaves it behind. Children without a mark of their own are not told: they \
              are read through their parent.",
        before: r"CREATE TABLE lists (tenant_id bigint NOT NULL, id bigint NOT NULL, deleted_at timestamptz, PRIMARY KEY (tenant_id, id));
CREATE TABLE entries (tenant_id bigint NOT NULL, id bigint NOT NULL, list_id bigint NOT NULL, deleted_at timestamptz,
  FOREIGN KEY (tenant_id, list_id) REFERENCES lists ON DELETE CASCADE);
INSERT INTO lists VALUES (1, 1, now()); INSERT INTO entries VALUES (1, 1, 1, NULL);",
        after: r"CREATE TABLE lists (tenant_id bigint NOT NULL, id bigint NOT NULL, deleted_at timestamptz, PRIMARY KEY (tenant_id, id));
CREATE TABLE entries (tenant_id bigint NOT NULL, id bigint NOT NULL, list_id bigint NOT NULL, deleted_at timestamptz,
  FOREIGN KEY (tenant_id, list_id) REFERENCES lists ON DELETE CASCADE);
INSERT INTO lists VALUES (1, 1, now()); INSERT INTO entries VALUES (1, 1, 1, now());",
        ignore: "Where readers always ask for the parent's mark as well.",
    },
    sql: include_str!("soft_delete_children.sql"),
    scope: Scope::Data,
    fixing: Fixing::QUIET,
};
