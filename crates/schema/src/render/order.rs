//! The order in which objects are created: dependencies first, otherwise by kind and name.

use crate::SchemaError;
use crate::model::{Definition, Function, Model, Object, ObjectKind};
use std::collections::{BTreeMap, BTreeSet};

/// The order, and what has to be created without its defaults and checks because they need something that needs it.
#[derive(Debug, Default)]
pub(crate) struct Order {
    pub(crate) objects: Vec<Object>,
    pub(crate) bare: BTreeSet<Object>,
}

/// Every type, sequence, function, table, view and so on, each after what it needs.
pub(crate) fn creation_order(model: &Model) -> Result<Vec<Object>, SchemaError> {
    Ok(order(model)?.objects)
}

/// The same, with circles broken where a default or a check can come later.
pub(crate) fn order(model: &Model) -> Result<Order, SchemaError> {
    let mut work = Work::of(objects(model).collect(), model);
    let mut done = Order::default();
    while !work.open.is_empty() {
        let Some(next) = work.ready.pop_first() else {
            done.bare.insert(work.break_a_circle()?);
            continue;
        };
        work.finish(&next);
        done.objects.push(next);
    }
    Ok(done)
}

/// What is still to be created.
struct Work {
    /// What each object still waits for, and whether softly.
    open: BTreeMap<Object, BTreeMap<Object, bool>>,
    /// Who waits for an object.
    waiting: BTreeMap<Object, Vec<Object>>,
    /// Those that wait for nothing.
    ready: BTreeSet<Object>,
}

impl Work {
    fn of(objects: BTreeSet<Object>, model: &Model) -> Self {
        let mut open: BTreeMap<Object, BTreeMap<Object, bool>> =
            objects.into_iter().map(|object| (object, BTreeMap::new())).collect();
        let mut waiting: BTreeMap<Object, Vec<Object>> = BTreeMap::new();
        let soft = model.dependencies.iter().map(|edge| (&edge.from, &edge.to, edge.soft));
        let parents: Vec<(Object, Object)> = parents(model).collect();
        let hard = parents.iter().map(|(child, parent)| (child, parent, false));
        for (from, to, soft) in soft.chain(hard) {
            // Edges to what the model does not hold were refused by then.
            if from == to || !open.contains_key(to) {
                continue;
            }
            let Some(needs) = open.get_mut(from) else { continue };
            if needs.insert(to.clone(), soft).is_none() {
                waiting.entry(to.clone()).or_default().push(from.clone());
            }
        }
        let ready = open.iter().filter(|(_, needs)| needs.is_empty()).map(|(object, _)| object.clone());
        let ready = ready.collect();
        Self { open, waiting, ready }
    }

    fn finish(&mut self, object: &Object) {
        self.open.remove(object);
        for other in self.waiting.remove(object).unwrap_or_default() {
            let Some(needs) = self.open.get_mut(&other) else { continue };
            needs.remove(object);
            if needs.is_empty() {
                self.ready.insert(other);
            }
        }
    }

    /// Lets the first object that waits for nothing but defaults and checks go ahead without them.
    fn break_a_circle(&mut self) -> Result<Object, SchemaError> {
        let only_soft = |needs: &BTreeMap<Object, bool>| needs.values().all(|soft| *soft);
        let found = self.open.iter_mut().find(|(_, needs)| only_soft(needs));
        let Some((object, needs)) = found else {
            return Err(SchemaError::Cycle(self.open.keys().map(|object| object.name.clone()).collect()));
        };
        needs.clear();
        self.ready.insert(object.clone());
        Ok(object.clone())
    }
}

/// Children in the sense of `INHERITS` come after their parents. (Partitions are attached later.)
fn parents(model: &Model) -> impl Iterator<Item = (Object, Object)> {
    let table = |name: &str| Object { kind: ObjectKind::Table, name: name.to_owned() };
    model
        .tables
        .iter()
        .flat_map(move |child| child.inherits.iter().map(move |parent| (table(&child.name), table(parent))))
}

fn objects(model: &Model) -> impl Iterator<Item = Object> {
    let named = |kind: ObjectKind, name: String| Object { kind, name };
    let types = model.types.iter().map(move |t| named(ObjectKind::Type, t.name.clone()));
    let sequences = model.sequences.iter().map(move |s| named(ObjectKind::Sequence, s.name.clone()));
    let definitions = model.definitions.iter().map(Definition::object_name);
    let definitions = definitions.map(move |d| named(ObjectKind::Definition, d));
    let functions =
        model.functions.iter().map(Function::object_name).map(move |f| named(ObjectKind::Function, f));
    let tables = model.tables.iter().map(move |t| named(ObjectKind::Table, t.name.clone()));
    let views = model.views.iter().map(move |v| named(ObjectKind::View, v.name.clone()));
    let materialized =
        model.materialized_views.iter().map(move |v| named(ObjectKind::MaterializedView, v.name.clone()));
    types.chain(sequences).chain(definitions).chain(functions).chain(tables).chain(views).chain(materialized)
}
