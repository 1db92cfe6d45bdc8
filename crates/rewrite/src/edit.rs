//! Changes to a statement. Each is said twice: as text to be put into the source, which keeps everything else as it was
//! written, and as a change of the syntax tree. The guard holds the two against each other.

use crate::lex::continues_word;
use crate::name::ident;
use std::ops::Range;

/// A piece of text in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Splice {
    pub range: Range<usize>,
    pub text: String,
}

impl Splice {
    pub(crate) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { range: at..at, text: text.into() }
    }

    pub(crate) fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }
}

/// Puts the pieces in. `None` where they overlap.
pub(crate) fn apply(sql: &str, splices: &mut [Splice]) -> Option<String> {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let more: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut out = String::with_capacity(sql.len() + more);
    let mut at = 0;
    for splice in splices.iter() {
        out.push_str(sql.get(at..splice.range.start)?);
        part(&mut out, &splice.text);
        out.push_str(&splice.text);
        at = splice.range.end;
        part(&mut out, sql.get(at..)?);
    }
    out.push_str(sql.get(at..)?);
    Some(out)
}

/// `SELECT*FROM t` needs no spaces, what is put in the place of the star does.
fn part(out: &mut String, next: &str) {
    let joins = |byte: u8| continues_word(byte) || byte == b'"' || byte == b'\'';
    if let (Some(last), Some(first)) = (out.bytes().next_back(), next.bytes().next())
        && joins(last)
        && joins(first)
    {
        out.push(' ');
    }
}

/// What becomes of a node. Nodes are known by their place in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// `ON CONFLICT (…)` at this place starts with these columns.
    Conflict { at: i32, columns: Vec<String> },
    /// `INSERT INTO t` with the table's name at this place gets a list of columns.
    Insert { at: i32, columns: Vec<String> },
    /// `INSERT INTO v` with the view's name at this place is into its table, under the view's name or the alias that it has.
    Into { at: i32, table: String, alias: String },
    /// `COPY t` gets a list of columns.
    Copy { at: i32, columns: Vec<String> },
    /// The same of the INSERT in a clause of the MERGE into the table at this place.
    Merge { at: i32, clause: usize, columns: Vec<String> },
    /// The `*` or `t.*` whose text starts here becomes these. `TABLE t` has no text of its own: it is known by the table.
    Star { at: i32, items: Vec<Item> },
    /// Before the GROUP BY item at this place stand these.
    Group { at: i32, items: Vec<Item> },
    /// The whole row whose reference stands here becomes this expression.
    Row { at: i32, text: String },
    /// The table whose name stands here becomes this query, under the alias that it has.
    Relation { at: i32, text: String },
    /// The statement becomes another one.
    Whole { text: String },
}

/// `qualifier.column`, or `qualifier.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub qualifier: Option<String>,
    pub column: Option<String>,
}

impl Item {
    pub(crate) fn sql(&self) -> String {
        let column = self.column.as_deref().map_or_else(|| "*".to_owned(), ident);
        match &self.qualifier {
            Some(qualifier) => format!("{}.{column}", ident(qualifier)),
            None => column,
        }
    }
}

pub(crate) fn items_sql(items: &[Item]) -> String {
    items.iter().map(Item::sql).collect::<Vec<_>>().join(", ")
}
