//! Statements about one table.

use super::constraint::{is_twin, late, written};
use super::inherit;
pub(crate) use super::policy::{create_policy, policies};
use super::text::{add, assignments, ident, idents, options, sequence_options};
use crate::model::{Column, ConstraintKind, Identity, Index, IndexKey, Model, Table};
use std::collections::BTreeSet;

/// How much of its columns CREATE TABLE says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    Whole,
    /// No defaults and no checks: they need something that needs the table. [`complete`] adds them.
    Bare,
}

/// CREATE TABLE with keys and checks. A partition is created by itself and attached later, so that its constraints and
/// indexes keep their names.
pub(crate) fn create(model: &Model, table: &Table, columns: Columns, out: &mut Vec<String>) {
    let lines: Vec<String> =
        inherit::lines(model, table, columns).iter().map(|line| format!("    {line}")).collect();
    let unlogged = if table.unlogged { "UNLOGGED " } else { "" };
    let mut sql = format!("CREATE {unlogged}TABLE {}", ident(&table.name));
    if let Some(of) = &table.of {
        add(&mut sql, format_args!(" OF {of}"));
    }
    match (lines.is_empty(), &table.of) {
        (true, Some(_)) => {}
        (true, None) => sql.push_str(" ()"),
        (false, _) => add(&mut sql, format_args!(" (\n{}\n)", lines.join(",\n"))),
    }
    if !table.inherits.is_empty() && inherit::birth(model, table) == inherit::Birth::Born {
        add(&mut sql, format_args!(" INHERITS ({})", idents(&table.inherits, ", ")));
    }
    if let Some(by) = &table.partition_by {
        add(&mut sql, format_args!(" PARTITION BY {by}"));
    }
    if let Some(method) = &table.access_method {
        add(&mut sql, format_args!(" USING {}", ident(method)));
    }
    sql.push_str(&options(&table.options));
    out.push(sql);
    if columns == Columns::Whole {
        inherit::after(model, table, out);
    }
}

/// What [`Columns::Bare`] has left out.
pub(crate) fn complete(model: &Model, table: &Table, out: &mut Vec<String>) {
    let name = ident(&table.name);
    for column in table.columns.iter().filter(|column| !column.inherited) {
        if let Some(default) = &column.default {
            out.push(format!(
                "ALTER TABLE ONLY {name} ALTER COLUMN {} SET DEFAULT {default}",
                ident(&column.name)
            ));
        }
    }
    inherit::after(model, table, out);
    let checks = table.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::Check { .. }));
    let checks = checks.filter(|check| !late(check) && !check.inherited);
    out.extend(checks.map(|check| format!("ALTER TABLE {name} ADD {}", written(check))));
}

/// A NOT NULL whose usual name is said of another one (`LIKE` copies names) would be numbered if it came after that one. Where that
/// is so, the model with these names said too.
pub(super) fn with_taken_names(model: &Model) -> Option<Model> {
    let columns = model.tables.iter().flat_map(|table| &table.columns);
    let said: BTreeSet<&str> = columns.filter_map(|column| column.not_null_name.as_deref()).collect();
    if said.is_empty() {
        return None;
    }
    let taken = |table: &Table, column: &Column| {
        let usual = super::text::chosen_name(&table.name, Some(&column.name), "not_null");
        let unsaid = column.not_null && column.not_null_name.is_none() && !column.not_null_inherited;
        (unsaid && said.contains(usual.as_str())).then_some(usual)
    };
    let any = |table: &Table| table.columns.iter().any(|column| taken(table, column).is_some());
    if !model.tables.iter().any(any) {
        return None;
    }
    let mut named = model.clone();
    for (table, plain) in named.tables.iter_mut().zip(&model.tables) {
        for (column, unnamed) in table.columns.iter_mut().zip(&plain.columns) {
            column.not_null_name = taken(plain, unnamed).or(column.not_null_name.take());
        }
    }
    Some(named)
}

pub(crate) fn column_definition(table: &Table, column: &Column) -> String {
    let mut sql = format!("{} {}", ident(&column.name), column.type_name);
    if let Some(collation) = &column.collation {
        add(&mut sql, format_args!(" COLLATE {collation}"));
    }
    if let Some(default) = &column.default {
        add(&mut sql, format_args!(" DEFAULT {default}"));
    }
    if let Some(generated) = &column.generated {
        let kept = if generated.stored { "STORED" } else { "VIRTUAL" };
        add(&mut sql, format_args!(" GENERATED ALWAYS AS ({}) {kept}", generated.expression));
    }
    if let Some(identity) = &column.identity {
        sql.push_str(&identity_clause(table, column, identity));
    }
    let not_null = column.not_null && !column.not_null_unvalidated;
    if let (Some(name), true) = (&column.not_null_name, not_null) {
        add(&mut sql, format_args!(" CONSTRAINT {}", ident(name)));
    }
    if not_null {
        sql.push_str(" NOT NULL");
    }
    if not_null && column.not_null_no_inherit {
        sql.push_str(" NO INHERIT");
    }
    sql
}

fn identity_clause(table: &Table, column: &Column, identity: &Identity) -> String {
    let when = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
    let mut inside = Vec::new();
    if identity.sequence != format!("{}_{}_seq", table.name, column.name) {
        inside.push(format!("SEQUENCE NAME {}", ident(&identity.sequence)));
    }
    let numbers = sequence_options(&identity.options);
    if !numbers.is_empty() {
        inside.push(numbers.trim_start().to_owned());
    }
    let inside = if inside.is_empty() { String::new() } else { format!(" ({})", inside.join(" ")) };
    format!(" GENERATED {when} AS IDENTITY{inside}")
}

/// What CREATE TABLE can't say about columns in every supported version, and about keys in none.
pub(crate) fn finish(table: &Table, out: &mut Vec<String>) {
    let alter = format!("ALTER TABLE {}", ident(&table.name));
    finish_columns(&alter, &table.columns, out);
    twins(&alter, table, out);
}

fn twins(alter: &str, table: &Table, out: &mut Vec<String>) {
    let twins = table.constraints.iter().filter(|constraint| is_twin(table, constraint));
    out.extend(twins.map(|twin| format!("{alter} ADD {}", written(twin))));
}

/// The same of a table that others inherit from: they have settings of their own.
pub(crate) fn finish_parent(table: &Table, out: &mut Vec<String>) {
    let alter = format!("ALTER TABLE ONLY {}", ident(&table.name));
    finish_columns(&alter, &table.columns, out);
    twins(&alter, table, out);
}

/// `alter` is the beginning of ALTER TABLE or ALTER MATERIALIZED VIEW.
pub(crate) fn finish_columns(alter: &str, columns: &[Column], out: &mut Vec<String>) {
    for column in columns {
        let place = format!("{alter} ALTER COLUMN {}", ident(&column.name));
        if let Some(storage) = column.storage.and_then(storage_word) {
            out.push(format!("{place} SET STORAGE {storage}"));
        }
        if let Some(compression) = column.compression.and_then(compression_word) {
            out.push(format!("{place} SET COMPRESSION {compression}"));
        }
        if let Some(statistics) = column.statistics {
            out.push(format!("{place} SET STATISTICS {statistics}"));
        }
        if !column.options.is_empty() {
            out.push(format!("{place} SET ({})", assignments(&column.options)));
        }
        let identity = column.identity.as_ref();
        if let Some((identity, unlogged)) = identity.and_then(|identity| Some((identity, identity.unlogged?)))
        {
            let word = if unlogged { "UNLOGGED" } else { "LOGGED" };
            out.push(format!("ALTER SEQUENCE {} SET {word}", ident(&identity.sequence)));
        }
    }
}

pub(crate) fn storage_word(letter: char) -> Option<&'static str> {
    match letter {
        'p' => Some("PLAIN"),
        'e' => Some("EXTERNAL"),
        'm' => Some("MAIN"),
        'x' => Some("EXTENDED"),
        _ => None,
    }
}

pub(crate) fn compression_word(letter: char) -> Option<&'static str> {
    match letter {
        'p' => Some("pglz"),
        'l' => Some("lz4"),
        _ => None,
    }
}

/// Checks and NOT NULLs that existing rows need not meet: CREATE TABLE would make them valid.
pub(crate) fn late_checks(table: &Table, out: &mut Vec<String>) {
    let name = ident(&table.name);
    for column in table.columns.iter().filter(|c| c.not_null_unvalidated && !c.not_null_inherited) {
        let constraint =
            column.not_null_name.as_ref().map_or_else(String::new, |n| format!("CONSTRAINT {} ", ident(n)));
        let alone = if column.not_null_no_inherit { " NO INHERIT" } else { "" };
        out.push(format!(
            "ALTER TABLE {name} ADD {constraint}NOT NULL {} NOT VALID{alone}",
            ident(&column.name)
        ));
    }
    let checks =
        table.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::Check { .. }) && late(c));
    let checks = checks.filter(|check| !check.inherited);
    out.extend(checks.map(|check| format!("ALTER TABLE {name} ADD {}", written(check))));
}

/// Foreign keys, when every table is there.
pub(crate) fn foreign_keys(table: &Table, out: &mut Vec<String>) {
    let keys = table.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::ForeignKey(_)));
    out.extend(keys.map(|key| format!("ALTER TABLE {} ADD {}", ident(&table.name), written(key))));
}

/// Indexes and what is set on them. Unfinished ones come later ([`unfinished_indexes`]) or, of a plain table, not at all.
pub(crate) fn indexes(table: &Table, out: &mut Vec<String>) {
    let alter = format!("ALTER TABLE {}", ident(&table.name));
    for index in table.indexes.iter().filter(|index| !index.invalid) {
        index_with_settings(&table.name, &alter, index, out);
    }
    for constraint in &table.constraints {
        if let ConstraintKind::Exclusion(exclusion) = &constraint.kind {
            key_statistics(&constraint.name, &exclusion.keys, out);
        }
        if constraint.clustered {
            out.push(format!("{alter} CLUSTER ON {}", ident(&constraint.name)));
        }
    }
}

/// `alter` is the beginning of ALTER TABLE or ALTER MATERIALIZED VIEW.
pub(crate) fn index_with_settings(relation: &str, alter: &str, index: &Index, out: &mut Vec<String>) {
    out.push(index_on(&ident(relation), index));
    key_statistics(&index.name, &index.keys, out);
    if index.clustered {
        out.push(format!("{alter} CLUSTER ON {}", ident(&index.name)));
    }
}

fn key_statistics(index: &str, keys: &[IndexKey], out: &mut Vec<String>) {
    for (at, key) in keys.iter().enumerate() {
        if let Some(target) = key.statistics {
            out.push(format!("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {target}", ident(index), at + 1));
        }
    }
}

/// Indexes of partitioned tables that not every partition has.
pub(crate) fn unfinished_indexes(table: &Table, out: &mut Vec<String>) {
    if table.partition_by.is_some() {
        let unfinished = table.indexes.iter().filter(|index| index.invalid);
        for index in unfinished {
            out.push(index_on(&format!("ONLY {}", ident(&table.name)), index));
            key_statistics(&index.name, &index.keys, out);
        }
    }
}

/// Takes a partition's indexes into the unfinished ones of its parent.
pub(crate) fn attach_indexes(table: &Table, out: &mut Vec<String>) {
    for index in &table.indexes {
        if let Some(parent) = &index.attached_to {
            out.push(format!("ALTER INDEX {} ATTACH PARTITION {}", ident(parent), ident(&index.name)));
        }
    }
}

pub(crate) fn create_index(table: &Table, index: &Index) -> String {
    index_on(&ident(&table.name), index)
}

fn index_on(relation: &str, index: &Index) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let keys: Vec<String> = index.keys.iter().map(index_key).collect();
    let mut sql = format!(
        "CREATE {unique}INDEX {} ON {relation} USING {} ({})",
        ident(&index.name),
        ident(&index.method),
        keys.join(", ")
    );
    if !index.include.is_empty() {
        add(&mut sql, format_args!(" INCLUDE ({})", idents(&index.include, ", ")));
    }
    if index.nulls_not_distinct {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    sql.push_str(&options(&index.options));
    if let Some(predicate) = &index.predicate {
        add(&mut sql, format_args!(" WHERE {predicate}"));
    }
    sql
}

pub(crate) fn index_key(key: &IndexKey) -> String {
    let mut sql = match (&key.column, &key.expression) {
        (Some(column), _) => ident(column),
        (None, Some(expression)) => expression.clone(),
        (None, None) => String::new(),
    };
    if let Some(collation) = &key.collation {
        add(&mut sql, format_args!(" COLLATE {collation}"));
    }
    if let Some(opclass) = &key.opclass {
        add(&mut sql, format_args!(" {opclass}"));
    }
    if !key.opclass_options.is_empty() {
        add(&mut sql, format_args!(" ({})", assignments(&key.opclass_options)));
    }
    // Nulls come last in ascending order and first in descending order unless something else is said.
    sql.push_str(match (key.descending, key.nulls_first) {
        (false, false) => "",
        (false, true) => " NULLS FIRST",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    });
    sql
}

/// Takes a partition into its parent. Its own indexes are found by their definition and become the parent's.
pub(crate) fn attach(table: &Table, out: &mut Vec<String>) {
    let Some(partition) = &table.partition_of else { return };
    out.push(format!(
        "ALTER TABLE {} ATTACH PARTITION {} {}",
        ident(&partition.parent),
        ident(&table.name),
        partition.bounds
    ));
}

pub(crate) fn replica_identity(table: &Table, out: &mut Vec<String>) {
    let identity = match table.replica_identity {
        'n' => "NOTHING".to_owned(),
        'f' => "FULL".to_owned(),
        'i' => {
            let index = table.indexes.iter().find(|index| index.replica_identity).map(|index| &index.name);
            let key = || table.constraints.iter().find(|constraint| constraint.replica_identity);
            match index.or_else(|| key().map(|constraint| &constraint.name)) {
                Some(name) => format!("USING INDEX {}", ident(name)),
                None => return,
            }
        }
        _ => return,
    };
    out.push(format!("ALTER TABLE {} REPLICA IDENTITY {identity}", ident(&table.name)));
}
