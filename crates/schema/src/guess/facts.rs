//! The schema as guessing looks at it: tables without their partitions, and the foreign keys between them.

use crate::model::{ConstraintKind, ForeignAction, Model, Table};
use std::collections::BTreeMap;

pub(super) struct Facts<'a> {
    /// Partitions follow their parents and are not looked at.
    pub(super) tables: Vec<&'a Table>,
    /// From each table.
    links: BTreeMap<&'a str, Vec<Link<'a>>>,
    /// To each table: who refers to it.
    referrers: BTreeMap<&'a str, Vec<&'a str>>,
}

/// A foreign key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) column: &'a str,
    pub(super) columns: &'a [String],
    pub(super) target: &'a str,
    pub(super) not_null: bool,
    /// The row goes away with its target: it is a part of it.
    pub(super) cascades: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        let tables: Vec<&Table> = model.tables.iter().filter(|table| !table.is_partition()).collect();
        let mut links: BTreeMap<&str, Vec<Link<'_>>> = BTreeMap::new();
        let mut referrers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for table in &model.tables {
            let from = model.root(&table.name);
            for constraint in &table.constraints {
                let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
                let (Some(column), None) = (key.columns.first(), &key.target_schema) else { continue };
                let link = Link {
                    column,
                    columns: &key.columns,
                    target: model.root(&key.target),
                    not_null: key
                        .columns
                        .iter()
                        .all(|name| table.column(name).is_some_and(|found| found.not_null)),
                    cascades: key.on_delete == ForeignAction::Cascade,
                };
                let known = links.entry(from).or_default();
                if known.iter().all(|other| (other.column, other.target) != (link.column, link.target)) {
                    known.push(link);
                    referrers.entry(link.target).or_default().push(from);
                }
            }
        }
        Self { tables, links, referrers }
    }

    pub(super) fn table(&self, name: &str) -> Option<&'a Table> {
        self.tables.iter().copied().find(|table| table.name == name)
    }

    /// Foreign keys of a table.
    pub(super) fn links(&self, table: &str) -> &[Link<'a>] {
        self.links.get(table).map_or(&[], Vec::as_slice)
    }

    /// Foreign keys of a table to other tables.
    pub(super) fn links_out(&self, table: &str) -> impl Iterator<Item = &Link<'a>> {
        self.links(table).iter().filter(move |link| link.target != table)
    }

    /// Other tables with a foreign key to this one; a table with two stands here twice.
    pub(super) fn referrers(&self, table: &str) -> impl Iterator<Item = &'a str> {
        let found = self.referrers.get(table).map_or(&[][..], Vec::as_slice);
        found.iter().copied().filter(move |from| *from != table)
    }

    /// Whether a column is part of a foreign key.
    pub(super) fn is_link(&self, table: &str, column: &str) -> bool {
        self.links(table).iter().any(|link| link.columns.iter().any(|name| name == column))
    }
}
