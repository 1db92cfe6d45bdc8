//! Facts to model: parses the answers of the introspection queries, puts parts to their tables, and sorts everything,
//! so that the model does not depend on the order in which the catalog told it.

mod constraint;
mod place;

use crate::error::SchemaError;
use crate::introspect::introspection;
use crate::model::{
    Column, Constraint, ConstraintKind, Definition, Model, Policy, RewriteRule, Statistics, Table, Trigger,
};
use place::{Part, Places};
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
        materialized_views: parse_newer(facts, "materialized_views")?,
        definitions: definitions(facts)?,
        extensions: parse(facts, "extensions")?,
        dependencies: parse(facts, "dependencies")?,
        unmodelled: parse(facts, "unmodelled")?,
        access: parse_newer(facts, "access")?,
    };
    let places = Places::of(&model);
    add_columns(&mut model, &places, parse(facts, "columns")?)?;
    constraint::add_keys(&mut model, &places, parse(facts, "constraints")?, parse(facts, "indexes")?)?;
    for (place, trigger) in parts::<Trigger>(parse(facts, "triggers")?) {
        places.triggers(&mut model, &place)?.push(trigger);
    }
    for (place, rule) in parts::<RewriteRule>(parse_newer(facts, "rules")?) {
        places.rules(&mut model, &place)?.push(rule);
    }
    for (place, policy) in parts::<Policy>(parse(facts, "policies")?) {
        places.table(&mut model, "policies", &place)?.policies.push(policy);
    }
    for (place, statistics) in parts::<Statistics>(parse(facts, "statistics")?) {
        places.statistics(&mut model, &place)?.push(statistics);
    }
    sort(&mut model);
    Ok(model)
}

fn parse<T: DeserializeOwned>(facts: &[(String, String)], name: &'static str) -> Result<T, SchemaError> {
    debug_assert!(introspection().iter().any(|query| query.name == name), "no query is called {name}");
    let (_, json) = facts.iter().find(|(query, _)| query == name).ok_or(SchemaError::MissingFacts(name))?;
    serde_json::from_str(json).map_err(|source| SchemaError::BadFacts { name: name.to_owned(), source })
}

/// Facts that the first version did not ask for: published schemas may have been read without them.
fn parse_newer<T: DeserializeOwned + Default>(
    facts: &[(String, String)],
    name: &'static str,
) -> Result<T, SchemaError> {
    match parse(facts, name) {
        Err(SchemaError::MissingFacts(_)) => Ok(T::default()),
        parsed => parsed,
    }
}

fn parts<T>(facts: Vec<Part<T>>) -> impl Iterator<Item = (String, T)> {
    facts.into_iter().map(Part::split)
}

fn definitions(facts: &[(String, String)]) -> Result<Vec<Definition>, SchemaError> {
    let mut all: Vec<Definition> = parse_newer(facts, "aggregates")?;
    all.extend(parse_newer::<Vec<Definition>>(facts, "operators")?);
    all.extend(parse_newer::<Vec<Definition>>(facts, "definitions")?);
    Ok(all)
}

fn add_columns(model: &mut Model, places: &Places, columns: Vec<Part<Column>>) -> Result<(), SchemaError> {
    for (place, column) in parts(columns) {
        places.columns(model, &place)?.push(column);
    }
    let of_tables = model.tables.iter_mut().map(|table| &mut table.columns);
    let of_views = model.materialized_views.iter_mut().map(|view| &mut view.columns);
    for columns in of_tables.chain(of_views) {
        columns.sort_by_key(|column| column.position);
        for column in columns {
            column.position = 0;
        }
    }
    Ok(())
}

fn sort(model: &mut Model) {
    model.types.sort_by(|a, b| a.name.cmp(&b.name));
    model.sequences.sort_by(|a, b| a.name.cmp(&b.name));
    model.functions.sort_by_key(crate::model::Function::object_name);
    model.tables.sort_by(|a, b| a.name.cmp(&b.name));
    model.views.sort_by(|a, b| a.name.cmp(&b.name));
    model.materialized_views.sort_by(|a, b| a.name.cmp(&b.name));
    model.definitions.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    model.extensions.sort_by(|a, b| a.name.cmp(&b.name));
    model.dependencies.sort();
    model.dependencies.dedup();
    model.unmodelled.sort();
    model.access.owners.sort();
    model.access.grants.sort();
    model.access.defaults.sort();
    for extension in &mut model.extensions {
        extension.relations.sort();
        extension.users.sort();
    }
    for view in &mut model.views {
        view.options.sort();
        view.groups_by.sort();
        view.triggers.sort_by(|a, b| a.name.cmp(&b.name));
        view.rules.sort_by(|a, b| a.name.cmp(&b.name));
    }
    for view in &mut model.materialized_views {
        view.options.sort();
        view.groups_by.sort();
        view.indexes.sort_by(|a, b| a.name.cmp(&b.name));
        view.statistics.sort_by(|a, b| a.name.cmp(&b.name));
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
    table.rules.sort_by(|a, b| a.name.cmp(&b.name));
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
