//! Model to statements. It decides nothing about tenancy: what the rules left in the model is what is written.
//!
//! Order: what tables need and the tables themselves, by dependency; owners of sequences; late checks; indexes; partitions
//! are attached; foreign keys; statistics, triggers, policies; owners; grants; comments.

pub(crate) mod access;
pub(crate) mod comment;
pub(crate) mod constraint;
pub(crate) mod order;
pub(crate) mod table;
pub(crate) mod text;

use crate::SchemaError;
use crate::Target;
use crate::declaration::Kind;
use crate::model::{Function, Model, Object, ObjectKind, Sequence, Type, TypeKind, View};
use std::collections::BTreeMap;

use text::{add, ident, idents, literal, options, sequence_options};

pub(crate) fn render(
    model: &Model,
    kinds: &BTreeMap<String, Kind>,
    target: &Target,
) -> Result<Vec<String>, SchemaError> {
    let mut out = vec![format!("SET LOCAL search_path TO {}, pg_catalog", target.schema)];
    if model.functions.iter().any(|function| function.body.is_some()) {
        // Bodies that are text may name tables that don't exist yet.
        out.push("SET LOCAL check_function_bodies = off".to_owned());
    }
    extensions(model, target, &mut out);
    for object in order::creation_order(model)? {
        create(model, &object, &mut out);
    }
    serial_columns(model, &mut out);
    model.tables.iter().for_each(|table| table::finish(table, &mut out));
    model.tables.iter().for_each(|table| table::late_checks(table, &mut out));
    model.tables.iter().for_each(|table| table::indexes(table, &mut out));
    model.tables.iter().for_each(|table| table::attach(table, &mut out));
    model.tables.iter().for_each(|table| table::foreign_keys(table, &mut out));
    model.tables.iter().for_each(|table| table::replica_identity(table, &mut out));
    for table in &model.tables {
        out.extend(table.statistics.iter().map(|statistics| statistics.definition.clone()));
    }
    triggers(model, &mut out);
    model.tables.iter().for_each(|table| table::policies(table, &mut out));
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

pub(crate) fn create(model: &Model, object: &Object, out: &mut Vec<String>) {
    match object.kind {
        ObjectKind::Type => out.extend(model.types.iter().filter(|t| t.name == object.name).map(create_type)),
        ObjectKind::Sequence => {
            out.extend(model.sequences.iter().filter(|s| s.name == object.name).map(create_sequence));
        }
        ObjectKind::Function => {
            let same = |function: &&Function| function.object_name() == object.name;
            out.extend(model.functions.iter().filter(same).map(|f| f.definition.trim_end().to_owned()));
        }
        ObjectKind::Table => out.extend(model.table(&object.name).map(table::create)),
        ObjectKind::View => out.extend(model.views.iter().filter(|v| v.name == object.name).map(create_view)),
    }
}

fn create_type(defined: &Type) -> String {
    let name = ident(&defined.name);
    match &defined.kind {
        TypeKind::Enum { labels } => {
            let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
            format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))
        }
        TypeKind::Domain { base, collation, default, not_null, checks } => {
            let mut sql = format!("CREATE DOMAIN {name} AS {base}");
            push(&mut sql, " COLLATE ", collation.as_deref());
            push(&mut sql, " DEFAULT ", default.as_deref());
            push(&mut sql, " NOT NULL", not_null.then_some(""));
            for check in checks {
                add(&mut sql, format_args!("\n    CONSTRAINT {} {}", ident(&check.name), check.definition));
            }
            sql
        }
        TypeKind::Composite { attributes } => {
            let attributes: Vec<String> = attributes
                .iter()
                .map(|attribute| {
                    let mut sql = format!("\n    {} {}", ident(&attribute.name), attribute.type_name);
                    push(&mut sql, " COLLATE ", attribute.collation.as_deref());
                    sql
                })
                .collect();
            format!("CREATE TYPE {name} AS ({}\n)", attributes.join(","))
        }
        TypeKind::Range { subtype, opclass, collation, canonical, difference, multirange } => {
            let mut sql = format!("CREATE TYPE {name} AS RANGE (SUBTYPE = {subtype}");
            push(&mut sql, ", SUBTYPE_OPCLASS = ", opclass.as_deref());
            push(&mut sql, ", COLLATION = ", collation.as_deref());
            push(&mut sql, ", CANONICAL = ", canonical.as_deref());
            push(&mut sql, ", SUBTYPE_DIFF = ", difference.as_deref());
            add(&mut sql, format_args!(", MULTIRANGE_TYPE_NAME = {})", ident(multirange)));
            sql
        }
    }
}

fn push(sql: &mut String, before: &str, value: Option<&str>) {
    if let Some(value) = value {
        sql.push_str(before);
        sql.push_str(value);
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

pub(crate) fn create_view(view: &View) -> String {
    let definition = view.definition.trim_end().trim_end_matches(';');
    format!("CREATE VIEW {}{} AS\n{definition}", ident(&view.name), options(&view.options))
}

fn serial_columns(model: &Model, out: &mut Vec<String>) {
    for sequence in &model.sequences {
        let Some(owned) = &sequence.owned_by else { continue };
        let column = idents(&[&owned.table, &owned.column], ".");
        out.push(format!("ALTER SEQUENCE {} OWNED BY {column}", ident(&sequence.name)));
    }
}

fn triggers(model: &Model, out: &mut Vec<String>) {
    let tables = model.tables.iter().map(|table| (&table.name, &table.triggers));
    let views = model.views.iter().map(|view| (&view.name, &view.triggers));
    for (relation, triggers) in tables.chain(views) {
        for trigger in triggers {
            out.push(trigger.definition.clone());
            let state = match trigger.enabled {
                'D' => "DISABLE",
                'R' => "ENABLE REPLICA",
                'A' => "ENABLE ALWAYS",
                _ => continue,
            };
            out.push(format!("ALTER TABLE {} {state} TRIGGER {}", ident(relation), ident(&trigger.name)));
        }
    }
}
