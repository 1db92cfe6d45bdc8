//! The order in which objects are created: dependencies first, otherwise by kind and name.

use crate::SchemaError;
use crate::model::{Function, Model, Object, ObjectKind};
use std::collections::{BTreeMap, BTreeSet};

/// Every type, sequence, function, table and view, each after what it needs.
pub(crate) fn creation_order(model: &Model) -> Result<Vec<Object>, SchemaError> {
    let objects: BTreeSet<Object> = objects(model).collect();
    let mut needs: BTreeMap<&Object, BTreeSet<&Object>> =
        objects.iter().map(|o| (o, BTreeSet::new())).collect();
    for dependency in &model.dependencies {
        // Edges to what the model does not hold (a materialized view) were refused by then.
        if let (Some(needs), Some(to)) = (needs.get_mut(&dependency.from), objects.get(&dependency.to)) {
            needs.insert(to);
        }
    }
    let mut order = Vec::with_capacity(objects.len());
    while !needs.is_empty() {
        let ready = needs.iter().find(|(_, open)| open.is_empty()).map(|(object, _)| *object);
        let Some(next) = ready else {
            return Err(SchemaError::Cycle(needs.keys().map(|object| object.name.clone()).collect()));
        };
        needs.remove(next);
        for open in needs.values_mut() {
            open.remove(next);
        }
        order.push(next.clone());
    }
    Ok(order)
}

fn objects(model: &Model) -> impl Iterator<Item = Object> {
    let named = |kind: ObjectKind, name: String| Object { kind, name };
    let types = model.types.iter().map(move |t| named(ObjectKind::Type, t.name.clone()));
    let sequences = model.sequences.iter().map(move |s| named(ObjectKind::Sequence, s.name.clone()));
    let functions =
        model.functions.iter().map(Function::object_name).map(move |f| named(ObjectKind::Function, f));
    let tables = model.tables.iter().map(move |t| named(ObjectKind::Table, t.name.clone()));
    let views = model.views.iter().map(move |v| named(ObjectKind::View, v.name.clone()));
    types.chain(sequences).chain(functions).chain(tables).chain(views)
}
