//! The plain model that a script works on, with an index of it: which names are taken, who refers to whom, what lies below
//! what. A statement is about a table or two of hundreds, and must not look at all of them.
//!
//! The index lives through [`Plain::put`]. Whoever changes the model in another way takes it away with the first `&mut`, and
//! the next question makes it anew: it can be slow to come by, but never be of another model.

use std::collections::{BTreeSet, HashMap};
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;
use tenantry_schema::Model;
use tenantry_schema::model::{ConstraintKind, Sequence, Table};

/// The model and its index.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    model: Model,
    index: OnceLock<Index>,
}

#[derive(Debug, Clone, Default)]
struct Index {
    /// Of relations, constraints and types: how many have it.
    names: HashMap<String, u32>,
    /// Tables with foreign keys to a table.
    referrers: HashMap<String, BTreeSet<String>>,
    /// Partitions of a table, and those that were or will be: the opposite of [`Model::root`].
    below: HashMap<String, BTreeSet<String>>,
}

impl From<Model> for Plain {
    fn from(model: Model) -> Self {
        Self { model, index: OnceLock::new() }
    }
}

impl Deref for Plain {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl DerefMut for Plain {
    fn deref_mut(&mut self) -> &mut Model {
        self.index.take();
        &mut self.model
    }
}

impl Plain {
    pub(crate) fn into_model(self) -> Model {
        self.model
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.model))
    }

    /// Whether a relation, a constraint or a type is called so.
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        self.index().names.contains_key(name)
    }

    /// The tables with foreign keys to this one, by name.
    pub(crate) fn referrers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.index().referrers.get(name).into_iter().flatten().map(String::as_str)
    }

    /// The tables that this one refers to.
    pub(crate) fn targets(&self, name: &str) -> impl Iterator<Item = &str> {
        self.model.table(name).into_iter().flat_map(targets)
    }

    /// The names of a whole partition tree, given its root: the root, and all below it.
    pub(crate) fn tree<'a>(&'a self, root: &'a str) -> BTreeSet<&'a str> {
        let mut tree = BTreeSet::new();
        let mut open = vec![root];
        while let Some(name) = open.pop() {
            if tree.insert(name) {
                open.extend(self.index().below.get(name).into_iter().flatten().map(String::as_str));
            }
        }
        tree
    }

    /// Puts tables in the place of those with these names. Returns the old ones.
    pub(crate) fn put(&mut self, names: &BTreeSet<String>, tables: Vec<Table>) -> Vec<Table> {
        let mut index = self.index.take().unwrap_or_else(|| Index::of(&self.model));
        let mut old = Vec::new();
        for name in names {
            if let Some(at) = self.model.tables.iter().position(|table| table.name == *name) {
                let table = self.model.tables.remove(at);
                index.remove(&table);
                old.push(table);
            }
        }
        for table in tables {
            index.add(&table);
            super::create::insert_table(&mut self.model, table);
        }
        self.index = OnceLock::from(index);
        old
    }

    /// Puts sequences in the place of all. Returns the old ones.
    pub(crate) fn put_sequences(&mut self, mut sequences: Vec<Sequence>) -> Vec<Sequence> {
        sequences.sort_by(|a, b| a.name.cmp(&b.name));
        let mut index = self.index.take().unwrap_or_else(|| Index::of(&self.model));
        for sequence in &sequences {
            index.take_name(&sequence.name);
        }
        let old = std::mem::replace(&mut self.model.sequences, sequences);
        for sequence in &old {
            index.free_name(&sequence.name);
        }
        self.index = OnceLock::from(index);
        old
    }
}

impl Index {
    fn of(model: &Model) -> Self {
        let mut index = Self::default();
        model.tables.iter().for_each(|table| index.add(table));
        let sequences = model.sequences.iter().map(|sequence| &sequence.name);
        let views = model.views.iter().map(|view| &view.name);
        let materialized = model.materialized_views.iter().map(|view| &view.name);
        let types = model.types.iter().map(|defined| &defined.name);
        let indexes = model.materialized_views.iter().flat_map(|view| &view.indexes).map(|index| &index.name);
        for name in sequences.chain(views).chain(materialized).chain(indexes).chain(types) {
            index.take_name(name);
        }
        index
    }

    fn add(&mut self, table: &Table) {
        names(table).for_each(|name| self.take_name(name));
        for target in targets(table) {
            add(&mut self.referrers, target, &table.name);
        }
        if let Some(above) = above(table) {
            add(&mut self.below, above, &table.name);
        }
    }

    fn remove(&mut self, table: &Table) {
        names(table).for_each(|name| self.free_name(name));
        for target in targets(table) {
            remove(&mut self.referrers, target, &table.name);
        }
        if let Some(above) = above(table) {
            remove(&mut self.below, above, &table.name);
        }
    }

    fn take_name(&mut self, name: &str) {
        match self.names.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.names.insert(name.to_owned(), 1)),
        }
    }

    fn free_name(&mut self, name: &str) {
        match self.names.get_mut(name) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.names.remove(name)),
        }
    }
}

fn add(map: &mut HashMap<String, BTreeSet<String>>, key: &str, table: &str) {
    map.entry(key.to_owned()).or_default().insert(table.to_owned());
}

fn remove(map: &mut HashMap<String, BTreeSet<String>>, key: &str, table: &str) {
    if let Some(tables) = map.get_mut(key) {
        tables.remove(table);
    }
}

/// The names that a table takes.
fn names(table: &Table) -> impl Iterator<Item = &str> {
    let constraints = table.constraints.iter().map(|constraint| &constraint.name);
    let indexes = table.indexes.iter().map(|index| &index.name);
    let sequences = table.columns.iter().filter_map(|column| Some(&column.identity.as_ref()?.sequence));
    std::iter::once(&table.name).chain(constraints).chain(indexes).chain(sequences).map(String::as_str)
}

fn above(table: &Table) -> Option<&str> {
    match &table.partition_of {
        Some(partition) => Some(&partition.parent),
        None => table.looked_after_for(),
    }
}

/// The tables that a table refers to.
pub(crate) fn targets(table: &Table) -> impl Iterator<Item = &str> {
    table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey(key) if key.target_schema.is_none() => Some(key.target.as_str()),
        _ => None,
    })
}
