//! What differs between two graphs of one schema: one graph of both, in which everything carries its mark.

use crate::domain;
use crate::graph::{Change, Column, Graph, Index, Key, Reference, Table};

/// How `after` differs from `before`.
pub fn diff(before: &Graph, after: &Graph) -> Graph {
    let mut enums = after.enums.clone();
    enums.extend(before.enums.iter().filter(|found| !after.enums.contains(found)).cloned());
    enums.sort_by(|a, b| a.name.cmp(&b.name));
    let mut tables = merge(&before.tables, &after.tables);
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    let mut references = merge(&before.references, &after.references);
    references.sort_by(|a, b| (&a.table, &a.name).cmp(&(&b.table, &b.name)));
    let mut graph = Graph {
        title: format!("{} \u{2192} {}", before.title, after.title),
        is_difference: true,
        domains: Vec::new(),
        tables,
        references,
        enums,
    };
    domain::divide(&mut graph);
    graph
}

/// Something that has a name on both sides.
trait Item: Named {
    /// `self` is how it is now.
    fn against(self, before: &Self) -> Self;
}

/// What an item is known by, and its mark.
trait Named: Clone {
    fn is(&self, other: &Self) -> bool;
    fn change(&mut self) -> &mut Change;
}

macro_rules! named {
    ($($item:ty: $($field:ident),+;)*) => {$(
        impl Named for $item {
            fn is(&self, other: &Self) -> bool {
                $(self.$field == other.$field)&&+
            }

            fn change(&mut self) -> &mut Change {
                &mut self.change
            }
        }
    )*};
}

named! {
    Table: name;
    Column: name;
    Key: name;
    Index: name;
    Reference: table, name;
}

fn merge<T: Item>(before: &[T], after: &[T]) -> Vec<T> {
    let marked = |item: &T, change| {
        let mut item = item.clone();
        *item.change() = change;
        item
    };
    let mut merged: Vec<T> = after
        .iter()
        .map(|item| match before.iter().find(|known| item.is(known)) {
            Some(known) => item.clone().against(known),
            None => marked(item, Change::Added),
        })
        .collect();
    let gone = before.iter().filter(|item| !after.iter().any(|known| known.is(item)));
    merged.extend(gone.map(|item| marked(item, Change::Removed)));
    merged
}

fn said(was: Vec<String>) -> Change {
    if was.is_empty() { Change::Same } else { Change::Changed(was) }
}

/// Notes what was, where it was different.
fn note(was: &mut Vec<String>, what: &str, before: &str, after: &str) {
    if before != after {
        was.push(if before.is_empty() { format!("{what}: none") } else { format!("{what}: {before}") });
    }
}

impl Item for Table {
    fn against(mut self, before: &Self) -> Self {
        let mut was = Vec::new();
        note(
            &mut was,
            "partitioned by",
            before.partition_by.as_deref().unwrap_or(""),
            self.partition_by.as_deref().unwrap_or(""),
        );
        note(&mut was, "partitions", &before.partitions.join(", "), &self.partitions.join(", "));
        let uniques = merge(&before.uniques, &self.uniques);
        let indexes = merge(&before.indexes, &self.indexes);
        let columns = merge(&before.columns, &self.columns);
        let primary = match (&before.primary_key, self.primary_key.take()) {
            (Some(before), Some(now)) if before.name == now.name => Some(now.against(before)),
            (Some(before), None) => Some(Key { change: Change::Removed, ..before.clone() }),
            (Some(before), Some(now)) => {
                Some(Key { change: Change::Changed(vec![before.columns.join(", ")]), ..now })
            }
            (None, now) => now.map(|key| Key { change: Change::Added, ..key }),
        };
        let inner = uniques.iter().any(|key| key.change != Change::Same)
            || indexes.iter().any(|index| index.change != Change::Same)
            || columns.iter().any(|column| column.change != Change::Same)
            || primary.as_ref().is_some_and(|key| key.change != Change::Same);
        self.change = if inner { Change::Changed(was) } else { said(was) };
        Self { uniques, indexes, columns, primary_key: primary, ..self }
    }
}

impl Item for Column {
    fn against(mut self, before: &Self) -> Self {
        let mut was = Vec::new();
        let null = |column: &Self| if column.not_null { "not null" } else { "nullable" };
        note(&mut was, "type", &before.type_name, &self.type_name);
        note(&mut was, "null", null(before), null(&self));
        note(
            &mut was,
            "default",
            before.default.as_deref().unwrap_or(""),
            self.default.as_deref().unwrap_or(""),
        );
        self.change = said(was);
        self
    }
}

impl Item for Key {
    fn against(mut self, before: &Self) -> Self {
        if self.columns != before.columns {
            self.change = Change::Changed(vec![before.columns.join(", ")]);
        }
        self
    }
}

impl Item for Index {
    fn against(mut self, before: &Self) -> Self {
        let same = (self.unique, &self.method, &self.keys, &self.include, &self.predicate)
            == (before.unique, &before.method, &before.keys, &before.include, &before.predicate);
        if !same {
            self.change = Change::Changed(vec![before.words()]);
        }
        self
    }
}

impl Item for Reference {
    fn against(mut self, before: &Self) -> Self {
        let mut was = Vec::new();
        note(&mut was, "columns", &before.columns.join(", "), &self.columns.join(", "));
        note(&mut was, "to", &before.words_of_target(), &self.words_of_target());
        note(&mut was, "on delete", before.on_delete, self.on_delete);
        note(&mut was, "on update", before.on_update, self.on_update);
        self.change = said(was);
        self
    }
}
