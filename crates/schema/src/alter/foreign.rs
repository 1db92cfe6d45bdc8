//! Foreign keys. At every moment one of the two, the old or the new, is in force: rows that are there met the old one, and the
//! new one is enforced from the moment in which the old one goes, and then held against all rows.

use super::column::validate as validate_constraint;
use super::leftover::is_leftover;
use super::plan::{Kept, Plan};
use super::same;
use super::{Effort, Lock};
use crate::model::{Constraint, ConstraintKind, ForeignKey, Index, Table};
use crate::render::constraint::written;
use crate::render::text::ident;

fn foreign_keys(table: &Table) -> impl Iterator<Item = (&Constraint, &ForeignKey)> {
    table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some((constraint, key)),
        _ => None,
    })
}

/// Foreign keys that nothing wants any more.
pub(super) fn drop_removed(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        for (old, _) in foreign_keys(table.old) {
            let wanted = foreign_keys(table.new).any(|(new, _)| new.name == old.name);
            if !wanted && !is_part_of_parents(plan, table.new, old) {
                drop_old(plan, &table.new.name, &old.name);
            }
        }
    }
}

/// A partition's own foreign key that stands in until the parent has it: left by [`add_new`].
fn is_part_of_parents(plan: &Plan<'_>, table: &Table, own: &Constraint) -> bool {
    let Some(root) = plan.to.table(plan.to.root(&table.name)).filter(|_| table.is_partition()) else {
        return false;
    };
    foreign_keys(root).any(|(new, _)| new.name == own.name && same::constraint(new, own))
}

/// Foreign keys that have to be made anew: other ones, and those whose target's key is about to change.
fn remade<'a>(plan: &Plan<'a>, table: Kept<'a>) -> impl Iterator<Item = &'a Constraint> + use<'a> {
    let kept = plan.kept();
    foreign_keys(table.new).filter_map(move |(new, key)| {
        let old = foreign_keys(table.old).find(|(old, _)| old.name == new.name);
        let stays = old.is_some_and(|(old, _)| same::constraint(old, new))
            && !kept.iter().any(|target| target.new.name == key.target && loses_key(*target, key));
        (!stays).then_some(new)
    })
}

/// Whether the key that a foreign key rests on is dropped. An index under a temporary name is about to become a key.
fn loses_key(target: Kept<'_>, key: &ForeignKey) -> bool {
    let rests_on = |constraint: &&Constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(unique) | ConstraintKind::Unique(unique) => same_set(&unique.columns, key),
        _ => false,
    };
    let keys = target.old.constraints.iter().filter(rests_on).map(|old| {
        target.new.constraints.iter().any(|new| new.name == old.name && same::constraint(old, new))
    });
    let serves = |index: &&Index| {
        let columns: Option<Vec<String>> = index.keys.iter().map(|key| key.column.clone()).collect();
        index.unique && index.predicate.is_none() && columns.is_some_and(|columns| same_set(&columns, key))
    };
    let indexes = target.old.indexes.iter().filter(serves).map(|old| {
        is_leftover(&old.name)
            || target.new.indexes.iter().any(|new| new.name == old.name && same::index(old, new))
    });
    let stay: Vec<bool> = keys.chain(indexes).collect();
    !stay.is_empty() && !stay.contains(&true)
}

fn same_set(columns: &[String], key: &ForeignKey) -> bool {
    columns.len() == key.target_columns.len()
        && columns.iter().all(|column| key.target_columns.contains(column))
}

/// Whether the new foreign key can be made before the target's keys change hands: its index is there, or was just built.
fn is_ready(plan: &Plan<'_>, constraint: &Constraint) -> bool {
    let ConstraintKind::ForeignKey(key) = &constraint.kind else { return false };
    let root = plan.to.root(&key.target);
    let Some(target) = plan.to.table(root) else { return true };
    plan.is_new(root) || (plan.is_online(root) && target.partition_by.is_none()) || !changes(plan, root)
}

/// Whether keys or unique indexes of a table change.
fn changes(plan: &Plan<'_>, root: &str) -> bool {
    plan.kept().into_iter().filter(|table| table.new.name == root).any(|table| {
        super::key::to_drop(table).next().is_some()
            || super::key::to_add(table).next().is_some()
            || super::index::to_add(plan, table).any(|index| index.unique)
            || super::index::to_drop(plan, table).any(|index| index.unique)
    })
}

pub(super) fn swap(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        let ready: Vec<&Constraint> =
            remade(plan, table).filter(|constraint| is_ready(plan, constraint)).collect();
        for new in ready {
            plan.together(|plan| {
                drop_old(plan, &table.new.name, &new.name);
                add_new(plan, &table.new.name, new);
            });
        }
    }
}

/// Those that change hands together with the keys of this table.
pub(super) fn waiting_for<'a>(plan: &Plan<'a>, root: &str) -> Vec<(String, &'a Constraint)> {
    let mut waiting = Vec::new();
    for table in plan.kept() {
        for new in remade(plan, table) {
            let ConstraintKind::ForeignKey(key) = &new.kind else { continue };
            if plan.to.root(&key.target) == root && !is_ready(plan, new) {
                waiting.push((table.new.name.clone(), new));
            }
        }
    }
    waiting
}

/// Drops the foreign key of this name, if the table has one.
pub(super) fn drop_old(plan: &mut Plan<'_>, table: &str, name: &str) {
    let Some(old) = plan.from.table(table) else { return };
    let Some((_, key)) = foreign_keys(old).find(|(old, _)| old.name == name) else { return };
    let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", ident(table), ident(name));
    plan.push(sql, same::place(name, table), Lock::AccessExclusive, &[table, &key.target], Effort::Moment);
}

/// Adds the new one, enforced for what is written from now on. A partitioned table can't have one that is not validated: its
/// partitions get it each, and [`validate`] puts them together.
pub(super) fn add_new(plan: &mut Plan<'_>, table: &str, new: &Constraint) {
    let Some(wanted) = plan.to.table(table) else { return };
    if !plan.is_online(table) {
        return add(plan, table, new, Effort::Scan);
    }
    if wanted.partition_by.is_none() {
        return add(plan, table, &same::not_valid(new), Effort::Moment);
    }
    for leaf in leaves(plan, table) {
        let there = plan.from.table(&leaf.name).and_then(|leaf| own(leaf, new));
        if there.is_none() {
            add(plan, &leaf.name, &same::not_valid(new), Effort::Moment);
        }
    }
}

fn own<'a>(leaf: &'a Table, wanted: &Constraint) -> Option<&'a Constraint> {
    foreign_keys(leaf)
        .map(|(own, _)| own)
        .find(|own| own.name == wanted.name && same::constraint(own, wanted))
}

fn leaves<'a>(plan: &Plan<'a>, table: &str) -> Vec<&'a Table> {
    let below = plan.tree(plan.to.root(table));
    below.into_iter().filter(|leaf| leaf.partition_by.is_none()).collect()
}

fn add(plan: &mut Plan<'_>, table: &str, new: &Constraint, effort: Effort) {
    let ConstraintKind::ForeignKey(key) = &new.kind else { return };
    let sql = format!("ALTER TABLE {} ADD {}", ident(table), written(new));
    let place = same::place(&new.name, table);
    plan.push(sql, place, Lock::ShareRowExclusive, &[table, &key.target], effort);
}

/// Holds the new ones against the rows that are there.
pub(super) fn validate(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        let remade: Vec<&Constraint> = remade(plan, table).collect();
        for (new, key) in foreign_keys(table.new) {
            let is_remade = remade.iter().any(|remade| remade.name == new.name);
            let was = foreign_keys(table.old).any(|(old, key)| old.name == new.name && key.validated);
            let online = plan.is_online(&table.new.name);
            if is_remade && online && table.new.partition_by.is_some() {
                put_together(plan, table.new, new);
            } else if key.validated && key.enforced && ((is_remade && online) || (!is_remade && !was)) {
                validate_constraint(
                    plan,
                    &table.new.name,
                    &new.name,
                    same::place(&new.name, &table.new.name),
                );
            }
        }
    }
}

/// The partitions' foreign keys become the parent's, which finds them validated and reads nothing.
fn put_together(plan: &mut Plan<'_>, table: &Table, new: &Constraint) {
    for leaf in leaves(plan, &table.name) {
        let there = plan.from.table(&leaf.name).and_then(|leaf| own(leaf, new));
        if !there.is_some_and(same::is_validated) {
            validate_constraint(plan, &leaf.name, &new.name, same::place(&new.name, &leaf.name));
        }
    }
    add(plan, &table.name, new, Effort::Moment);
}
