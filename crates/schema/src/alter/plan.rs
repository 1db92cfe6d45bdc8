//! What the parts of the planner share: the two models, the tables that are in both, and the steps so far.

use super::{Effort, Lock, Step, Style};
use crate::Target;
use crate::model::{Model, Table};
use crate::render::text::ident;

pub(super) struct Plan<'a> {
    pub(super) from: &'a Model,
    pub(super) to: &'a Model,
    pub(super) target: &'a Target,
    pub(super) steps: Vec<Step>,
    style: &'a dyn Fn(&str) -> Style,
    group: Option<u32>,
    groups: u32,
}

/// A table that is there and stays.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) old: &'a Table,
    pub(super) new: &'a Table,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        from: &'a Model,
        to: &'a Model,
        target: &'a Target,
        style: &'a dyn Fn(&str) -> Style,
    ) -> Self {
        Self { from, to, target, steps: Vec::new(), style, group: None, groups: 0 }
    }

    /// The tables of both models.
    pub(super) fn kept(&self) -> Vec<Kept<'a>> {
        let (from, to) = (self.from, self.to);
        to.tables.iter().filter_map(|new| Some(Kept { old: from.table(&new.name)?, new })).collect()
    }

    fn depth(&self, name: &str) -> usize {
        let (mut depth, mut name) = (0, name);
        while let Some(partition) = self.to.table(name).and_then(|table| table.partition_of.as_ref()) {
            depth += 1;
            name = &partition.parent;
            if depth > self.to.tables.len() {
                break;
            }
        }
        depth
    }

    pub(super) fn is_new(&self, table: &str) -> bool {
        self.from.table(table).is_none()
    }

    pub(super) fn is_online(&self, table: &str) -> bool {
        (self.style)(self.to.root(table)) == Style::Online
    }

    /// A table and everything below it, roots first.
    pub(super) fn tree(&self, root: &str) -> Vec<&'a Table> {
        let mut tree: Vec<&Table> =
            self.to.tables.iter().filter(|table| self.to.root(&table.name) == root).collect();
        tree.sort_by_key(|table| self.depth(&table.name));
        tree
    }

    /// Direct partitions, by the model that is wanted.
    pub(super) fn partitions(&self, parent: &str) -> Vec<&'a Table> {
        let of = |table: &&Table| table.partition_of.as_ref().is_some_and(|of| of.parent == parent);
        self.to.tables.iter().filter(of).collect()
    }

    /// What a table gets its columns and checks from: the parent of a partition, the parents of `INHERITS`.
    pub(super) fn parents(&self, table: &'a Table) -> Vec<&'a Table> {
        let of = table.partition_of.iter().map(|of| of.parent.as_str());
        of.chain(table.inherits.iter().map(String::as_str)).filter_map(|name| self.to.table(name)).collect()
    }

    /// What is pushed while `act` runs belongs into one transaction.
    pub(super) fn together(&mut self, act: impl FnOnce(&mut Self)) {
        if self.group.is_some() {
            return act(self);
        }
        self.groups += 1;
        self.group = Some(self.groups);
        let before = self.steps.len();
        act(self);
        self.group = None;
        if let [only] = &mut self.steps[before..] {
            only.group = None;
        }
    }

    pub(super) fn push(&mut self, sql: String, place: String, lock: Lock, tables: &[&str], effort: Effort) {
        let tables = tables.iter().map(|table| (*table).to_owned()).collect();
        self.steps.push(Step { sql, place, lock, tables, effort, transactional: true, group: self.group });
    }

    /// A statement that PostgreSQL refuses in a transaction block.
    pub(super) fn push_alone(&mut self, sql: String, place: String, table: &str) {
        self.steps.push(Step {
            sql,
            place,
            lock: Lock::ShareUpdateExclusive,
            tables: vec![table.to_owned()],
            effort: Effort::Scan,
            transactional: false,
            group: None,
        });
    }

    /// A change of a table's definition that only needs the lock for a moment.
    pub(super) fn moment(&mut self, table: &str, place: String, what: &str) {
        let sql = format!("ALTER TABLE {} {what}", ident(table));
        self.push(sql, place, Lock::AccessExclusive, &[table], Effort::Moment);
    }
}
