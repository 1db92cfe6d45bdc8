//! The page of the documentation that a run makes.

use super::vectors::{self, Class};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;

/// A column: the cell of each vector, by its name.
pub(super) type Column = HashMap<&'static str, String>;

pub(super) fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/isolation-table.md"))
}

/// The page as it is kept, or nothing.
pub(super) fn kept() -> String {
    std::fs::read_to_string(path()).unwrap_or_default()
}

/// A column of the kept page, for where PgBouncer is not to be had.
pub(super) fn column_of(page: &str, number: usize) -> Column {
    let cell = |name: &str| {
        let row = page
            .lines()
            .find(|line| line.strip_prefix("| ").is_some_and(|row| row.starts_with(&format!("{name} |"))))?;
        Some(row.split(" | ").nth(number)?.trim_end_matches(" |").to_owned())
    };
    vectors::all().filter_map(|vector| Some((vector.name, cell(vector.name)?))).collect()
}

/// The whole page. Columns: shared, schema, database, PgBouncer with SET, with SET LOCAL.
pub(super) fn made(columns: &[Column; 5]) -> String {
    let mut page = String::from(include_str!("page.md"));
    for class in Class::ALL {
        let _written = write!(
            page,
            "\n## {}\n\n| what is tried | shared tables | a schema | a database | PgBouncer, `SET` | PgBouncer, `SET LOCAL` |\n\
             |---|---|---|---|---|---|\n",
            class.title()
        );
        for vector in vectors::all().filter(|vector| vector.class == class) {
            let cells = columns.iter().map(|column| column.get(vector.name).map_or("", String::as_str));
            let _written = writeln!(page, "| {} | {} |", vector.name, cells.collect::<Vec<_>>().join(" | "));
        }
    }
    page
}
