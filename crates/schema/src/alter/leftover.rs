//! What a plan that was interrupted leaves behind, by the names that only this planner gives.

use super::plan::Plan;
use super::same;
use super::{Effort, Lock};
use crate::model::{Index, Model, Table};
use crate::render::text::ident;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// An index that is being built, until it takes its name.
const NEW: &str = "tenantry_new_";
/// An index whose name was taken from it, until it is dropped.
const OLD: &str = "tenantry_old_";
/// The check through which a column becomes NOT NULL.
const NOT_NULL: &str = "tenantry_not_null_";

/// The name under which an index is built: the same at every run.
pub(super) fn new_name(table: &str, name: &str) -> String {
    named(NEW, table, name)
}

pub(super) fn old_name(table: &str, name: &str) -> String {
    named(OLD, table, name)
}

pub(super) fn not_null_name(table: &str, column: &str) -> String {
    named(NOT_NULL, table, column)
}

fn named(prefix: &str, table: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{table}\0{name}").as_bytes());
    digest.iter().take(8).fold(prefix.to_owned(), |mut name, byte| {
        write!(name, "{byte:02x}").expect("a String takes everything");
        name
    })
}

/// Whether an index or a constraint has one of the names that only the planner gives.
pub fn is_leftover(name: &str) -> bool {
    [NEW, OLD, NOT_NULL].iter().any(|prefix| name.starts_with(prefix))
}

/// A model as it was before the planner's helpers: what rules should be asked about.
pub fn without_leftovers(model: &Model) -> Model {
    let mut model = model.clone();
    for table in &mut model.tables {
        table.indexes.retain(|index| !is_leftover(&index.name));
        table.constraints.retain(|constraint| !is_leftover(&constraint.name));
    }
    model.unmodelled.retain(|object| !is_leftover(&object.name));
    model
}

/// Whether the index was not built to its end.
pub(super) fn is_invalid(model: &Model, index: &str) -> bool {
    model.unmodelled.iter().any(|object| object.kind == "invalid index" && object.name == index)
}

/// An index that is ready under its temporary name.
pub(super) fn ready<'a>(plan: &Plan<'a>, old: &'a Table, name: &str, wanted: &Index) -> Option<&'a Index> {
    let temporary = new_name(&old.name, name);
    let found = old.indexes.iter().find(|index| index.name == temporary)?;
    (same::index(found, wanted) && !is_invalid(plan.from, &temporary)).then_some(found)
}

/// Indexes whose building failed: they cost every write, and serve nobody.
pub(super) fn invalid_indexes(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        // A partitioned table's is invalid while a partition's is missing: that is no failure of building.
        if table.old.partition_by.is_some() {
            continue;
        }
        for index in &table.old.indexes {
            let wanted = table.new.indexes.iter().any(|new| new.name == index.name);
            if is_invalid(plan.from, &index.name) && (wanted || is_leftover(&index.name)) {
                drop_index(plan, &table.old.name, &index.name);
            }
        }
    }
}

/// Names that were taken away, and what is under a temporary name that nothing wants any more.
pub(super) fn drop(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        for index in &table.old.indexes {
            let is_old = index.name.starts_with(OLD);
            let unwanted = index.name.starts_with(NEW) && !is_awaited(table.new, &index.name);
            if (is_old || unwanted) && !is_invalid(plan.from, &index.name) {
                drop_index(plan, &table.old.name, &index.name);
            }
        }
    }
}

/// Whether some index or key of the table is built under this name.
fn is_awaited(table: &Table, temporary: &str) -> bool {
    let keys = table.constraints.iter().map(|constraint| &constraint.name);
    let indexes = table.indexes.iter().map(|index| &index.name);
    keys.chain(indexes).any(|name| new_name(&table.name, name) == temporary)
}

pub(super) fn drop_index(plan: &mut Plan<'_>, table: &str, index: &str) {
    let place = same::place(index, table);
    if plan.is_online(table) {
        let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", ident(index));
        plan.push_alone(sql, place, table);
        if let Some(step) = plan.steps.last_mut() {
            step.effort = Effort::Moment;
        }
    } else {
        let sql = format!("DROP INDEX IF EXISTS {}", ident(index));
        plan.push(sql, place, Lock::AccessExclusive, &[table], Effort::Moment);
    }
}
