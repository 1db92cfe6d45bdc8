//! Indexes that are not a constraint's.

use super::leftover::{drop_index, is_invalid, is_leftover, new_name, old_name, ready};
use super::plan::{Kept, Plan};
use super::same;
use super::{Effort, Lock};
use crate::model::{Index, Table};
use crate::render::table::create_index;
use crate::render::text::ident;

/// Indexes that have to go or to give their name to another. Invalid ones are gone by then.
pub(super) fn to_drop<'a>(plan: &Plan<'a>, table: Kept<'a>) -> impl Iterator<Item = &'a Index> + use<'a> {
    let from = plan.from;
    let kept = move |old: &&Index| !is_leftover(&old.name) && is_usable(from, table.old, old);
    table
        .old
        .indexes
        .iter()
        .filter(kept)
        .filter(move |old| !table.new.indexes.iter().any(|new| is_same(old, new)))
}

/// Indexes that have to be made.
pub(super) fn to_add<'a>(plan: &Plan<'a>, table: Kept<'a>) -> impl Iterator<Item = &'a Index> + use<'a> {
    let from = plan.from;
    table.new.indexes.iter().filter(move |new| {
        !table.old.indexes.iter().any(|old| is_same(old, new) && is_usable(from, table.old, old))
    })
}

fn is_usable(from: &crate::model::Model, table: &Table, index: &Index) -> bool {
    table.partition_by.is_some() || !is_invalid(from, &index.name)
}

fn is_same(old: &Index, new: &Index) -> bool {
    old.name == new.name && same::index(old, new)
}

/// What can be built while the table is used. An index whose name is free gets it at once.
pub(super) fn build(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        if !plan.is_online(&table.new.name) || table.new.partition_by.is_some() {
            continue;
        }
        let added: Vec<&Index> = to_add(plan, table).collect();
        for new in added {
            if ready(plan, table.old, &new.name, new).is_some() {
                continue;
            }
            let temporary = new_name(&table.new.name, &new.name);
            let there = |name: &str| table.old.indexes.iter().any(|index| index.name == name);
            if there(&temporary) && !is_invalid(plan.from, &temporary) {
                drop_index(plan, &table.new.name, &temporary);
            }
            let name = if is_free(plan, table, &new.name) { new.name.clone() } else { temporary };
            build_concurrently(plan, table.new, &Index { name, ..new.clone() }, &new.name);
        }
    }
}

/// Whether no index of the table has the name now. In a partition tree names change hands in one transaction.
fn is_free(plan: &Plan<'_>, table: Kept<'_>, name: &str) -> bool {
    table.new.partition_of.is_none() && !to_drop(plan, table).any(|old| old.name == name)
}

pub(super) fn build_concurrently(plan: &mut Plan<'_>, table: &Table, index: &Index, for_name: &str) {
    let sql = create_index(table, index).replacen("INDEX ", "INDEX CONCURRENTLY ", 1);
    plan.push_alone(sql, same::place(for_name, &table.name), &table.name);
}

/// Renaming an index keeps nobody out.
pub(super) fn swap_alone(plan: &mut Plan<'_>, table: Kept<'_>) {
    let gone: Vec<&Index> = to_drop(plan, table).collect();
    let added: Vec<&Index> = to_add(plan, table).collect();
    for new in &added {
        let temporary = new_name(&table.new.name, &new.name);
        let is_built =
            table.old.indexes.iter().any(|index| index.name == temporary) || !is_free(plan, table, &new.name);
        if is_built {
            plan.together(|plan| {
                if gone.iter().any(|old| old.name == new.name) {
                    rename(plan, &table.new.name, &new.name, &old_name(&table.new.name, &new.name));
                }
                rename(plan, &table.new.name, &temporary, &new.name);
            });
        }
    }
    replica_identity(plan, table);
    for old in gone {
        let taken = added.iter().any(|new| new.name == old.name);
        let name = if taken { old_name(&table.new.name, &old.name) } else { old.name.clone() };
        drop_index(plan, &table.new.name, &name);
    }
}

fn rename(plan: &mut Plan<'_>, table: &str, from: &str, to: &str) {
    let sql = format!("ALTER INDEX {} RENAME TO {}", ident(from), ident(to));
    let place = same::place(if is_leftover(to) { from } else { to }, table);
    plan.push(sql, place, Lock::ShareUpdateExclusive, &[table], Effort::Moment);
}

/// The old indexes of a tree that changes in one transaction.
pub(super) fn drop_plain(plan: &mut Plan<'_>, table: Kept<'_>) {
    let gone: Vec<&Index> = to_drop(plan, table).collect();
    for old in gone {
        let place = same::place(&old.name, &table.old.name);
        let sql = format!("DROP INDEX IF EXISTS {}", ident(&old.name));
        plan.push(sql, place, Lock::AccessExclusive, &[&table.old.name], Effort::Moment);
    }
}

/// The new ones: built already, or built now.
pub(super) fn add_plain(plan: &mut Plan<'_>, table: Kept<'_>) {
    let added: Vec<&Index> = to_add(plan, table).collect();
    for new in added {
        let place = same::place(&new.name, &table.new.name);
        if !plan.is_online(&table.new.name) {
            plan.push(create_index(table.new, new), place, Lock::Share, &[&table.new.name], Effort::Scan);
        } else if table.new.partition_by.is_some() {
            add_to_parent(plan, table.new, new);
        } else {
            let is_built = !is_free(plan, table, &new.name);
            if is_built {
                rename(plan, &table.new.name, &new_name(&table.new.name, &new.name), &new.name);
            }
        }
    }
    replica_identity(plan, table);
}

fn add_to_parent(plan: &mut Plan<'_>, table: &Table, new: &Index) {
    let place = same::place(&new.name, &table.name);
    let parts: Option<Vec<(&Table, &Index)>> = plan
        .partitions(&table.name)
        .into_iter()
        .map(|part| Some((part, part.indexes.iter().find(|own| same::index(own, new))?)))
        .collect();
    let Some(parts) = parts else {
        // A partition without its part: the server builds it, under a lock.
        return plan.push(create_index(table, new), place, Lock::Share, &[&table.name], Effort::Scan);
    };
    let on = format!(" ON {}", ident(&table.name));
    let sql = create_index(table, new).replacen(&on, &on.replacen(" ON ", " ON ONLY ", 1), 1);
    plan.push(sql, place.clone(), Lock::Share, &[&table.name], Effort::Moment);
    for (part, own) in parts {
        attach(plan, &new.name, &own.name, &part.name, place.clone());
    }
}

/// Makes a partition's index part of its parent's.
pub(super) fn attach(plan: &mut Plan<'_>, parent: &str, own: &str, part: &str, place: String) {
    let sql = format!("ALTER INDEX {} ATTACH PARTITION {}", ident(parent), ident(own));
    plan.push(sql, place, Lock::ShareUpdateExclusive, &[part], Effort::Moment);
}

/// An index that was replaced no longer tells rows apart for logical replication.
fn replica_identity(plan: &mut Plan<'_>, table: Kept<'_>) {
    let marked = table.new.indexes.iter().find(|index| index.replica_identity);
    let was = |index: &Index| {
        let old = table.old.indexes.iter().find(|old| old.name == index.name);
        old.is_some_and(|old| old.replica_identity && same::index(old, index))
    };
    let stays = table.old.replica_identity == table.new.replica_identity && marked.is_none_or(was);
    if stays {
        return;
    }
    let identity = match (table.new.replica_identity, marked) {
        ('i', Some(index)) => format!("USING INDEX {}", ident(&index.name)),
        ('n', _) => "NOTHING".to_owned(),
        ('f', _) => "FULL".to_owned(),
        _ => "DEFAULT".to_owned(),
    };
    plan.moment(&table.new.name, table.new.name.clone(), &format!("REPLICA IDENTITY {identity}"));
}
