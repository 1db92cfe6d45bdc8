//! Tables, and how they go over the wire: texts and whole numbers, in text or binary format.

use bytes::BytesMut;
use tenantry_wire::backend::{self, TypedColumn};

/// A column: its name and what is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Text(String),
    Int(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Binary,
}

/// An answer with rows. There are never more than `MAX_ROWS`.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: &'static [Column],
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A console is for looking: whoever has more clients than this counts them with metrics.
pub(super) const MAX_ROWS: usize = 10_000;

pub(super) const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

pub(super) const fn int(name: &'static str) -> Column {
    Column { name, kind: Kind::Int }
}

impl Table {
    pub(super) fn new(columns: &'static [Column], rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        let rows: Vec<_> = rows.into_iter().take(MAX_ROWS).collect();
        debug_assert!(rows.iter().all(|row| row.len() == columns.len()), "{columns:?}");
        Self { columns, rows }
    }

    pub(super) fn describe(&self, out: &mut BytesMut, format: Format) {
        describe(out, self.columns, format);
    }
}

pub(super) fn describe(out: &mut BytesMut, columns: &[Column], format: Format) {
    let columns: Vec<_> = columns
        .iter()
        .map(|column| {
            let (type_oid, type_size) = match column.kind {
                Kind::Text => (25, -1),
                Kind::Int => (20, 8),
            };
            TypedColumn {
                name: column.name,
                type_oid,
                type_size,
                format: u16::from(format == Format::Binary),
            }
        })
        .collect();
    backend::typed_row_description(out, &columns);
}

pub(super) fn data_row(out: &mut BytesMut, row: &[Cell], format: Format) {
    let values: Vec<Option<Vec<u8>>> = row
        .iter()
        .map(|cell| match (cell, format) {
            (Cell::Null, _) => None,
            (Cell::Text(text), _) => Some(text.clone().into_bytes()),
            (Cell::Int(number), Format::Text) => Some(number.to_string().into_bytes()),
            (Cell::Int(number), Format::Binary) => Some(number.to_be_bytes().to_vec()),
        })
        .collect();
    let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
    backend::data_row(out, &values);
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::Int(yes.into())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
