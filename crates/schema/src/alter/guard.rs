//! What can't be changed in place: an error that names the object. It also sees to it that nothing is left out silently: a
//! difference that no part of the planner knows is refused, too.

use super::plan::{Kept, Plan};
use crate::SchemaError;
use crate::model::{Column, TypeKind};
use serde_json::Value;

/// What the parts of the planner look after; the rest of the model must be equal.
const MODEL: [&str; 8] =
    ["types", "sequences", "functions", "tables", "views", "extensions", "dependencies", "unmodelled"];
const TABLE: [&str; 12] = [
    "name",
    "comment",
    "options",
    "replica_identity",
    "row_security",
    "force_row_security",
    "columns",
    "constraints",
    "indexes",
    "triggers",
    "policies",
    "statistics",
];

pub(super) fn refuse(plan: &Plan<'_>) -> Result<(), SchemaError> {
    gone(plan)?;
    changed(plan)?;
    for table in plan.kept() {
        for new in &table.new.columns {
            let old = table.old.column(&new.name);
            old.map_or(Ok(()), |old| column(&table.new.name, old, new))?;
        }
        if let Some(old) = table.old.columns.iter().find(|old| table.new.column(&old.name).is_none()) {
            return Err(drops(&format!("column {}.{}", table.old.name, old.name)));
        }
        order(table)?;
        rest(&table.new.name, &value(table.old), &value(table.new), |field| TABLE.contains(&field))?;
    }
    rest("the schema", &value(plan.from), &value(plan.to), |field| MODEL.contains(&field))
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

fn cannot(place: &str, message: String, hint: &str) -> SchemaError {
    SchemaError::CannotAlter { place: place.to_owned(), message, hint: hint.to_owned() }
}

fn drops(place: &str) -> SchemaError {
    cannot(
        place,
        "it would have to be dropped".to_owned(),
        "drop it yourself, or put it back into the schema",
    )
}

/// Objects that hold data, or that others may use, are never dropped.
fn gone(plan: &Plan<'_>) -> Result<(), SchemaError> {
    let (from, to) = (plan.from, plan.to);
    let lost = |kind: &str, name: &str| Err(drops(&format!("{kind} {name}")));
    if let Some(old) = from.tables.iter().find(|old| to.table(&old.name).is_none()) {
        return lost("table", &old.name);
    }
    if let Some(old) = from.views.iter().find(|old| !to.views.iter().any(|new| new.name == old.name)) {
        return lost("view", &old.name);
    }
    let stays = |name: &str| to.materialized_view(name).is_some();
    if let Some(old) = from.materialized_views.iter().find(|old| !stays(&old.name)) {
        return lost("materialized view", &old.name);
    }
    if let Some(old) = from.types.iter().find(|old| !to.types.iter().any(|new| new.name == old.name)) {
        return lost("type", &old.name);
    }
    if let Some(old) = from.sequences.iter().find(|old| !to.sequences.iter().any(|new| new.name == old.name))
    {
        return lost("sequence", &old.name);
    }
    let is_there = |name: String| to.functions.iter().any(|new| new.object_name() == name);
    if let Some(old) = from.functions.iter().find(|old| !is_there(old.object_name())) {
        return lost("function", &old.object_name());
    }
    match from.extensions.iter().find(|old| !to.has_extension(&old.name)) {
        Some(old) => lost("extension", &old.name),
        None => Ok(()),
    }
}

/// Types and sequences that are other ones.
fn changed(plan: &Plan<'_>) -> Result<(), SchemaError> {
    const HINT: &str = "change it yourself, in a way that suits the rows that are there";
    for new in &plan.to.types {
        let Some(old) = plan.from.types.iter().find(|old| old.name == new.name) else { continue };
        let grows = match (&old.kind, &new.kind) {
            (TypeKind::Enum { labels: old }, TypeKind::Enum { labels: new }) => new.starts_with(old),
            (old, new) => old == new,
        };
        if !grows {
            return Err(cannot(&format!("type {}", new.name), "it is another type".to_owned(), HINT));
        }
    }
    for new in &plan.to.sequences {
        let Some(old) = plan.from.sequences.iter().find(|old| old.name == new.name) else { continue };
        if (&old.options, old.unlogged, &old.owned_by) != (&new.options, new.unlogged, &new.owned_by) {
            return Err(cannot(&format!("sequence {}", new.name), "it is another sequence".to_owned(), HINT));
        }
    }
    Ok(())
}

fn column(table: &str, old: &Column, new: &Column) -> Result<(), SchemaError> {
    let place = format!("{table}.{}", new.name);
    let differs = if old.type_name != new.type_name {
        format!("the type {} would become {}", old.type_name, new.type_name)
    } else if old.collation != new.collation {
        "the collation would become another one".to_owned()
    } else if old.generated != new.generated {
        "how it is generated would change".to_owned()
    } else if old.identity != new.identity {
        "its identity would change".to_owned()
    } else if old.not_null && new.not_null && old.not_null_name != new.not_null_name {
        "the name of its NOT NULL would change".to_owned()
    } else {
        return Ok(());
    };
    Err(cannot(&place, differs, "that takes writing every row anew: add a column and move the values over"))
}

/// New columns come last: PostgreSQL puts them nowhere else.
fn order(table: Kept<'_>) -> Result<(), SchemaError> {
    let is_old = |column: &&Column| table.old.column(&column.name).is_some();
    let after: Vec<&str> =
        table.new.columns.iter().filter(is_old).map(|column| column.name.as_str()).collect();
    let before: Vec<&str> = table.old.columns.iter().map(|column| column.name.as_str()).collect();
    let misplaced = table.new.columns.iter().skip(before.len()).any(|column| is_old(&column));
    if after == before && !misplaced {
        return Ok(());
    }
    let message = "its columns would stand in another order".to_owned();
    Err(cannot(&table.new.name, message, "new columns come last: declare them so"))
}

/// Fields that no part of the planner changes.
fn rest(place: &str, old: &Value, new: &Value, handled: impl Fn(&str) -> bool) -> Result<(), SchemaError> {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return Ok(()) };
    let mut fields: Vec<&String> = old.keys().chain(new.keys()).collect();
    fields.sort();
    fields.dedup();
    match fields.into_iter().find(|field| !handled(field.as_str()) && old.get(*field) != new.get(*field)) {
        None => Ok(()),
        Some(field) => {
            let message = format!("its {} would change", field.replace('_', " "));
            Err(cannot(place, message, "that can't be done in place: change it yourself"))
        }
    }
}
