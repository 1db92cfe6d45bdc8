//! Mermaid: a Markdown file with one `erDiagram` for each domain, each within the limits of what renders them.
//!
//! GitHub and GitLab refuse diagrams of more than 50,000 characters or 500 lines between entities. A reference is drawn
//! where its table is; a target of another domain is drawn there without its columns.

use crate::graph::{Change, Column, Domain, Graph, Reference, Table};
use crate::svg::{description, title};
use crate::text::visible;
use std::collections::BTreeSet;
use std::fmt::Write;
use tenantry_schema::Kind;

/// Mermaid's own limits are 50,000 and 500.
const MOST_CHARACTERS: usize = 45_000;
const MOST_REFERENCES: usize = 450;
const MOST_TABLES: usize = 40;
/// A page of columns helps nobody, and with PostgreSQL's 1,600 one table alone would break the limit.
const MOST_COLUMNS: usize = 60;

/// The graph as a Markdown file.
pub fn mermaid(graph: &Graph) -> String {
    let pages: Vec<Page> = graph.domains.iter().flat_map(|domain| pages(graph, domain)).collect();
    let mut out = format!("# {}\n\n{}.\n", title(graph), description(graph));
    if graph.is_difference {
        out.push_str("\nMarked with `+`: added; `-`: removed; `~`: changed.\n");
    }
    if pages.len() > 1 {
        out.push('\n');
        for (nth, page) in pages.iter().enumerate() {
            let tables = page.tables;
            let s = if tables == 1 { "" } else { "s" };
            put(&mut out, format_args!("- [{}](#d{}) ({tables} table{s})\n", page.title, nth + 1));
        }
    }
    for (nth, page) in pages.iter().enumerate() {
        put(
            &mut out,
            format_args!(
                "\n## <a id=\"d{}\"></a>{}\n\n```mermaid\n{}```\n{}",
                nth + 1,
                page.title,
                page.diagram,
                page.notes
            ),
        );
    }
    out
}

/// Writing to a String can't fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(what);
}

struct Page {
    title: String,
    tables: usize,
    diagram: String,
    notes: String,
}

/// One page, or as many as it takes.
fn pages(graph: &Graph, domain: &Domain) -> Vec<Page> {
    let tables: Vec<&Table> =
        graph.tables.iter().filter(|table| domain.tables.contains(&table.name)).collect();
    let mut parts = Vec::new();
    divide(graph, &tables, &mut parts);
    let many = parts.len() > 1;
    let page = |(nth, (tables, diagram)): (usize, (Vec<&Table>, String))| Page {
        title: if many { format!("{}, part {}", name(&domain.name), nth + 1) } else { name(&domain.name) },
        tables: tables.len(),
        notes: notes(&tables),
        diagram,
    };
    parts.into_iter().enumerate().map(page).collect()
}

fn divide<'a>(graph: &Graph, tables: &[&'a Table], parts: &mut Vec<(Vec<&'a Table>, String)>) {
    let own: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let references: Vec<&Reference> =
        graph.references.iter().filter(|reference| own.contains(reference.table.as_str())).collect();
    let diagram = diagram(tables, &references);
    let fits = diagram.len() <= MOST_CHARACTERS
        && references.len() <= MOST_REFERENCES
        && tables.len() <= MOST_TABLES;
    if fits || tables.len() <= 1 {
        parts.push((tables.to_vec(), diagram));
        return;
    }
    let (first, second) = tables.split_at(tables.len() / 2);
    divide(graph, first, parts);
    divide(graph, second, parts);
}

fn diagram(tables: &[&Table], references: &[&Reference]) -> String {
    let mut out = String::from("erDiagram\n");
    for table in tables {
        entity(&mut out, table);
    }
    for reference in references.iter().take(MOST_REFERENCES) {
        line(&mut out, reference);
    }
    out
}

fn entity(out: &mut String, table: &Table) {
    if table.change != Change::Same {
        put(out, format_args!("    %% {} {}\n", table.change.mark(), name(&table.name)));
    }
    if table.columns.is_empty() {
        put(out, format_args!("    \"{}\"\n", name(&table.name)));
        return;
    }
    put(out, format_args!("    \"{}\" {{\n", name(&table.name)));
    let mut left_out = 0;
    for (nth, column) in table.columns.iter().enumerate() {
        let key = column.primary || column.foreign || column.unique || column.tenant;
        if nth < MOST_COLUMNS || (key && nth < 3 * MOST_COLUMNS) {
            attribute(out, column);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        put(out, format_args!("        and more \"{left_out} more columns\"\n"));
    }
    out.push_str("    }\n");
}

fn attribute(out: &mut String, column: &Column) {
    let mut keys = Vec::new();
    for (is, word) in [(column.primary, "PK"), (column.foreign, "FK"), (column.unique, "UK")] {
        if is {
            keys.push(word);
        }
    }
    put(
        out,
        format_args!(
            "        {} {}",
            word(&crate::layout::short_type(&column.type_name)),
            word(&column.name)
        ),
    );
    if !keys.is_empty() {
        put(out, format_args!(" {}", keys.join(", ")));
    }
    let note = note(column);
    if !note.is_empty() {
        put(out, format_args!(" \"{}\"", name(&note)));
    }
    out.push('\n');
}

/// What the diagram has no sign for.
fn note(column: &Column) -> String {
    let mut notes = Vec::new();
    match &column.change {
        Change::Same => {}
        Change::Changed(was) => notes.push(format!("~ was {}", was.join(", "))),
        other => notes.push(other.mark().to_owned() + " " + other.word()),
    }
    if column.tenant {
        notes.push("tenant".to_owned());
    }
    if !column.not_null {
        notes.push("null".to_owned());
    }
    // A name that had to be changed is told as far as it can be.
    if word(&column.name) != column.name {
        notes.push(column.name.clone());
    }
    notes.join(", ")
}

fn line(out: &mut String, reference: &Reference) {
    let left = if reference.to_one { "|o" } else { "}o" };
    let right = if reference.optional { "o|" } else { "||" };
    let mark = reference.change.mark();
    let mut label =
        format!("{mark}{}{}", if mark.is_empty() { "" } else { " " }, reference.columns.join(", "));
    if reference.crosses_tenants {
        label.push_str(" (could cross tenants)");
    }
    put(
        out,
        format_args!(
            "    \"{}\" {left}--{right} \"{}\" : \"{}\"\n",
            name(&reference.table),
            name(&reference.target),
            name(&label)
        ),
    );
}

/// Kinds are told below the diagram: colours are not understood everywhere.
fn notes(tables: &[&Table]) -> String {
    let mut notes = String::new();
    for (kind, word) in [(Kind::Global, "Global"), (Kind::Scoped, "Scoped")] {
        let named: Vec<String> = tables
            .iter()
            .filter(|table| table.kind == Some(kind))
            .map(|table| format!("`{}`", name(&table.name)))
            .collect();
        if !named.is_empty() {
            put(&mut notes, format_args!("\n{word}: {}.\n", named.join(", ")));
        }
    }
    notes
}

/// In quotes, a name may hold anything but what ends the quotes, the line, or the block, and what is taken for markup.
fn name(text: &str) -> String {
    let safe = |c| match visible(c) {
        '"' | '`' => '\'',
        '<' => '\u{2039}',
        '>' => '\u{203a}',
        '%' | '\\' | '#' | ';' | '&' | '{' | '}' | '|' | '[' | ']' | '*' | '\u{b}' => '_',
        c => c,
    };
    let name: String = text.chars().map(safe).collect();
    if name.trim().is_empty() { "_".to_owned() } else { name }
}

/// Types and names of columns stand without quotes.
fn word(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "_()[]-".contains(c) { c } else { '_' };
    let word: String = text.chars().map(safe).collect();
    if word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { word } else { format!("_{word}") }
}
