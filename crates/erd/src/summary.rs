//! A difference as text.

use crate::graph::{Change, Column, Graph, Index, Key, Reference, Table};
use std::fmt::Write;

/// What differs, table by table. Of a graph that is no difference: what there is.
pub fn summary(graph: &Graph) -> String {
    let mut out = format!("{}\n", graph.title);
    for table in &graph.tables {
        let lines = lines(graph, table);
        let mark = table.change.mark();
        match (&table.change, lines.is_empty()) {
            (Change::Same, true) => {}
            (Change::Added | Change::Removed, _) => {
                put(&mut out, format_args!("{mark} table {}\n", table.name));
            }
            _ => {
                put(&mut out, format_args!("~ table {}\n", table.name));
                for line in lines {
                    put(&mut out, format_args!("    {line}\n"));
                }
            }
        }
    }
    if out.lines().count() == 1 {
        out.push_str("no difference\n");
    }
    out
}

/// Writing to a String can't fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(what);
}

fn lines(graph: &Graph, table: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    if let Change::Changed(was) = &table.change {
        lines.extend(was.iter().map(|was| format!("~ was {was}")));
    }
    lines.extend(table.columns.iter().filter_map(|column| said(&column.change, &column_words(column))));
    let keys = table.primary_key.iter().map(|key| ("primary key", key));
    let keys = keys.chain(table.uniques.iter().map(|key| ("unique", key)));
    lines.extend(keys.filter_map(|(word, key)| said(&key.change, &key_words(word, key))));
    let own = graph.references.iter().filter(|reference| reference.table == table.name);
    lines.extend(own.filter_map(|reference| said(&reference.change, &reference_words(reference))));
    lines.extend(table.indexes.iter().filter_map(|index| said(&index.change, &index_words(index))));
    lines
}

fn said(change: &Change, words: &str) -> Option<String> {
    match change {
        Change::Same => None,
        Change::Changed(was) => Some(format!("~ {words}, was {}", was.join("; "))),
        other => Some(format!("{} {words}", other.mark())),
    }
}

fn column_words(column: &Column) -> String {
    let null = if column.not_null { " not null" } else { "" };
    format!("column {} {}{null}", column.name, column.type_name)
}

fn key_words(word: &str, key: &Key) -> String {
    format!("{word} {} ({})", key.name, key.columns.join(", "))
}

fn reference_words(reference: &Reference) -> String {
    format!(
        "reference {} ({}) to {}",
        reference.name,
        reference.columns.join(", "),
        reference.words_of_target()
    )
}

fn index_words(index: &Index) -> String {
    format!("index {}: {}", index.name, index.words())
}
