//! Tables for people: aligned columns, no frame, as many rows as there are.

use comfy_table::{CellAlignment, Table};
use std::io::{self, Write};

/// A table of texts.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    table: Table,
    indent: &'static str,
}

/// A table with these column heads.
pub(crate) fn grid<const N: usize>(heads: [&str; N]) -> Grid {
    let mut grid = Grid::default();
    grid.heads(heads);
    grid
}

impl Grid {
    /// Spaces before each line.
    #[must_use]
    pub(crate) fn indented(mut self, indent: &'static str) -> Self {
        self.indent = indent;
        self
    }

    pub(crate) fn heads<'a>(&mut self, heads: impl IntoIterator<Item = &'a str>) {
        self.table.load_style(comfy_table::presets::NOTHING);
        self.table.set_header(heads);
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.table.add_row(cells.into_iter().map(Into::<String>::into));
    }

    /// Right-aligns a column of numbers.
    pub(crate) fn right(&mut self, column: usize) {
        if let Some(column) = self.table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }

    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in self.table.lines() {
            // Without a frame, every cell still has its space on the left.
            let line = line.strip_prefix(' ').unwrap_or(&line);
            writeln!(out, "{}{}", self.indent, line.trim_end())?;
        }
        Ok(())
    }
}
