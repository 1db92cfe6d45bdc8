//! Triggers, statistics, row-level security, storage parameters and comments.

use super::plan::{Kept, Plan};
use super::same;
use super::{Effort, Lock};
use crate::model::{Constraint, Index, Model, Policy, Table, Trigger, TypeKind};
use crate::render::table::create_policy;
use crate::render::text::{assignments, ident, idents, literal};

/// Every relation that may have triggers, with those that it has and those that it should have.
pub(super) fn triggers(plan: &mut Plan<'_>) {
    let (from, to) = (plan.from, plan.to);
    let of = |model: &'_ Model, name: &str| -> Vec<Trigger> {
        let table = model.table(name).map(|table| table.triggers.clone());
        let view = || model.views.iter().find(|view| view.name == name).map(|view| view.triggers.clone());
        table.or_else(view).unwrap_or_default()
    };
    let names = to.tables.iter().map(|table| &table.name).chain(to.views.iter().map(|view| &view.name));
    for name in names {
        let (old, new) = (of(from, name), of(to, name));
        for gone in old.iter().filter(|old| !new.iter().any(|new| new.name == old.name)) {
            drop_trigger(plan, name, gone);
        }
        for trigger in &new {
            bring_trigger(plan, name, old.iter().find(|old| old.name == trigger.name), trigger);
        }
    }
}

fn drop_trigger(plan: &mut Plan<'_>, relation: &str, trigger: &Trigger) {
    let sql = format!("DROP TRIGGER {} ON {}", ident(&trigger.name), ident(relation));
    plan.push(sql, trigger_place(relation, trigger), Lock::AccessExclusive, &[relation], Effort::Moment);
}

fn trigger_place(relation: &str, trigger: &Trigger) -> String {
    format!("trigger {} on {relation}", trigger.name)
}

fn bring_trigger(plan: &mut Plan<'_>, relation: &str, old: Option<&Trigger>, new: &Trigger) {
    let stays = old.is_some_and(|old| old.definition == new.definition);
    let was_enabled = if stays { old.map_or('O', |old| old.enabled) } else { 'O' };
    let place = trigger_place(relation, new);
    plan.together(|plan| {
        if !stays {
            if let Some(old) = old {
                drop_trigger(plan, relation, old);
            }
            let lock = Lock::ShareRowExclusive;
            plan.push(new.definition.clone(), place.clone(), lock, &[relation], Effort::Moment);
        }
        if was_enabled != new.enabled {
            let state = match new.enabled {
                'D' => "DISABLE",
                'R' => "ENABLE REPLICA",
                'A' => "ENABLE ALWAYS",
                _ => "ENABLE",
            };
            let sql = format!("ALTER TABLE {} {state} TRIGGER {}", ident(relation), ident(&new.name));
            plan.push(sql, place, Lock::ShareRowExclusive, &[relation], Effort::Moment);
        }
    });
}

pub(super) fn statistics(plan: &mut Plan<'_>) {
    for table in &plan.to.tables {
        let old = plan.from.table(&table.name).map(|old| old.statistics.as_slice()).unwrap_or_default();
        for gone in old.iter().filter(|old| !table.statistics.iter().any(|new| is_same(old, new))) {
            let sql = format!("DROP STATISTICS {}", ident(&gone.name));
            plan.push(
                sql,
                same::place(&gone.name, &table.name),
                Lock::ShareUpdateExclusive,
                &[&table.name],
                Effort::Moment,
            );
        }
        for new in table.statistics.iter().filter(|new| !old.iter().any(|old| is_same(old, new))) {
            let lock = Lock::ShareUpdateExclusive;
            let place = same::place(&new.name, &table.name);
            plan.push(new.definition.clone(), place, lock, &[&table.name], Effort::Moment);
        }
    }
}

fn is_same(old: &crate::model::Statistics, new: &crate::model::Statistics) -> bool {
    (&old.name, &old.definition) == (&new.name, &new.definition)
}

/// Storage parameters, policies and the switches of row-level security, a table in one transaction: no statement between two
/// of these sees all or nothing.
pub(super) fn policies(plan: &mut Plan<'_>) {
    for table in &plan.to.tables {
        let empty = Table { policies: Vec::new(), options: table.options.clone(), ..bare(table) };
        let old = plan.from.table(&table.name).cloned().unwrap_or(empty);
        options(plan, &old, table);
        plan.together(|plan| row_security(plan, Kept { old: &old, new: table }));
    }
}

fn bare(table: &Table) -> Table {
    Table { row_security: false, force_row_security: false, ..table.clone() }
}

fn options(plan: &mut Plan<'_>, old: &Table, new: &Table) {
    if old.options == new.options {
        return;
    }
    let name = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
    let kept: Vec<String> = new.options.iter().map(name).collect();
    let gone: Vec<String> = old.options.iter().map(name).filter(|name| !kept.contains(name)).collect();
    let gone: Vec<String> =
        gone.iter().map(|name| idents(&name.split('.').collect::<Vec<_>>(), ".")).collect();
    if !gone.is_empty() {
        plan.moment(&new.name, new.name.clone(), &format!("RESET ({})", gone.join(", ")));
    }
    if !new.options.is_empty() {
        plan.moment(&new.name, new.name.clone(), &format!("SET ({})", assignments(&new.options)));
    }
}

fn row_security(plan: &mut Plan<'_>, table: Kept<'_>) {
    let (old, new) = (table.old, table.new);
    let name = new.name.as_str();
    // Switching off what must not be in force comes first, switching on comes last.
    if old.force_row_security && !new.force_row_security {
        plan.moment(name, name.to_owned(), "NO FORCE ROW LEVEL SECURITY");
    }
    if old.row_security && !new.row_security {
        plan.moment(name, name.to_owned(), "DISABLE ROW LEVEL SECURITY");
    }
    for gone in old.policies.iter().filter(|old| !new.policies.iter().any(|new| same_policy(old, new))) {
        let sql = format!("DROP POLICY {} ON {}", ident(&gone.name), ident(name));
        plan.push(sql, policy_place(name, gone), Lock::AccessExclusive, &[name], Effort::Moment);
    }
    for policy in new.policies.iter().filter(|new| !old.policies.iter().any(|old| same_policy(old, new))) {
        let place = policy_place(name, policy);
        plan.push(create_policy(new, policy), place, Lock::AccessExclusive, &[name], Effort::Moment);
    }
    if new.row_security && !old.row_security {
        plan.moment(name, name.to_owned(), "ENABLE ROW LEVEL SECURITY");
    }
    if new.force_row_security && !old.force_row_security {
        plan.moment(name, name.to_owned(), "FORCE ROW LEVEL SECURITY");
    }
}

fn policy_place(table: &str, policy: &Policy) -> String {
    format!("policy {} on {table}", policy.name)
}

fn same_policy(old: &Policy, new: &Policy) -> bool {
    Policy { comment: None, ..old.clone() } == Policy { comment: None, ..new.clone() }
}

/// Comments. What was made anew has none, whatever the old one had.
pub(super) fn comments(plan: &mut Plan<'_>) {
    let (from, to) = (plan.from, plan.to);
    for new in &to.types {
        let word = if matches!(new.kind, TypeKind::Domain { .. }) { "DOMAIN" } else { "TYPE" };
        let old = from.types.iter().find(|old| old.name == new.name).and_then(|old| old.comment.as_deref());
        comment(plan, &format!("{word} {}", ident(&new.name)), &new.name, old, new.comment.as_deref());
    }
    for new in &to.sequences {
        let old =
            from.sequences.iter().find(|old| old.name == new.name).and_then(|old| old.comment.as_deref());
        comment(plan, &format!("SEQUENCE {}", ident(&new.name)), &new.name, old, new.comment.as_deref());
    }
    for new in &to.functions {
        let old = from.functions.iter().find(|old| old.object_name() == new.object_name());
        let what = format!("ROUTINE {}({})", ident(&new.name), new.arguments);
        comment(plan, &what, &new.name, old.and_then(|old| old.comment.as_deref()), new.comment.as_deref());
    }
    for new in &to.tables {
        table_comments(plan, from.table(&new.name), new);
    }
    for new in &to.views {
        let old = from.views.iter().find(|old| old.name == new.name);
        let name = ident(&new.name);
        let before = old.and_then(|old| old.comment.as_deref());
        comment(plan, &format!("VIEW {name}"), &new.name, before, new.comment.as_deref());
        let text = |view: &crate::model::View, column: &str| {
            let found = view.column_comments.iter().find(|comment| comment.column == column);
            found.map(|comment| comment.comment.clone())
        };
        let gone = old.iter().flat_map(|old| old.column_comments.iter());
        let mut columns: Vec<&str> =
            gone.chain(&new.column_comments).map(|comment| comment.column.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();
        for column in columns {
            let (old, now) = (old.and_then(|old| text(old, column)), text(new, column));
            let what = format!("COLUMN {name}.{}", ident(column));
            comment(plan, &what, &new.name, old.as_deref(), now.as_deref());
        }
        trigger_comments(plan, &new.name, old.map(|old| old.triggers.as_slice()), &new.triggers);
    }
}

fn comment(plan: &mut Plan<'_>, what: &str, place: &str, old: Option<&str>, new: Option<&str>) {
    if old == new {
        return;
    }
    let text = new.map_or_else(|| "NULL".to_owned(), literal);
    plan.push(
        format!("COMMENT ON {what} IS {text}"),
        place.to_owned(),
        Lock::ShareUpdateExclusive,
        &[place],
        Effort::Moment,
    );
}

fn table_comments(plan: &mut Plan<'_>, old: Option<&Table>, new: &Table) {
    let name = ident(&new.name);
    let before = old.and_then(|old| old.comment.as_deref());
    comment(plan, &format!("TABLE {name}"), &new.name, before, new.comment.as_deref());
    for column in &new.columns {
        let before = old.and_then(|old| old.column(&column.name)).and_then(|old| old.comment.as_deref());
        let what = format!("COLUMN {name}.{}", ident(&column.name));
        comment(plan, &what, &new.name, before, column.comment.as_deref());
    }
    for constraint in &new.constraints {
        let same = |old: &&Constraint| old.name == constraint.name && same::constraint(old, constraint);
        let before = old.and_then(|old| old.constraints.iter().find(same));
        let what = format!("CONSTRAINT {} ON {name}", ident(&constraint.name));
        let before = before.and_then(|old| old.comment.as_deref());
        comment(plan, &what, &new.name, before, constraint.comment.as_deref());
    }
    for index in &new.indexes {
        let same = |old: &&Index| old.name == index.name && same::index(old, index);
        let before = old.and_then(|old| old.indexes.iter().find(same)).and_then(|old| old.comment.as_deref());
        comment(plan, &format!("INDEX {}", ident(&index.name)), &new.name, before, index.comment.as_deref());
    }
    for policy in &new.policies {
        let same = |old: &&Policy| old.name == policy.name && same_policy(old, policy);
        let before =
            old.and_then(|old| old.policies.iter().find(same)).and_then(|old| old.comment.as_deref());
        let what = format!("POLICY {} ON {name}", ident(&policy.name));
        comment(plan, &what, &new.name, before, policy.comment.as_deref());
    }
    for statistics in &new.statistics {
        let before = old.and_then(|old| old.statistics.iter().find(|old| is_same(old, statistics)));
        let before = before.and_then(|old| old.comment.as_deref());
        let what = format!("STATISTICS {}", ident(&statistics.name));
        comment(plan, &what, &new.name, before, statistics.comment.as_deref());
    }
    trigger_comments(plan, &new.name, old.map(|old| old.triggers.as_slice()), &new.triggers);
}

fn trigger_comments(plan: &mut Plan<'_>, relation: &str, old: Option<&[Trigger]>, new: &[Trigger]) {
    for trigger in new {
        let same = |old: &&Trigger| (&old.name, &old.definition) == (&trigger.name, &trigger.definition);
        let before = old.unwrap_or_default().iter().find(same).and_then(|old| old.comment.as_deref());
        let what = format!("TRIGGER {} ON {}", ident(&trigger.name), ident(relation));
        comment(plan, &what, relation, before, trigger.comment.as_deref());
    }
}
