//! Primary keys, unique and exclusion constraints, and indexes: built while the table is in use, then put in the place of the
//! old ones.

use super::foreign;
use super::index;
use super::leftover::{self, new_name, ready};
use super::plan::{Kept, Plan};
use super::same;
use super::{Effort, Lock};
use crate::model::{Constraint, ConstraintKind, Table};
use crate::render::constraint::written;
use crate::render::text::{add, ident};

/// The keys that have to go, because they are other ones or not wanted.
pub(super) fn to_drop(table: Kept<'_>) -> impl Iterator<Item = &Constraint> {
    let keys = table.old.constraints.iter().filter(|old| same::is_key(old));
    keys.filter(move |old| !table.new.constraints.iter().any(|new| is_same(old, new)))
}

/// The keys that have to be made.
pub(super) fn to_add(table: Kept<'_>) -> impl Iterator<Item = &Constraint> {
    let keys = table.new.constraints.iter().filter(|new| same::is_key(new));
    keys.filter(move |new| !table.old.constraints.iter().any(|old| is_same(old, new)))
}

fn is_same(old: &Constraint, new: &Constraint) -> bool {
    old.name == new.name && same::constraint(old, new)
}

/// Unique indexes that keys are made of.
pub(super) fn build(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        if !plan.is_online(&table.new.name) || table.new.partition_by.is_some() {
            continue;
        }
        for constraint in to_add(table) {
            let Some(mut wanted) = same::index_of(constraint) else { continue };
            if ready(plan, table.old, &constraint.name, &wanted).is_some() {
                continue;
            }
            let temporary = new_name(&table.new.name, &constraint.name);
            let stale = table.old.indexes.iter().any(|index| index.name == temporary)
                && !leftover::is_invalid(plan.from, &temporary);
            if stale {
                leftover::drop_index(plan, &table.new.name, &temporary);
            }
            wanted.name = temporary;
            index::build_concurrently(plan, table.new, &wanted, &constraint.name);
        }
    }
}

/// Puts what was built in its place. A partition tree changes as a whole, in one short transaction.
pub(super) fn swap(plan: &mut Plan<'_>) {
    let roots: Vec<Kept<'_>> =
        plan.kept().into_iter().filter(|table| table.new.partition_of.is_none()).collect();
    for root in roots {
        if plan.is_online(&root.new.name) && root.new.partition_by.is_none() {
            swap_alone(plan, root);
        } else {
            swap_tree(plan, &root.new.name);
        }
    }
}

fn swap_alone(plan: &mut Plan<'_>, table: Kept<'_>) {
    for old in to_drop(table) {
        if !to_add(table).any(|new| new.name == old.name) {
            drop_key(plan, table.old, old);
        }
    }
    for new in to_add(table) {
        plan.together(|plan| {
            if let Some(old) = to_drop(table).find(|old| old.name == new.name) {
                drop_key(plan, table.old, old);
            }
            add_key(plan, table.new, new);
        });
    }
    index::swap_alone(plan, table);
}

fn swap_tree(plan: &mut Plan<'_>, root: &str) {
    let tree: Vec<Kept<'_>> = plan
        .tree(root)
        .into_iter()
        .filter_map(|new| Some(Kept { old: plan.from.table(&new.name)?, new }))
        .collect();
    let is_changed = |table: &Kept<'_>| {
        to_drop(*table).next().is_some()
            || to_add(*table).next().is_some()
            || index::to_drop(plan, *table).next().is_some()
            || index::to_add(plan, *table).next().is_some()
    };
    if !tree.iter().any(is_changed) {
        return;
    }
    plan.together(|plan| {
        let waiting = foreign::waiting_for(plan, root);
        for (table, constraint) in &waiting {
            foreign::drop_old(plan, table, &constraint.name);
        }
        for table in &tree {
            to_drop(*table).for_each(|old| drop_key(plan, table.old, old));
            index::drop_plain(plan, *table);
        }
        for table in tree.iter().rev() {
            to_add(*table).for_each(|new| add_key(plan, table.new, new));
            index::add_plain(plan, *table);
        }
        for (table, constraint) in &waiting {
            foreign::add_new(plan, table, constraint);
        }
    });
}

/// A partition's key goes with its parent's, and may be gone already.
fn drop_key(plan: &mut Plan<'_>, table: &Table, old: &Constraint) {
    let place = same::place(&old.name, &table.name);
    plan.moment(&table.name, place, &format!("DROP CONSTRAINT IF EXISTS {}", ident(&old.name)));
}

fn add_key(plan: &mut Plan<'_>, table: &Table, new: &Constraint) {
    let place = same::place(&new.name, &table.name);
    let online = plan.is_online(&table.name);
    if online && table.partition_by.is_some() && add_to_parent(plan, table, new) {
        return;
    }
    if online && table.partition_by.is_none() && same::index_of(new).is_some() {
        let word = if matches!(new.kind, ConstraintKind::PrimaryKey(_)) { "PRIMARY KEY" } else { "UNIQUE" };
        let mut what = format!(
            "ADD CONSTRAINT {} {word} USING INDEX {}",
            ident(&new.name),
            ident(&new_name(&table.name, &new.name))
        );
        if new.deferrable {
            add(
                &mut what,
                format_args!(" DEFERRABLE{}", if new.deferred { " INITIALLY DEFERRED" } else { "" }),
            );
        }
        return plan.moment(&table.name, place, &what);
    }
    let sql = format!("ALTER TABLE {} ADD {}", ident(&table.name), written(new));
    plan.push(sql, place, Lock::AccessExclusive, &[&table.name], Effort::Scan);
}

/// The key of a partitioned table is that of its partitions, taken together. False where a partition has none to give.
fn add_to_parent(plan: &mut Plan<'_>, table: &Table, new: &Constraint) -> bool {
    let parts: Option<Vec<(&Table, &Constraint)>> = plan
        .partitions(&table.name)
        .into_iter()
        .map(|part| Some((part, part.constraints.iter().find(|own| same::constraint(own, new))?)))
        .collect();
    let Some(parts) = parts.filter(|_| same::index_of(new).is_some()) else { return false };
    let place = same::place(&new.name, &table.name);
    let sql = format!("ALTER TABLE ONLY {} ADD {}", ident(&table.name), written(new));
    plan.push(sql, place.clone(), Lock::AccessExclusive, &[&table.name], Effort::Moment);
    for (part, own) in parts {
        index::attach(plan, &new.name, &own.name, &part.name, place.clone());
    }
    true
}
