//! The model: what a schema consists of, as the catalog tells it, in a stable order and without OIDs.
//!
//! Names are bare; texts printed by PostgreSQL (types, expressions, bodies) are SQL as they stand. The model holds no
//! tenant, role or server, so that every placement of one schema version comes from one model.
//!
//! Where servers differ, so does the fingerprint: before 16 a view of one table prints its columns with the table's name; names
//! of NOT NULL constraints are known from 18 on. (In partitions the parent's names are left out, so that they don't count.)

mod access;
mod definition;
mod table;
mod view;

pub use access::{Access, DefaultGrant, Grant, GrantOn, Ownership};
pub use definition::{Definition, DefinitionKind};
pub use table::{
    Column, Constraint, ConstraintKind, Exclusion, ForeignAction, ForeignKey, Generated, Identity, Index,
    IndexKey, Owned, PartitionOf, Policy, RewriteRule, Statistics, Table, Trigger, TriggerState, UniqueKey,
};
pub use view::{ColumnComment, ColumnDefault, MaterializedView, View};

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
    #[serde(default)]
    pub materialized_views: Vec<MaterializedView>,
    /// Aggregates, operators, collations and other objects that are kept as the statements that create them.
    #[serde(default)]
    pub definitions: Vec<Definition>,
    pub extensions: Vec<Extension>,
    pub dependencies: Vec<Dependency>,
    pub unmodelled: Vec<Unmodelled>,
    /// Owners and grants, for audits. Not part of the fingerprint, and not written anywhere: placements have their own.
    #[serde(default, skip_serializing)]
    pub access: Access,
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
        /// Where it is not the name that the server would choose (from 17 on it has one).
        #[serde(default)]
        not_null_name: Option<String>,
        #[serde(default)]
        not_null_comment: Option<String>,
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
        #[serde(default)]
        multirange_comment: Option<String>,
    },
}

/// A constraint of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainCheck {
    pub name: String,
    /// With `NOT VALID`, where it is not validated.
    pub definition: String,
    #[serde(default)]
    pub unvalidated: bool,
    #[serde(default)]
    pub comment: Option<String>,
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub collation: Option<String>,
    #[serde(default)]
    pub comment: Option<String>,
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
#[allow(clippy::struct_excessive_bools, reason = "facts of the catalog")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    pub name: String,
    /// Identity arguments, as `pg_get_function_identity_arguments` prints them.
    pub arguments: String,
    pub comment: Option<String>,
    pub procedure: bool,
    pub language: String,
    pub security_definer: bool,
    /// The planner runs it before row-level security has said which rows it may see.
    #[serde(default)]
    pub leakproof: bool,
    /// It returns `trigger`: nobody calls it by name.
    pub trigger: bool,
    /// `SET` clauses, `name=value`.
    pub settings: Vec<String>,
    /// The text of the body, where the server holds it as text and so knows no dependencies of it.
    pub body: Option<String>,
    /// `CREATE OR REPLACE …` without a schema.
    pub definition: String,
}

/// An extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    pub name: String,
    /// Its schema, where that is not the schema that was read.
    pub schema: Option<String>,
    /// Relations that name a type or a function of it.
    pub relations: Vec<String>,
    /// The installed version. Servers bring different ones, so it is not part of the fingerprint.
    #[serde(default, skip_serializing)]
    pub version: Option<String>,
    /// What of the schema needs it: also by an operator class, an operator or a language. Not part of the fingerprint.
    #[serde(default, skip_serializing)]
    pub users: Vec<Object>,
}

/// `from` can only be created after `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    pub from: Object,
    pub to: Object,
    /// Only a default or a check needs it, which can also be added later. Not part of the fingerprint.
    #[serde(default, skip_serializing)]
    pub soft: bool,
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
    /// See [`Definition`]; its name is [`Definition::object_name`]. Before functions: a body may use a cast that the catalog
    /// does not say it uses.
    Definition,
    Function,
    Table,
    View,
    #[serde(rename = "materialized view")]
    MaterializedView,
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
        // Sorted by name, unless a rule has added one at the end.
        match self.tables.binary_search_by(|table| table.name.as_str().cmp(name)) {
            Ok(at) => self.tables.get(at),
            Err(_) => self.tables.iter().find(|table| table.name == name),
        }
    }

    /// The view of that name.
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|view| view.name == name)
    }

    /// The materialized view of that name.
    pub fn materialized_view(&self, name: &str) -> Option<&MaterializedView> {
        self.materialized_views.iter().find(|view| view.name == name)
    }

    /// The tables that inherit directly from this one, in the sense of `INHERITS`.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Table> {
        self.tables.iter().filter(move |table| table.inherits.iter().any(|parent| parent == name))
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
            let Some(table) = self.table(name) else { break };
            match (&table.partition_of, table.looked_after_for()) {
                (Some(partition), _) => name = &partition.parent,
                // One that was detached holds tenants' rows all the same.
                (None, Some(origin)) => name = origin,
                (None, None) => break,
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
