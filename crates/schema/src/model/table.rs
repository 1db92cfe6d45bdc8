//! The model's tables and what belongs to them.

use super::SequenceOptions;
use serde::{Deserialize, Serialize};

/// A table, partitioned table or partition.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own in the catalog")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default)]
    pub rules: Vec<RewriteRule>,
    /// The composite type that a table `OF` it takes its columns from.
    #[serde(default)]
    pub of: Option<String>,
    /// Where it is not `heap`.
    #[serde(default)]
    pub access_method: Option<String>,
    /// Reported and not written: placements use their database's.
    #[serde(default)]
    pub tablespace: Option<String>,
    /// Of a partition: triggers of its parent that are enabled or disabled otherwise here.
    #[serde(default)]
    pub trigger_states: Vec<TriggerState>,
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
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own in the catalog")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// It is there only because a parent (in the sense of `INHERITS`) has it. Never so in a partition.
    #[serde(default)]
    pub inherited: bool,
    /// The NOT NULL is a parent's (in the sense of `INHERITS`) and not the table's own. Known from 18 on.
    #[serde(default)]
    pub not_null_inherited: bool,
    /// The NOT NULL is `NOT VALID`: rows from before may hold nulls.
    #[serde(default)]
    pub not_null_unvalidated: bool,
    #[serde(default)]
    pub not_null_no_inherit: bool,
    #[serde(default)]
    pub not_null_comment: Option<String>,
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
    /// The sequence's.
    #[serde(default)]
    pub comment: Option<String>,
    /// Where the sequence is unlogged and the table is not, or the other way round.
    #[serde(default)]
    pub unlogged: Option<bool>,
}

/// A constraint of a table.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own in the catalog")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    pub name: String,
    pub comment: Option<String>,
    pub deferrable: bool,
    pub deferred: bool,
    pub kind: ConstraintKind,
    /// It is there only because a parent has it: in a child in the sense of `INHERITS`, or an unvalidated one in a partition.
    #[serde(default)]
    pub inherited: bool,
    /// The comment on the index behind it.
    #[serde(default)]
    pub index_comment: Option<String>,
    /// The index behind it is the table's replica identity.
    #[serde(default)]
    pub replica_identity: bool,
    /// `CLUSTER` goes by the index behind it.
    #[serde(default)]
    pub clustered: bool,
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
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own in the catalog")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default)]
    pub clustered: bool,
    /// A partitioned table's: some partition has no index for it. Any other: building it has failed; it is not written.
    #[serde(default)]
    pub invalid: bool,
    /// The invalid index of the parent that this one of a partition belongs to.
    #[serde(default)]
    pub attached_to: Option<String>,
    /// Reported and not written: placements use their database's.
    #[serde(default)]
    pub tablespace: Option<String>,
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
    /// An expression's statistics target.
    #[serde(default)]
    pub statistics: Option<i16>,
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

/// How a trigger stands that is defined elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerState {
    pub name: String,
    /// `O`rigin, `D`isabled, `R`eplica or `A`lways.
    pub enabled: char,
}

/// A rewrite rule (`CREATE RULE`) other than the one that makes a view a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteRule {
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
    #[serde(default)]
    pub target: Option<i32>,
}

impl Constraint {
    /// A constraint that is checked at once, with nothing special about it.
    pub fn new(name: impl Into<String>, kind: ConstraintKind) -> Self {
        Self {
            name: name.into(),
            comment: None,
            deferrable: false,
            deferred: false,
            kind,
            inherited: false,
            index_comment: None,
            replica_identity: false,
            clustered: false,
        }
    }
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

    /// The table that this one was made for, where Tenantry looks after it: a partition, or one that was detached or is about
    /// to be attached. The database makes it and takes it away; no compiled statement does.
    pub fn looked_after_for(&self) -> Option<&str> {
        let mut lines = self.comment.as_deref()?.lines();
        let state = lines.find_map(|line| line.strip_prefix("tenantry:partition="))?;
        ["of ", "detached from ", "joining ", "leaving from "]
            .iter()
            .find_map(|word| state.strip_prefix(word))
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
