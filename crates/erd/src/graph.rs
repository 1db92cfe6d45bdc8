//! The graph that is drawn: tables, their columns and keys, references between them. Made from the model as the rules
//! leave it for one tenancy model, so that a diagram shows what `compile` builds and nothing else.

mod build;

pub use build::graph;

use serde::Serialize;
use std::collections::BTreeMap;
use tenantry_schema::Kind;

/// What a diagram shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// The tenancy model's word; of a difference, two words with an arrow between them.
    pub title: String,
    /// Whether the graph is a difference between two.
    pub is_difference: bool,
    pub domains: Vec<Domain>,
    /// By name.
    pub tables: Vec<Table>,
    /// By table and name.
    pub references: Vec<Reference>,
    pub enums: Vec<Enumeration>,
}

/// Tables that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Domain {
    pub name: String,
    pub tables: Vec<String>,
}

/// A table. Partitions are not drawn: they are named at their parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    pub name: String,
    /// `None` where the declaration does not classify it, and for tables of other schemas.
    pub kind: Option<Kind>,
    pub domain: String,
    pub comment: Option<String>,
    pub columns: Vec<Column>,
    pub primary_key: Option<Key>,
    /// Unique constraints.
    pub uniques: Vec<Key>,
    /// Indexes that are not a constraint's.
    pub indexes: Vec<Index>,
    /// How it is partitioned, and the names of its partitions.
    pub partition_by: Option<String>,
    pub partitions: Vec<String>,
    pub inherits: Vec<String>,
    /// It belongs to another schema: only its name is known.
    pub external: bool,
    #[serde(flatten)]
    pub change: Change,
}

/// A column.
#[allow(clippy::struct_excessive_bools, reason = "each is a mark of its own in the diagram")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub not_null: bool,
    pub primary: bool,
    pub foreign: bool,
    /// A unique constraint consists of it, the tenant column aside.
    pub unique: bool,
    /// It is the tenant column.
    pub tenant: bool,
    pub default: Option<String>,
    pub generated: bool,
    pub identity: bool,
    pub comment: Option<String>,
    #[serde(flatten)]
    pub change: Change,
}

/// A primary key or unique constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    pub name: String,
    pub columns: Vec<String>,
    #[serde(flatten)]
    pub change: Change,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Index {
    pub name: String,
    pub method: String,
    pub unique: bool,
    pub keys: Vec<IndexPart>,
    pub include: Vec<String>,
    pub predicate: Option<String>,
    #[serde(flatten)]
    pub change: Change,
}

/// A column or an expression of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexPart {
    Column(String),
    Expression(String),
}

/// A foreign key. `columns` goes with `target_columns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    pub name: String,
    pub table: String,
    pub columns: Vec<String>,
    pub target: String,
    pub target_columns: Vec<String>,
    pub on_update: &'static str,
    pub on_delete: &'static str,
    /// A row may have no target.
    pub optional: bool,
    /// A target has at most one row.
    pub to_one: bool,
    /// In shared tables: nothing in the database keeps its two ends in one tenant.
    pub crosses_tenants: bool,
    #[serde(flatten)]
    pub change: Change,
}

/// An enum type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enumeration {
    pub name: String,
    pub labels: Vec<String>,
}

/// In a difference: how the second graph differs from the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "change", content = "was", rename_all = "lowercase")]
pub enum Change {
    #[default]
    Same,
    Added,
    Removed,
    /// With what it was, in words.
    Changed(Vec<String>),
}

impl Change {
    /// `+`, `-`, `~`, or nothing.
    pub const fn mark(&self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Added => "+",
            Self::Removed => "-",
            Self::Changed(_) => "~",
        }
    }

    /// The word for styles.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed(_) => "changed",
        }
    }
}

impl Graph {
    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Where each table stands in `tables`.
    pub(crate) fn positions(&self) -> BTreeMap<&str, usize> {
        self.tables.iter().enumerate().map(|(at, table)| (table.name.as_str(), at)).collect()
    }
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The kind's word, or what stands for it.
    pub fn kind_word(&self) -> &'static str {
        match self.kind {
            Some(kind) => kind.as_str(),
            None if self.external => "external",
            None => "unclassified",
        }
    }
}

impl Index {
    /// `unique gin (a, lower(b)) include (c) where d`.
    pub fn words(&self) -> String {
        let keys: Vec<&str> = self.keys.iter().map(IndexPart::text).collect();
        let unique = if self.unique { "unique " } else { "" };
        let include = match self.include.as_slice() {
            [] => String::new(),
            columns => format!(" include ({})", columns.join(", ")),
        };
        let predicate =
            self.predicate.as_ref().map_or(String::new(), |predicate| format!(" where {predicate}"));
        format!("{unique}{} ({}){include}{predicate}", self.method, keys.join(", "))
    }
}

impl IndexPart {
    /// The column's name, or the expression.
    pub fn text(&self) -> &str {
        match self {
            Self::Column(text) | Self::Expression(text) => text,
        }
    }
}

impl Reference {
    /// `users (tenant_id, id)`.
    pub fn words_of_target(&self) -> String {
        format!("{} ({})", self.target, self.target_columns.join(", "))
    }
}
