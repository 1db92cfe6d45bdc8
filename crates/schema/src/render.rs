//! Model to statements. It decides nothing about tenancy: what the rules left in the model is what is written.
//!
//! Order: what tables need and the tables themselves, by dependency; owners of sequences; indexes; partitions are attached;
//! late checks; foreign keys; statistics, triggers, rules, policies; materialized views are filled; owners; grants; comments.

pub(crate) mod access;
pub(crate) mod comment;
pub(crate) mod constraint;
mod inherit;
pub(crate) mod order;
mod policy;
pub(crate) mod table;
pub(crate) mod text;
mod types;
mod view;

use crate::SchemaError;
use crate::Target;
use crate::declaration::Kind;
use crate::model::{Model, Object, ObjectKind, Sequence, Statistics, Table};
use std::collections::{BTreeMap, BTreeSet};

use table::Columns;
use text::{ident, idents, sequence_options};
pub(crate) use view::create_view;

/// The statements that make a model as it stands, in order: what [`crate::compile`] writes when the rules are done.
pub fn render(
    model: &Model,
    kinds: &BTreeMap<String, Kind>,
    target: &Target,
) -> Result<Vec<String>, SchemaError> {
    let named = table::with_taken_names(model);
    let model = named.as_ref().unwrap_or(model);
    // The schema alone, as when it was read: what was printed without a schema means the same objects again.
    let mut out = vec![format!("SET LOCAL search_path TO {}", target.schema)];
    if model.functions.iter().any(|function| function.body.is_some()) {
        // Bodies that are text may name tables that don't exist yet.
        out.push("SET LOCAL check_function_bodies = off".to_owned());
    }
    extensions(model, target, &mut out);
    let order = order::order(model)?;
    for object in &order.objects {
        let columns = if order.bare.contains(object) { Columns::Bare } else { Columns::Whole };
        create_as(model, object, columns, &mut out);
    }
    order.bare.iter().for_each(|object| complete(model, object, &mut out));
    serial_columns(model, &mut out);
    tables(model, &mut out);
    model.views.iter().for_each(|view| view::column_defaults(view, &mut out));
    model.materialized_views.iter().for_each(|view| view::finish_materialized(view, &mut out));
    statistics(model, &mut out);
    view::triggers(model, &mut out);
    view::rules(model, &mut out);
    model.tables.iter().for_each(|table| table::policies(table, &mut out));
    let is_materialized = |object: &&Object| object.kind == ObjectKind::MaterializedView;
    let materialized = order.objects.iter().filter(is_materialized);
    view::refresh(model, materialized.map(|object| object.name.as_str()), &mut out);
    access::owners(model, target, &mut out);
    access::grants(model, kinds, target, &mut out);
    comment::comments(model, &mut out);
    Ok(out)
}

/// Extensions are the database's: another placement may have brought them.
fn extensions(model: &Model, target: &Target, out: &mut Vec<String>) {
    for extension in &model.extensions {
        let schema = match &extension.schema {
            Some(schema) => ident(schema),
            // In a pool the tenants' schemas come and go; the extension must not go with one.
            None if target.model == tenantry_core::TenancyModel::Schema => ident("public"),
            None => target.schema.to_string(),
        };
        out.push(format!("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {schema}", ident(&extension.name)));
    }
}

/// One object, whole.
pub(crate) fn create(model: &Model, object: &Object, out: &mut Vec<String>) {
    create_as(model, object, Columns::Whole, out);
}

fn create_as(model: &Model, object: &Object, columns: Columns, out: &mut Vec<String>) {
    let name = &object.name;
    match object.kind {
        ObjectKind::Type => {
            let found = model.types.iter().filter(|t| t.name == *name);
            found.for_each(|defined| types::create(defined, columns, out));
        }
        ObjectKind::Sequence => {
            out.extend(model.sequences.iter().filter(|s| s.name == *name).map(create_sequence));
        }
        ObjectKind::Function => {
            let found = model.functions.iter().filter(|function| function.object_name() == *name);
            out.extend(found.map(|f| f.definition.trim_end().to_owned()));
        }
        ObjectKind::Definition => {
            let found = model.definitions.iter().filter(|defined| defined.object_name() == *name);
            out.extend(found.flat_map(|defined| defined.statements.iter().cloned()));
        }
        ObjectKind::Table => {
            if let Some(table) = model.table(name) {
                table::create(model, table, columns, out);
            }
        }
        ObjectKind::View => out.extend(model.view(name).map(create_view)),
        ObjectKind::MaterializedView => {
            out.extend(model.materialized_view(name).map(view::create_materialized));
        }
    }
}

/// What a bare object lacks.
fn complete(model: &Model, object: &Object, out: &mut Vec<String>) {
    if object.kind == ObjectKind::Table {
        if let Some(table) = model.table(&object.name) {
            table::complete(model, table, out);
        }
    } else {
        let found = model.types.iter().filter(|t| t.name == object.name);
        found.for_each(|defined| types::complete(defined, out));
    }
}

fn create_sequence(sequence: &Sequence) -> String {
    let unlogged = if sequence.unlogged { "UNLOGGED " } else { "" };
    let as_type = match sequence.options.type_name.as_str() {
        "bigint" => String::new(),
        other => format!(" AS {other}"),
    };
    let numbers = sequence_options(&sequence.options);
    format!("CREATE {unlogged}SEQUENCE {}{as_type}{numbers}", ident(&sequence.name))
}

fn serial_columns(model: &Model, out: &mut Vec<String>) {
    for sequence in &model.sequences {
        let Some(owned) = &sequence.owned_by else { continue };
        let column = idents(&[&owned.table, &owned.column], ".");
        out.push(format!("ALTER SEQUENCE {} OWNED BY {column}", ident(&sequence.name)));
    }
}

fn tables(model: &Model, out: &mut Vec<String>) {
    let parents: BTreeSet<&str> =
        model.tables.iter().flat_map(|table| &table.inherits).map(String::as_str).collect();
    let each = |out: &mut Vec<String>, step: fn(&Table, &mut Vec<String>)| {
        model.tables.iter().for_each(|table| step(table, out));
    };
    for table in &model.tables {
        if parents.contains(table.name.as_str()) {
            table::finish_parent(table, out);
        } else {
            table::finish(table, out);
        }
    }
    // A partitioned table's reach its partitions when those are attached.
    let (partitioned, plain): (Vec<&Table>, Vec<&Table>) =
        model.tables.iter().partition(|table| table.partition_by.is_some());
    for table in plain {
        table::late_checks(table, out);
    }
    each(out, table::indexes);
    each(out, table::attach);
    for table in partitioned {
        table::late_checks(table, out);
    }
    each(out, table::unfinished_indexes);
    each(out, table::attach_indexes);
    each(out, table::foreign_keys);
    each(out, table::replica_identity);
}

fn statistics(model: &Model, out: &mut Vec<String>) {
    let of_tables = model.tables.iter().flat_map(|table| &table.statistics);
    let of_views = model.materialized_views.iter().flat_map(|view| &view.statistics);
    for Statistics { name, definition, target, .. } in of_tables.chain(of_views) {
        out.push(definition.clone());
        if let Some(target) = target {
            out.push(format!("ALTER STATISTICS {} SET STATISTICS {target}", ident(name)));
        }
    }
}
