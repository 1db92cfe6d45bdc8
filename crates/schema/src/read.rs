//! Facts to model: parses the answers of the introspection queries, puts parts to their tables, and sorts everything,
//! so that the model does not depend on the order in which the catalog told it.

use crate::error::SchemaError;
use crate::introspect::introspection;
use crate::model::{
    Column, Constraint, ConstraintKind, Exclusion, ForeignAction, ForeignKey, Index, Model, Policy,
    Statistics, Table, Trigger, UniqueKey,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Builds the model from `(query name, answer)` pairs, in any order.
pub fn read(facts: &[(String, String)]) -> Result<Model, SchemaError> {
    let mut model = Model {
        source: parse(facts, "source")?,
        types: parse(facts, "types")?,
        sequences: parse(facts, "sequences")?,
        functions: parse(facts, "functions")?,
        tables: parse(facts, "tables")?,
        views: parse(facts, "views")?,
        extensions: parse(facts, "extensions")?,
        dependencies: parse(facts, "dependencies")?,
        unmodelled: parse(facts, "unmodelled")?,
    };
    add_columns(&mut model, parse(facts, "columns")?)?;
    add_keys(&mut model, parse(facts, "constraints")?, parse(facts, "indexes")?)?;
    add_triggers(&mut model, parse(facts, "triggers")?)?;
    for (place, policy) in parse::<Vec<Part<Policy>>>(facts, "policies")?.into_iter().map(Part::split) {
        table(&mut model, "policies", &place)?.policies.push(policy);
    }
    for (place, statistics) in
        parse::<Vec<Part<Statistics>>>(facts, "statistics")?.into_iter().map(Part::split)
    {
        table(&mut model, "statistics", &place)?.statistics.push(statistics);
    }
    sort(&mut model);
    Ok(model)
}

/// A fact that belongs to a table or a view.
#[derive(Deserialize)]
struct Part<T> {
    table: String,
    #[serde(flatten)]
    part: T,
}

impl<T> Part<T> {
    fn split(self) -> (String, T) {
        (self.table, self.part)
    }
}

/// A row of constraints.sql.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own in the catalog")]
#[derive(Deserialize)]
struct ConstraintFact {
    name: String,
    comment: Option<String>,
    kind: FactKind,
    columns: Vec<String>,
    deferrable: bool,
    deferred: bool,
    validated: bool,
    enforced: bool,
    period: bool,
    definition: Option<String>,
    operators: Option<Vec<String>>,
    references: Option<References>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum FactKind {
    PrimaryKey,
    Unique,
    ForeignKey,
    Check,
    Exclusion,
}

#[derive(Deserialize)]
struct References {
    schema: Option<String>,
    table: String,
    columns: Vec<String>,
    full: bool,
    full_check: Option<String>,
    on_update: ForeignAction,
    on_delete: ForeignAction,
    on_delete_columns: Vec<String>,
}

/// A row of indexes.sql.
#[derive(Deserialize)]
struct IndexFact {
    constraint: Option<String>,
    #[serde(flatten)]
    index: Index,
}

fn parse<T: DeserializeOwned>(facts: &[(String, String)], name: &'static str) -> Result<T, SchemaError> {
    debug_assert!(introspection().iter().any(|query| query.name == name), "no query is called {name}");
    let (_, json) = facts.iter().find(|(query, _)| query == name).ok_or(SchemaError::MissingFacts(name))?;
    serde_json::from_str(json).map_err(|source| SchemaError::BadFacts { name: name.to_owned(), source })
}

fn table<'a>(model: &'a mut Model, facts: &'static str, name: &str) -> Result<&'a mut Table, SchemaError> {
    let found = model.tables.iter_mut().find(|table| table.name == name);
    found.ok_or_else(|| SchemaError::Dangling { facts, object: name.to_owned() })
}

fn add_columns(model: &mut Model, columns: Vec<Part<Column>>) -> Result<(), SchemaError> {
    for (place, column) in columns.into_iter().map(Part::split) {
        table(model, "columns", &place)?.columns.push(column);
    }
    for table in &mut model.tables {
        table.columns.sort_by_key(|column| column.position);
        for column in &mut table.columns {
            column.position = 0;
        }
    }
    Ok(())
}

fn add_triggers(model: &mut Model, triggers: Vec<Part<Trigger>>) -> Result<(), SchemaError> {
    for (place, trigger) in triggers.into_iter().map(Part::split) {
        match model.views.iter_mut().find(|view| view.name == place) {
            Some(view) => view.triggers.push(trigger),
            None => table(model, "triggers", &place)?.triggers.push(trigger),
        }
    }
    Ok(())
}

/// Indexes that back a constraint become part of it.
fn add_keys(
    model: &mut Model,
    constraints: Vec<Part<ConstraintFact>>,
    indexes: Vec<Part<IndexFact>>,
) -> Result<(), SchemaError> {
    let mut backing = Vec::new();
    for (place, fact) in indexes.into_iter().map(Part::split) {
        match fact.constraint {
            Some(constraint) => backing.push((place, constraint, fact.index)),
            None => table(model, "indexes", &place)?.indexes.push(fact.index),
        }
    }
    for (place, fact) in constraints.into_iter().map(Part::split) {
        let index = backing
            .iter()
            .find(|(table, constraint, _)| *table == place && *constraint == fact.name)
            .map(|(_, _, index)| index.clone());
        let missing = || SchemaError::Dangling { facts: "constraints", object: fact.name.clone() };
        let constraint = constraint(&fact, index).ok_or_else(missing)?;
        table(model, "constraints", &place)?.constraints.push(constraint);
    }
    Ok(())
}

/// `None` where the facts of a constraint are incomplete.
fn constraint(fact: &ConstraintFact, index: Option<Index>) -> Option<Constraint> {
    let kind = match fact.kind {
        FactKind::Check => {
            ConstraintKind::Check { definition: fact.definition.clone()?, validated: fact.validated }
        }
        FactKind::ForeignKey => ConstraintKind::ForeignKey(foreign_key(fact)?),
        FactKind::PrimaryKey => ConstraintKind::PrimaryKey(unique_key(fact, index?)),
        FactKind::Unique => ConstraintKind::Unique(unique_key(fact, index?)),
        FactKind::Exclusion => ConstraintKind::Exclusion(exclusion(fact, index?)?),
    };
    Some(Constraint {
        name: fact.name.clone(),
        comment: fact.comment.clone(),
        deferrable: fact.deferrable,
        deferred: fact.deferred,
        kind,
    })
}

fn unique_key(fact: &ConstraintFact, index: Index) -> UniqueKey {
    UniqueKey {
        columns: fact.columns.clone(),
        include: index.include,
        nulls_not_distinct: index.nulls_not_distinct,
        period: fact.period,
        options: index.options,
    }
}

fn exclusion(fact: &ConstraintFact, index: Index) -> Option<Exclusion> {
    let operators = fact.operators.clone()?;
    (operators.len() == index.keys.len()).then_some(Exclusion {
        method: index.method,
        keys: index.keys,
        operators,
        include: index.include,
        predicate: index.predicate,
        options: index.options,
    })
}

fn foreign_key(fact: &ConstraintFact) -> Option<ForeignKey> {
    let target = fact.references.as_ref()?;
    Some(ForeignKey {
        columns: fact.columns.clone(),
        target_schema: target.schema.clone(),
        target: target.table.clone(),
        target_columns: target.columns.clone(),
        full: target.full,
        full_check: target.full_check.clone(),
        on_update: target.on_update,
        on_delete: target.on_delete,
        on_delete_columns: target.on_delete_columns.clone(),
        validated: fact.validated,
        enforced: fact.enforced,
        period: fact.period,
    })
}

fn sort(model: &mut Model) {
    model.types.sort_by(|a, b| a.name.cmp(&b.name));
    model.sequences.sort_by(|a, b| a.name.cmp(&b.name));
    model.functions.sort_by_key(crate::model::Function::object_name);
    model.tables.sort_by(|a, b| a.name.cmp(&b.name));
    model.views.sort_by(|a, b| a.name.cmp(&b.name));
    model.extensions.sort_by(|a, b| a.name.cmp(&b.name));
    model.dependencies.sort();
    model.dependencies.dedup();
    model.unmodelled.sort();
    for extension in &mut model.extensions {
        extension.relations.sort();
    }
    for view in &mut model.views {
        view.options.sort();
        view.groups_by.sort();
        view.triggers.sort_by(|a, b| a.name.cmp(&b.name));
    }
    model.tables.iter_mut().for_each(sort_table);
}

fn sort_table(table: &mut Table) {
    table.options.sort();
    table.constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
    table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    table.triggers.sort_by(|a, b| a.name.cmp(&b.name));
    table.policies.sort_by(|a, b| a.name.cmp(&b.name));
    table.statistics.sort_by(|a, b| a.name.cmp(&b.name));
}

/// Constraints in the order in which people write them.
pub(crate) fn rank(constraint: &Constraint) -> (u8, &str) {
    let kind = match constraint.kind {
        ConstraintKind::PrimaryKey(_) => 0,
        ConstraintKind::Unique(_) => 1,
        ConstraintKind::Exclusion(_) => 2,
        ConstraintKind::Check { .. } => 3,
        ConstraintKind::ForeignKey(_) => 4,
    };
    (kind, &constraint.name)
}
