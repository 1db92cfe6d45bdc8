//! What a random statement is written against: the plain schema as it stands, and names that nobody has yet.

use super::dice::Dice;
use std::cell::Cell;
use tenantry_schema::model::{Column, Constraint, ConstraintKind, Table, UniqueKey};
use tenantry_schema::{Declaration, Model};

/// A plain schema that a statement is to be added to.
pub(crate) struct Scene<'a> {
    pub(crate) model: &'a Model,
    pub(crate) declaration: &'a Declaration,
    pub(crate) dice: &'a Dice<'a>,
    /// Makes names unique: the number of the decision.
    pub(crate) number: usize,
    pub(crate) part: Cell<usize>,
}

impl<'a> Scene<'a> {
    /// A name that nothing has: now and then one that needs quotes, now and then a long one.
    pub(crate) fn fresh(&self, stem: &str) -> String {
        self.part.set(self.part.get() + 1);
        let (number, part) = (self.number, self.part.get());
        match self.dice.below(12) {
            10 => format!("{stem} No{number}_{part}"),
            11 => format!("{stem}_{number}_{part}_{}", "of_the_long_names_that_tools_make"),
            _ => format!("{stem}{number}_{part}"),
        }
    }

    pub(crate) fn table(&self) -> Option<&'a Table> {
        let tables: Vec<&Table> = self.model.tables.iter().filter(|table| !table.is_partition()).collect();
        self.dice.one(&tables).copied()
    }

    /// A table that the declaration does not name, so that it may be renamed and dropped.
    pub(crate) fn undeclared(&self) -> Option<&'a Table> {
        let free = |table: &&Table| !table.is_partition() && !self.is_declared(&table.name);
        let tables: Vec<&Table> = self.model.tables.iter().filter(free).collect();
        self.dice.one(&tables).copied()
    }

    pub(crate) fn is_declared(&self, table: &str) -> bool {
        self.declaration.tables.contains_key(table)
            || self.declaration.unique.keys().any(|key| key.starts_with(&format!("{table}.")))
    }

    /// Whether a column may be dropped or renamed without making the declaration wrong.
    pub(crate) fn is_free(&self, table: &Table, column: &Column) -> bool {
        let unique = self.declaration.unique.keys().any(|key| {
            key.split_once('.').is_some_and(|(name, columns)| {
                name == table.name && columns.split(", ").any(|c| c == column.name)
            })
        });
        !unique && column.name != self.declaration.tenancy.column.as_str()
    }

    pub(crate) fn column<'b>(&self, table: &'b Table, fits: impl Fn(&Column) -> bool) -> Option<&'b Column> {
        let columns: Vec<&Column> = table.columns.iter().filter(|column| fits(column)).collect();
        self.dice.one(&columns).copied()
    }

    pub(crate) fn columns(
        &self,
        table: &Table,
        most: usize,
        fits: impl Fn(&Column) -> bool,
    ) -> Option<Vec<String>> {
        let columns: Vec<String> =
            table.columns.iter().filter(|column| fits(column)).map(|column| column.name.clone()).collect();
        if columns.is_empty() { None } else { Some(self.dice.some(&columns, most)) }
    }
}

/// Whether a B-tree can hold it.
pub(crate) fn is_sortable(column: &Column) -> bool {
    let bare = column.type_name.split('(').next().unwrap_or_default();
    !["json", "xml", "point", "box", "circle", "polygon", "path", "line", "xid"].contains(&bare)
}

pub(crate) fn is_number(column: &Column) -> bool {
    ["smallint", "integer", "bigint"].contains(&column.type_name.as_str())
}

pub(crate) fn is_text(column: &Column) -> bool {
    column.type_name == "text" || column.type_name.starts_with("character varying")
}

pub(crate) fn is_plain(column: &Column) -> bool {
    column.generated.is_none() && column.identity.is_none()
}

/// Keys that a foreign key may refer to.
pub(crate) fn keys(table: &Table) -> Vec<&UniqueKey> {
    let key = |constraint: &'_ Constraint| !constraint.deferrable;
    let kinds = table.constraints.iter().filter(|c| key(c)).map(|constraint| &constraint.kind);
    kinds
        .filter_map(|kind| match kind {
            ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) if !key.period => Some(key),
            _ => None,
        })
        .collect()
}

/// Whether a constraint, an index or a partition key rests on a column.
pub(crate) fn is_used(table: &Table, column: &str) -> bool {
    let named = |columns: &[String]| columns.iter().any(|name| name == column);
    table.partition_by.as_ref().is_some_and(|by| by.contains(column))
        || table.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => named(&key.columns),
            ConstraintKind::ForeignKey(key) => named(&key.columns),
            ConstraintKind::Check { definition, .. } => definition.contains(column),
            ConstraintKind::Exclusion(_) => true,
        })
}

/// As people write names: in quotes where they must be.
pub(crate) fn q(name: &str) -> String {
    const WORDS: [&str; 4] = ["user", "order", "group", "check"];
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !WORDS.contains(&name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

pub(crate) fn list<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| q(name.as_ref())).collect::<Vec<_>>().join(", ")
}
