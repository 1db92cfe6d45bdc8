//! DBML, as dbdiagram.io and dbdocs read it.

use crate::graph::{Change, Column, Graph, Index, IndexPart, Key, Reference, Table};
use crate::svg::{description, title};
use crate::text::line;
use std::collections::BTreeSet;
use std::fmt::Write;
use tenantry_schema::Kind;

/// The graph as a DBML file.
pub fn dbml(graph: &Graph) -> String {
    let mut out = format!(
        "Project {} {{\n  database_type: 'PostgreSQL'\n  Note: {}\n}}\n",
        name(&graph.title),
        string(&format!("{}. {}.", title(graph), description(graph)))
    );
    for found in &graph.enums {
        put(&mut out, format_args!("\nEnum {} {{\n", name(&found.name)));
        for label in &found.labels {
            put(&mut out, format_args!("  {}\n", name(label)));
        }
        out.push_str("}\n");
    }
    graph.tables.iter().for_each(|one| table(&mut out, one));
    references(&mut out, graph);
    let drawn = |name: &&String| graph.table(name).is_some_and(|table| !table.columns.is_empty());
    for domain in &graph.domains {
        let tables: Vec<&String> = domain.tables.iter().filter(drawn).collect();
        if !tables.is_empty() {
            put(&mut out, format_args!("\nTableGroup {} {{\n", name(&domain.name)));
            for table in tables {
                put(&mut out, format_args!("  {}\n", name(table)));
            }
            out.push_str("}\n");
        }
    }
    out
}

/// Writing to a String can't fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(what);
}

fn table(out: &mut String, table: &Table) {
    if table.columns.is_empty() {
        // The language has no table without columns.
        put(out, format_args!("\n// {}: no columns\n", line(&table.name)));
        return;
    }
    let color = match (&table.change, table.kind) {
        (Change::Added, _) | (Change::Same | Change::Changed(_), Some(Kind::Global)) => "#15803d",
        (Change::Removed, _) => "#b91c1c",
        (_, Some(Kind::Tenant)) => "#2563eb",
        (_, Some(Kind::Scoped)) => "#9333ea",
        (_, None) => "#6b7280",
    };
    put(out, format_args!("\nTable {} [headercolor: {color}] {{\n", name(&table.name)));
    let single = table.primary_key.as_ref().filter(|key| key.columns.len() == 1);
    for one in &table.columns {
        let is_key = single.is_some_and(|key| key.columns[0] == one.name);
        column(out, one, is_key);
    }
    indexes(out, table, single.is_some());
    put(out, format_args!("\n  Note: {}\n}}\n", string(&about(table))));
}

fn about(table: &Table) -> String {
    let mut parts = Vec::new();
    parts.extend(change(&table.change));
    parts.push(format!("{} table", table.kind_word()));
    if let Some(by) = &table.partition_by {
        parts.push(format!("partitioned by {by} ({} partitions)", table.partitions.len()));
    }
    parts.extend(table.comment.clone());
    parts.join("; ")
}

/// The change in words.
fn change(change: &Change) -> Option<String> {
    match change {
        Change::Same => None,
        Change::Changed(was) if was.is_empty() => Some("~ changed".to_owned()),
        Change::Changed(was) => Some(format!("~ was {}", was.join(", "))),
        other => Some(format!("{} {}", other.mark(), other.word())),
    }
}

fn column(out: &mut String, column: &Column, is_key: bool) {
    let mut settings = Vec::new();
    if is_key {
        settings.push("pk".to_owned());
    }
    if column.identity {
        settings.push("increment".to_owned());
    }
    settings.push(if column.not_null { "not null" } else { "null" }.to_owned());
    if let Some(default) = column.default.as_ref().filter(|_| !column.generated) {
        settings.push(format!("default: {}", expression(default)));
    }
    let mut notes: Vec<String> = change(&column.change).into_iter().collect();
    if column.tenant {
        notes.push("the tenant".to_owned());
    }
    if column.generated {
        notes.push("generated".to_owned());
    }
    notes.extend(column.comment.clone());
    if !notes.is_empty() {
        settings.push(format!("note: {}", string(&notes.join("; "))));
    }
    put(
        out,
        format_args!("  {} {} [{}]\n", name(&column.name), type_name(&column.type_name), settings.join(", ")),
    );
}

fn indexes(out: &mut String, table: &Table, single_key: bool) {
    let mut lines = Vec::new();
    if let Some(key) = table.primary_key.as_ref().filter(|_| !single_key) {
        lines.push(key_line(key, "pk"));
    }
    lines.extend(table.uniques.iter().map(|key| key_line(key, "unique")));
    lines.extend(table.indexes.iter().map(index_line));
    if !lines.is_empty() {
        put(out, format_args!("\n  Indexes {{\n    {}\n  }}\n", lines.join("\n    ")));
    }
}

fn key_line(key: &Key, word: &str) -> String {
    let columns: Vec<String> = key.columns.iter().map(|column| name(column)).collect();
    let note = change(&key.change).map_or(String::new(), |note| format!(", note: {}", string(&note)));
    format!("({}) [{word}, name: {}{note}]", columns.join(", "), string(&key.name))
}

fn index_line(index: &Index) -> String {
    let part = |part: &IndexPart| match part {
        IndexPart::Column(column) => name(column),
        IndexPart::Expression(text) => expression(text),
    };
    let keys: Vec<String> = index.keys.iter().map(part).collect();
    let mut settings = vec![format!("name: {}", string(&index.name))];
    if index.unique {
        settings.push("unique".to_owned());
    }
    if ["btree", "hash"].contains(&index.method.as_str()) {
        settings.push(format!("type: {}", index.method));
    }
    let mut notes: Vec<String> = change(&index.change).into_iter().collect();
    if !["btree", "hash"].contains(&index.method.as_str()) {
        notes.push(index.method.clone());
    }
    if !index.include.is_empty() {
        notes.push(format!("include ({})", index.include.join(", ")));
    }
    notes.extend(index.predicate.as_ref().map(|predicate| format!("where {predicate}")));
    if !notes.is_empty() {
        settings.push(format!("note: {}", string(&notes.join("; "))));
    }
    format!("({}) [{}]", keys.join(", "), settings.join(", "))
}

/// Two references between the same columns are an error there; in a difference the first one is shown.
fn references(out: &mut String, graph: &Graph) {
    let mut seen = BTreeSet::new();
    for reference in &graph.references {
        let ends =
            [end(&reference.table, &reference.columns), end(&reference.target, &reference.target_columns)];
        let itself = ends[0] == ends[1];
        if !itself && seen.insert(ends.clone()) {
            out.push('\n');
            one_reference(out, reference, &ends);
        }
    }
}

fn one_reference(out: &mut String, reference: &Reference, ends: &[String; 2]) {
    if let Some(change) = change(&reference.change) {
        put(out, format_args!("// {}\n", line(&change)));
    }
    if reference.crosses_tenants {
        out.push_str("// could cross tenants\n");
    }
    let sign = if reference.to_one { "-" } else { ">" };
    let color = if reference.crosses_tenants { ", color: #dc2626" } else { "" };
    put(
        out,
        format_args!(
            "Ref {}: {} {sign} {} [delete: {}, update: {}{color}]\n",
            name(&reference.name),
            ends[0],
            ends[1],
            reference.on_delete.to_lowercase(),
            reference.on_update.to_lowercase()
        ),
    );
}

fn end(table: &str, columns: &[String]) -> String {
    let named: Vec<String> = columns.iter().map(|column| name(column)).collect();
    match named.as_slice() {
        [one] => format!("{}.{one}", name(table)),
        many => format!("{}.({})", name(table), many.join(", ")),
    }
}

/// A name in quotes.
fn name(text: &str) -> String {
    format!("\"{}\"", line(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text in quotes, on one line.
fn string(text: &str) -> String {
    format!("'{}'", line(text).replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The language has no way to write a backtick in an expression.
fn expression(text: &str) -> String {
    format!("`{}`", line(text).replace('`', "'"))
}

fn type_name(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { text.to_owned() } else { name(text.trim_matches('"')) }
}
