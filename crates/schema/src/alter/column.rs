//! Columns: new ones, defaults, NOT NULL, storage.

use super::leftover;
use super::plan::{Kept, Plan};
use super::same;
use super::{Effort, Lock};
use crate::model::{Column, Table};
use crate::render::table::{column_definition, compression_word, storage_word};
use crate::render::text::{assignments, ident, idents};

/// New columns. Partitions get them from their parents.
pub(super) fn add(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        for column in table.new.columns.iter().filter(|column| table.old.column(&column.name).is_none()) {
            if comes_from_parent(plan, table.new, &column.name) {
                continue;
            }
            let added = as_added(column);
            let effort = if writes_rows(&added) { Effort::Rewrite } else { Effort::Moment };
            let definition = column_definition(table.new, &added);
            let sql = format!("ALTER TABLE {} ADD COLUMN {definition}", ident(&table.new.name));
            let place = format!("{}.{}", table.new.name, column.name);
            plan.push(sql, place, Lock::AccessExclusive, &[&table.new.name], effort);
        }
    }
}

fn comes_from_parent(plan: &Plan<'_>, table: &Table, column: &str) -> bool {
    plan.parents(table).iter().any(|parent| {
        let before = plan.from.table(&parent.name);
        parent.column(column).is_some() && before.is_some_and(|before| before.column(column).is_none())
    })
}

/// A column as ADD COLUMN makes it. The context of whoever runs the plan must not become the tenant of the rows that are
/// there: what comes from it is set as a default afterwards.
fn as_added(column: &Column) -> Column {
    let mut added = Column {
        storage: None,
        compression: None,
        statistics: None,
        options: Vec::new(),
        comment: None,
        ..column.clone()
    };
    if column.default.as_deref().is_some_and(|default| default.contains("tenancy.")) {
        added.default = None;
        added.not_null = false;
    }
    if added.default.is_none() && added.generated.is_none() && added.identity.is_none() {
        // With rows in the table it would be refused; set through a check it says which rows are missing.
        added.not_null = false;
    }
    added
}

fn writes_rows(column: &Column) -> bool {
    let calls = column.default.as_deref().is_some_and(|default| default.contains('('));
    calls || column.identity.is_some() || column.generated.as_ref().is_some_and(|generated| generated.stored)
}

/// What a column has besides its type.
pub(super) fn attributes(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        for new in &table.new.columns {
            let old = table.old.column(&new.name).cloned().unwrap_or_else(|| as_added(new));
            default(plan, table, &old, new);
            storage(plan, table, &old, new);
        }
    }
    for table in plan.kept() {
        for new in &table.new.columns {
            let old = table.old.column(&new.name).cloned().unwrap_or_else(|| as_added(new));
            not_null(plan, table, &old, new);
        }
    }
}

/// Whether a parent's column changes in the same way, so that its statement does it here too.
fn parent_does<T: PartialEq>(
    plan: &Plan<'_>,
    table: &Table,
    new: &Column,
    of: impl Fn(&Column) -> T + Copy,
) -> bool {
    plan.parents(table).iter().any(|parent| {
        let after = parent.column(&new.name);
        let before = plan.from.table(&parent.name).map(|table| table.column(&new.name));
        match (before, after) {
            (Some(before), Some(after)) => {
                let before = before.cloned().unwrap_or_else(|| as_added(after));
                of(after) == of(new) && of(&before) != of(after)
            }
            _ => false,
        }
    })
}

fn default(plan: &mut Plan<'_>, table: Kept<'_>, old: &Column, new: &Column) {
    if old.default == new.default || new.generated.is_some() {
        return;
    }
    if parent_does(plan, table.new, new, |column| column.default.clone()) {
        return;
    }
    let what = match &new.default {
        Some(default) => format!("SET DEFAULT {default}"),
        None => "DROP DEFAULT".to_owned(),
    };
    alter(plan, table.new, new, &what);
}

fn alter(plan: &mut Plan<'_>, table: &Table, column: &Column, what: &str) {
    let place = format!("{}.{}", table.name, column.name);
    plan.moment(&table.name, place, &format!("ALTER COLUMN {} {what}", ident(&column.name)));
}

fn storage(plan: &mut Plan<'_>, table: Kept<'_>, old: &Column, new: &Column) {
    if old.storage != new.storage {
        let word = new.storage.and_then(storage_word).unwrap_or("DEFAULT");
        alter(plan, table.new, new, &format!("SET STORAGE {word}"));
    }
    if old.compression != new.compression {
        let word = new.compression.and_then(compression_word).unwrap_or("default");
        alter(plan, table.new, new, &format!("SET COMPRESSION {word}"));
    }
    if old.statistics != new.statistics {
        alter(plan, table.new, new, &format!("SET STATISTICS {}", new.statistics.unwrap_or(-1)));
    }
    options(plan, table.new, old, new);
}

fn options(plan: &mut Plan<'_>, table: &Table, old: &Column, new: &Column) {
    if old.options == new.options {
        return;
    }
    let name = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
    let kept: Vec<String> = new.options.iter().map(name).collect();
    let gone: Vec<String> = old.options.iter().map(name).filter(|name| !kept.contains(name)).collect();
    if !gone.is_empty() {
        alter(plan, table, new, &format!("RESET ({})", idents(&gone, ", ")));
    }
    if !new.options.is_empty() {
        alter(plan, table, new, &format!("SET ({})", assignments(&new.options)));
    }
}

fn not_null(plan: &mut Plan<'_>, table: Kept<'_>, old: &Column, new: &Column) {
    if parent_does(plan, table.new, new, |column| column.not_null) {
        return;
    }
    let name = leftover::not_null_name(&table.new.name, &new.name);
    let check = table.old.constraints.iter().find(|constraint| constraint.name == name);
    let drop = format!("DROP CONSTRAINT {}", ident(&name));
    let place = format!("{}.{}", table.new.name, new.name);
    match (old.not_null, new.not_null) {
        (false, true) if plan.is_online(&table.new.name) => {
            if check.is_none() {
                let column = ident(&new.name);
                let what = format!("ADD CONSTRAINT {} CHECK ({column} IS NOT NULL) NOT VALID", ident(&name));
                plan.moment(&table.new.name, place.clone(), &what);
            }
            if !check.is_some_and(same::is_validated) {
                validate(plan, &table.new.name, &name, place.clone());
            }
            plan.together(|plan| {
                alter(plan, table.new, new, "SET NOT NULL");
                plan.moment(&table.new.name, place, &drop);
            });
        }
        (false, true) => {
            let sql = format!(
                "ALTER TABLE {} ALTER COLUMN {} SET NOT NULL",
                ident(&table.new.name),
                ident(&new.name)
            );
            plan.push(sql, place.clone(), Lock::AccessExclusive, &[&table.new.name], Effort::Scan);
            if check.is_some() {
                plan.moment(&table.new.name, place, &drop);
            }
        }
        (true, false) => alter(plan, table.new, new, "DROP NOT NULL"),
        _ if check.is_some() && !is_inherited(plan, table.new, &name) => {
            plan.moment(&table.new.name, place, &drop);
        }
        _ => {}
    }
}

/// The check's name is made of the table's, so only the table that it was added to has it of its own.
fn is_inherited(plan: &Plan<'_>, table: &Table, check: &str) -> bool {
    plan.parents(table).iter().any(|parent| {
        let before = plan.from.table(&parent.name);
        before.is_some_and(|before| before.constraints.iter().any(|constraint| constraint.name == check))
    })
}

/// Holds a constraint against the rows that are there, while they are read and written.
pub(super) fn validate(plan: &mut Plan<'_>, table: &str, constraint: &str, place: String) {
    let sql = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", ident(table), ident(constraint));
    plan.push(sql, place, Lock::ShareUpdateExclusive, &[table], Effort::Scan);
}
