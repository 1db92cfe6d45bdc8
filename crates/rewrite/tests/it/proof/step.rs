//! Random migrations, a statement at a time: each is written against the plain schema as it stands. PostgreSQL has the last word on
//! whether one is valid; a statement that it refuses on the plain schema is not part of the migration.

mod column;
mod constraint;
mod index;
mod other;
mod table;

use super::scene::Scene;

/// A kind of statement.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    write: fn(&Scene<'_>) -> Option<String>,
    /// Whether the rewriter may refuse it where the compiled schema would be fine.
    pub(crate) may_be_refused: bool,
}

const fn step(name: &'static str, write: fn(&Scene<'_>) -> Option<String>) -> Step {
    Step { name, write, may_be_refused: false }
}

const fn doubtful(name: &'static str, write: fn(&Scene<'_>) -> Option<String>) -> Step {
    Step { name, write, may_be_refused: true }
}

/// What makes a bare set of tables a schema: keys between them, indexes, views, triggers.
pub(crate) const BUILD: &[Step] = &[
    step("foreign key", constraint::foreign_key),
    step("index", index::create),
    step("foreign key", constraint::foreign_key),
    step("unique", constraint::unique),
    step("check", constraint::check),
    step("view", other::create_view),
    step("trigger", other::create_trigger),
    step("comment", other::comment),
    step("exclusion", constraint::exclusion),
    step("statistics", other::statistics),
    step("column", column::add),
    step("settings", table::settings),
    step("function", other::create_function),
    step("sequence", other::sequence),
];

/// What a migration may contain.
pub(crate) const MIGRATE: &[Step] = &[
    step("add column", column::add),
    step("create table", table::create),
    step("foreign key", constraint::foreign_key),
    step("index", index::create),
    step("unique", constraint::unique),
    step("drop column", column::drop),
    step("rename column", column::rename),
    step("type of column", column::set_type),
    step("not null", column::not_null),
    step("default", column::default),
    step("check", constraint::check),
    step("drop constraint", constraint::drop),
    step("rename constraint", constraint::rename),
    step("validate", constraint::validate),
    step("change constraint", constraint::alter),
    step("primary key", constraint::primary_key),
    step("exclusion", constraint::exclusion),
    step("drop index", index::drop),
    step("rename index", index::rename),
    step("constraint of an index", index::use_for_constraint),
    step("drop table", table::drop),
    step("rename table", table::rename),
    step("settings", table::settings),
    step("several changes", table::several),
    step("settings of a column", column::settings),
    step("identity", column::identity),
    step("expression", column::expression),
    step("create view", other::create_view),
    step("replace view", other::replace_view),
    step("drop view", other::drop_view),
    step("comment", other::comment),
    step("enum", other::change_enum),
    step("type", other::create_type),
    step("domain", other::change_domain),
    step("sequence", other::sequence),
    step("function", other::create_function),
    step("trigger", other::create_trigger),
    step("drop trigger", other::drop_trigger),
    step("statistics", other::statistics),
    step("partition", table::partition),
    step("attach or detach", table::attach_or_detach),
    doubtful("table like another", table::like),
];

impl Step {
    /// The statement, or nothing where the schema has nothing that it could be about.
    pub(crate) fn write(&self, scene: &Scene<'_>) -> Option<String> {
        (self.write)(scene)
    }
}
