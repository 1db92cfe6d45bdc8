//! The model's tables and what belongs to them.

use super::SequenceOptions;
use serde::{Deserialize, Serialize};

/// A table, partitioned table or partition.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own in the catalog")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub name: String,
    pub comment: Option<String>,
    /// `RANGE (created_at)`, of a partitioned table.
    pub partition_by: Option<String>,
    pub partition_of: Option<PartitionOf>,
    /// Parents in the sense of `INHERITS`.
    pub inherits: Vec<String>,
    pub unlogged: bool,
    /// Storage parameters, `name=value`.
    pub options: Vec<String>,
    /// `d`efault, `n`othing, `f`ull or by `i`ndex.
    pub replica_identity: char,
    pub row_security: bool,
    pub force_row_security: bool,
    /// The plain schema grants something on it. Grants are not kept: Tenantry makes its own.
    #[serde(default, skip_serializing)]
    pub has_grants: bool,
    #[serde(default)]
    pub columns: Vec<Column>,
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    #[serde(default)]
    pub indexes: Vec<Index>,
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    #[serde(default)]
    pub policies: Vec<Policy>,
    #[serde(default)]
    pub statistics: Vec<Statistics>,
}

/// Place in a partitioned table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionOf {
    pub parent: String,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bounds: String,
}

/// A table and one of its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    pub table: String,
    pub column: String,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Orders the columns when they are read; gaps of dropped columns mean nothing.
    #[serde(default, skip_serializing)]
    pub position: i16,
    pub name: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub collation: Option<String>,
    pub not_null: bool,
    pub not_null_name: Option<String>,
    pub default: Option<String>,
    pub generated: Option<Generated>,
    pub identity: Option<Identity>,
    pub storage: Option<char>,
    pub compression: Option<char>,
    pub statistics: Option<i16>,
    pub options: Vec<String>,
    pub comment: Option<String>,
}

/// `GENERATED ALWAYS AS (expression)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    pub expression: String,
    pub stored: bool,
}

/// `GENERATED … AS IDENTITY`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub always: bool,
    pub sequence: String,
    pub options: SequenceOptions,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    pub name: String,
    pub comment: Option<String>,
    pub deferrable: bool,
    pub deferred: bool,
    pub kind: ConstraintKind,
}

/// What a constraint asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConstraintKind {
    PrimaryKey(UniqueKey),
    Unique(UniqueKey),
    Exclusion(Exclusion),
    /// The definition as the server prints it, with `NOT VALID` and the like.
    Check {
        definition: String,
        validated: bool,
    },
    ForeignKey(ForeignKey),
}

/// A primary key or unique constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueKey {
    pub columns: Vec<String>,
    pub include: Vec<String>,
    pub nulls_not_distinct: bool,
    /// The last column is `WITHOUT OVERLAPS`.
    pub period: bool,
    pub options: Vec<String>,
}

/// An exclusion constraint. `operators` goes with `keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    pub method: String,
    pub keys: Vec<IndexKey>,
    pub operators: Vec<String>,
    pub include: Vec<String>,
    pub predicate: Option<String>,
    pub options: Vec<String>,
}

/// A foreign key. `columns` goes with `target_columns`.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own in the catalog")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub columns: Vec<String>,
    /// The target's schema, where it is another one.
    pub target_schema: Option<String>,
    pub target: String,
    pub target_columns: Vec<String>,
    /// `MATCH FULL`.
    pub full: bool,
    /// For several columns: what `MATCH FULL` asks beyond `MATCH SIMPLE`, as a check.
    pub full_check: Option<String>,
    pub on_update: ForeignAction,
    pub on_delete: ForeignAction,
    /// The columns that `ON DELETE SET …` sets; empty means all.
    pub on_delete_columns: Vec<String>,
    pub validated: bool,
    pub enforced: bool,
    /// The last column is a `PERIOD`.
    pub period: bool,
}

/// A referential action, by the letter that the catalog has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForeignAction {
    #[serde(rename = "a")]
    NoAction,
    #[serde(rename = "r")]
    Restrict,
    #[serde(rename = "c")]
    Cascade,
    #[serde(rename = "n")]
    SetNull,
    #[serde(rename = "d")]
    SetDefault,
}

/// An index that is not a constraint's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    pub name: String,
    pub comment: Option<String>,
    pub method: String,
    pub unique: bool,
    pub nulls_not_distinct: bool,
    pub keys: Vec<IndexKey>,
    pub include: Vec<String>,
    pub predicate: Option<String>,
    pub options: Vec<String>,
    pub replica_identity: bool,
}

/// A key of an index: a column or an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    pub column: Option<String>,
    /// As the server prints it, in parentheses where it needs them.
    pub expression: Option<String>,
    pub collation: Option<String>,
    pub opclass: Option<String>,
    pub opclass_options: Vec<String>,
    pub descending: bool,
    pub nulls_first: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    pub name: String,
    pub comment: Option<String>,
    pub definition: String,
    /// `O`rigin, `D`isabled, `R`eplica or `A`lways.
    pub enabled: char,
}

/// A row-level security policy. No role means PUBLIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub name: String,
    pub comment: Option<String>,
    pub permissive: bool,
    pub command: String,
    pub roles: Vec<String>,
    pub using: Option<String>,
    pub check: Option<String>,
}

/// An extended statistics object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    pub name: String,
    pub comment: Option<String>,
    pub definition: String,
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The primary key's columns.
    pub fn primary_key(&self) -> Option<&UniqueKey> {
        self.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey(key) => Some(key),
            _ => None,
        })
    }

    /// Whether it is a partition of another table.
    pub fn is_partition(&self) -> bool {
        self.partition_of.is_some()
    }
}

impl IndexKey {
    /// A plain column.
    pub fn of_column(name: &str) -> Self {
        Self { column: Some(name.to_owned()), ..Self::default() }
    }
}

impl ForeignAction {
    /// `SET NULL` or `SET DEFAULT`.
    pub fn sets(self) -> bool {
        matches!(self, Self::SetNull | Self::SetDefault)
    }

    /// The words in SQL.
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::NoAction => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }
}
