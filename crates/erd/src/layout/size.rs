//! How large the boxes are, and which columns they show.

use crate::graph::{Change, Column, Graph, Table};
use crate::measure::width;

/// Heights in pixels; all of them together are a multiple of [`GRID`], so that rows of neighbours stand at the same height.
pub const HEADER: f64 = 30.0;
pub const ROW: f64 = 20.0;
const FOOT: f64 = 10.0;
pub(super) const GRID: f64 = 20.0;

/// Font sizes.
pub(crate) const NAME: f64 = 13.0;
pub(crate) const TEXT: f64 = 12.0;
pub(crate) const SMALL: f64 = 10.0;

/// From the border of a box to its text.
pub(crate) const SIDE: f64 = 10.0;
/// What `PK FK` takes.
pub(crate) const MARKS: f64 = 38.0;
/// Between a column's name and its type.
pub(crate) const BETWEEN: f64 = 14.0;

const NARROWEST: f64 = 180.0;
const WIDEST: f64 = 320.0;

/// Rows that a box shows at most, unless it has more keys.
const MOST_ROWS: usize = 14;

/// A row of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// The column at this place.
    Column(usize),
    /// So many columns are not shown.
    More(usize),
}

/// Sizes of all boxes.
pub(super) struct Sizes {
    pub(super) width: f64,
    pub(super) heights: Vec<f64>,
    pub(super) rows: Vec<Vec<Row>>,
}

pub(super) fn sizes(graph: &Graph) -> Sizes {
    let rows: Vec<Vec<Row>> = graph.tables.iter().map(rows).collect();
    let heights = rows.iter().map(|rows| box_height(rows.len())).collect();
    let widest = graph.tables.iter().map(needed).fold(NARROWEST, f64::max);
    Sizes { width: (widest.min(WIDEST) / 2.0).ceil() * 2.0, heights, rows }
}

fn box_height(rows: usize) -> f64 {
    let rows = u32::try_from(rows).map_or(0.0, f64::from);
    HEADER + rows.max(0.0) * ROW + FOOT
}

fn needed(table: &Table) -> f64 {
    let header = width(&table.name, NAME) + BETWEEN + width(table.kind_word(), SMALL);
    let row = |column: &Column| {
        MARKS + width(&column.name, TEXT) + BETWEEN + width(&short_type(&column.type_name), SMALL)
    };
    table.columns.iter().map(row).fold(header, f64::max) + 2.0 * SIDE
}

/// All columns, or those that say something about keys and enough of the others.
fn rows(table: &Table) -> Vec<Row> {
    let count = table.columns.len();
    if count <= MOST_ROWS {
        return (0..count).map(Row::Column).collect();
    }
    let key = |column: &Column| {
        column.primary || column.foreign || column.unique || column.tenant || column.change != Change::Same
    };
    let mut room = (MOST_ROWS - 1).saturating_sub(table.columns.iter().filter(|column| key(column)).count());
    let mut shown = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        if key(column) {
            shown.push(Row::Column(at));
        } else if room > 0 {
            room -= 1;
            shown.push(Row::Column(at));
        }
    }
    if shown.len() < count {
        shown.push(Row::More(count - shown.len()));
    }
    shown
}

/// The names that people write.
pub(crate) fn short_type(type_name: &str) -> String {
    let mut short = type_name.to_owned();
    for (long, name) in [
        ("character varying", "varchar"),
        ("timestamp with time zone", "timestamptz"),
        ("timestamp without time zone", "timestamp"),
        ("time with time zone", "timetz"),
        ("time without time zone", "time"),
        ("double precision", "float8"),
        ("bit varying", "varbit"),
        (" with time zone", "tz"),
        (" without time zone", ""),
    ] {
        short = short.replace(long, name);
    }
    if let Some(rest) = short.strip_prefix("character(") {
        short = format!("char({rest}");
    }
    short
}
