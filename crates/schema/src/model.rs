//! The model: what a schema consists of, as the catalog tells it, in a stable order and without OIDs.
//!
//! Names are bare; texts printed by PostgreSQL (types, expressions, bodies) are SQL as they stand. The model holds no
//! tenant, role or server, so that every placement of one schema version comes from one model.

mod table;

pub use table::{
    Column, Constraint, ConstraintKind, Exclusion, ForeignAction, ForeignKey, Generated, Identity, Index,
    IndexKey, Owned, PartitionOf, Policy, Statistics, Table, Trigger, UniqueKey,
};

use serde::{Deserialize, Serialize};

/// A schema. The vectors are sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Where it was read; not part of the fingerprint.
    #[serde(skip)]
    pub source: Source,
    pub types: Vec<Type>,
    pub sequences: Vec<Sequence>,
    pub functions: Vec<Function>,
    pub tables: Vec<Table>,
    pub views: Vec<View>,
    pub extensions: Vec<Extension>,
    pub dependencies: Vec<Dependency>,
    pub unmodelled: Vec<Unmodelled>,
}

/// Server and schema that the facts come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `server_version_num`.
    pub version: u32,
    pub schema: String,
}

/// A type that the schema defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Type {
    pub name: String,
    pub comment: Option<String>,
    #[serde(flatten)]
    pub kind: TypeKind,
}

/// What kind of type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TypeKind {
    Enum {
        labels: Vec<String>,
    },
    Domain {
        base: String,
        collation: Option<String>,
        default: Option<String>,
        not_null: bool,
        checks: Vec<DomainCheck>,
    },
    Composite {
        attributes: Vec<Attribute>,
    },
    Range {
        subtype: String,
        opclass: Option<String>,
        collation: Option<String>,
        canonical: Option<String>,
        difference: Option<String>,
        multirange: String,
    },
}

/// A constraint of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainCheck {
    pub name: String,
    pub definition: String,
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub collation: Option<String>,
}

/// A sequence that is not an identity column's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    pub name: String,
    pub comment: Option<String>,
    pub unlogged: bool,
    pub options: SequenceOptions,
    /// The serial column it goes away with.
    pub owned_by: Option<Owned>,
    /// Some column's default takes values from it.
    pub used_by_default: bool,
}

/// The numbers of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceOptions {
    #[serde(rename = "type")]
    pub type_name: String,
    pub start: i64,
    pub increment: i64,
    pub minimum: i64,
    pub maximum: i64,
    pub cache: i64,
    pub cycle: bool,
}

/// A function or procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    pub name: String,
    /// Identity arguments, as `pg_get_function_identity_arguments` prints them.
    pub arguments: String,
    pub comment: Option<String>,
    pub procedure: bool,
    pub language: String,
    pub security_definer: bool,
    /// It returns `trigger`: nobody calls it by name.
    pub trigger: bool,
    /// `SET` clauses, `name=value`.
    pub settings: Vec<String>,
    /// The text of the body, where the server holds it as text and so knows no dependencies of it.
    pub body: Option<String>,
    /// `CREATE OR REPLACE …` without a schema.
    pub definition: String,
}

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    pub name: String,
    pub comment: Option<String>,
    pub definition: String,
    /// `name=value`.
    pub options: Vec<String>,
    /// Bit mask of `pg_relation_is_updatable`.
    pub updatable: u32,
    pub column_comments: Vec<ColumnComment>,
    /// Tables whose primary key the view's GROUP BY rests on.
    pub groups_by: Vec<String>,
    #[serde(default)]
    pub triggers: Vec<Trigger>,
}

/// A comment on a column of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnComment {
    pub column: String,
    pub comment: String,
}

/// An extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    pub name: String,
    /// Its schema, where that is not the schema that was read.
    pub schema: Option<String>,
    /// Relations that name a type or a function of it.
    pub relations: Vec<String>,
}

/// `from` can only be created after `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    pub from: Object,
    pub to: Object,
}

/// An object that is created by a statement of its own before constraints between tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Object {
    pub kind: ObjectKind,
    /// A function's has its arguments.
    pub name: String,
}

/// Kinds of [`Object`], in the order in which they are created unless a dependency says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    Type,
    Sequence,
    Function,
    Table,
    View,
}

/// Something that the model does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unmodelled {
    pub kind: String,
    pub name: String,
}

impl Model {
    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Whether the extension is there.
    pub fn has_extension(&self, name: &str) -> bool {
        self.extensions.iter().any(|extension| extension.name == name)
    }

    /// The root of the partition tree that a table stands in: itself unless it is a partition.
    pub fn root<'a>(&'a self, name: &'a str) -> &'a str {
        let mut name = name;
        // Bounded by the number of tables, should the facts ever hold a circle.
        for _ in 0..self.tables.len() {
            match self.table(name).and_then(|table| table.partition_of.as_ref()) {
                Some(partition) => name = &partition.parent,
                None => break,
            }
        }
        name
    }
}

impl Function {
    /// The name that dependencies use.
    pub fn object_name(&self) -> String {
        format!("{}({})", self.name, self.arguments)
    }
}
