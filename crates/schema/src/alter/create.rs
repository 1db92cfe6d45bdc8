//! Objects that are not there yet. They are empty, so their statements are those of `compile`.

use super::plan::Plan;
use super::{Effort, Lock};
use crate::SchemaError;
use crate::model::{ObjectKind, Table, TypeKind};
use crate::render::text::{ident, literal};
use crate::render::{self, order, table as render_table};

/// Extensions, types, sequences, functions and tables; functions and enums that changed.
pub(super) fn objects(plan: &mut Plan<'_>) -> Result<(), SchemaError> {
    extensions(plan);
    for object in order::creation_order(plan.to)? {
        let is_there = match object.kind {
            ObjectKind::Type => plan.from.types.iter().any(|old| old.name == object.name),
            ObjectKind::Sequence => plan.from.sequences.iter().any(|old| old.name == object.name),
            ObjectKind::Table => !plan.is_new(&object.name),
            ObjectKind::Function => {
                let same = |function: &&crate::model::Function| function.object_name() == object.name;
                let (old, new) = (plan.from.functions.iter().find(same), plan.to.functions.iter().find(same));
                old.is_some_and(|old| new.is_some_and(|new| old.definition == new.definition))
            }
            _ => true,
        };
        if is_there {
            continue;
        }
        let mut statements = Vec::new();
        render::create(plan.to, &object, &mut statements);
        for sql in statements {
            plan.push(sql, object.name.clone(), Lock::None, &[], Effort::Moment);
        }
    }
    enum_labels(plan);
    Ok(())
}

fn extensions(plan: &mut Plan<'_>) {
    for extension in plan.to.extensions.iter().filter(|new| !plan.from.has_extension(&new.name)) {
        let schema =
            extension.schema.as_ref().map_or_else(|| plan.target.schema.to_string(), |name| ident(name));
        let sql = format!("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {schema}", ident(&extension.name));
        plan.push(sql, format!("extension {}", extension.name), Lock::None, &[], Effort::Moment);
    }
}

fn enum_labels(plan: &mut Plan<'_>) {
    for new in &plan.to.types {
        let old = plan.from.types.iter().find(|old| old.name == new.name);
        let (Some(TypeKind::Enum { labels: old }), TypeKind::Enum { labels }) =
            (old.map(|old| &old.kind), &new.kind)
        else {
            continue;
        };
        for label in labels.iter().skip(old.len()) {
            let sql = format!("ALTER TYPE {} ADD VALUE IF NOT EXISTS {}", ident(&new.name), literal(label));
            plan.push(sql, format!("type {}", new.name), Lock::None, &[], Effort::Moment);
        }
    }
}

/// What new tables get when everything that they refer to has its keys.
pub(super) fn finish(plan: &mut Plan<'_>) {
    let new: Vec<&Table> = plan.to.tables.iter().filter(|table| plan.is_new(&table.name)).collect();
    for part in [render_table::finish, render_table::late_checks, render_table::indexes, render_table::attach]
    {
        for table in &new {
            push(plan, table, part);
        }
    }
    for sequence in &plan.to.sequences {
        let is_new = !plan.from.sequences.iter().any(|old| old.name == sequence.name);
        if let Some(owned) = sequence.owned_by.as_ref().filter(|_| is_new) {
            let column = render::text::idents(&[&owned.table, &owned.column], ".");
            let sql = format!("ALTER SEQUENCE {} OWNED BY {column}", ident(&sequence.name));
            plan.push(sql, format!("sequence {}", sequence.name), Lock::None, &[], Effort::Moment);
        }
    }
    for part in [render_table::foreign_keys, render_table::replica_identity] {
        for table in &new {
            push(plan, table, part);
        }
    }
}

fn push(plan: &mut Plan<'_>, table: &Table, part: impl Fn(&Table, &mut Vec<String>)) {
    let mut statements = Vec::new();
    part(table, &mut statements);
    for sql in statements {
        // The other side of a reference and the parent of a partition are locked too, for a moment.
        plan.push(sql, table.name.clone(), Lock::ShareRowExclusive, &[&table.name], Effort::Moment);
    }
}
