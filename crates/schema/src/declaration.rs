//! The declaration: what a person must say because a catalog can't (sections `[tenancy]`, `[tables]`, `[unique]` and
//! `[[ignore]]` of `tenantry.toml`). It holds no defaults about a schema and is checked against one by the rules.
//!
//! The doc comments are the documentation: the reference page and the JSON schema of the file are made from them.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use tenantry_core::SqlIdent;

/// The sections. `Default` is `tenant_id bigint`, composite keys, every table a tenant table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declaration {
    pub tenancy: Tenancy,
    /// Kinds of tables, by name.
    pub tables: BTreeMap<String, TableEntry>,
    /// Unique columns that stay unique over all tenants: `"table.column"` or `"table.column, column"`.
    #[allow(clippy::zero_sized_map_values, reason = "more scopes will come")]
    pub unique: BTreeMap<String, UniqueScope>,
    /// Findings that a person has looked at and accepts. They change no DDL, so they are not part of a fingerprint.
    #[serde(skip_serializing)]
    pub ignore: Vec<Suppression>,
}

/// How tables get their tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tenancy {
    /// The column that shared tables get, or the one that you have already (`organization_id`, `account_id`).
    #[schemars(with = "String")]
    pub column: SqlIdent,
    /// The type of the tenant's id in your tables.
    #[serde(rename = "type")]
    pub value_type: TenantType,
    /// How primary keys become keys of shared tables.
    pub keys: Keys,
    /// What a table is that `[tables]` does not name: a tenant table, or an error.
    pub default: Unnamed,
}

/// The type of the tenant's id in the product's tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TenantType {
    #[default]
    Bigint,
    Uuid,
    Text,
}

/// How primary keys become keys of shared tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// The primary key becomes `(tenant, id)`: tenants may use the same ids.
    #[default]
    Composite,
    /// The primary key stays `(id)`, and `UNIQUE (tenant, id)` is added: ids must be unique over all tenants.
    GlobalId,
}

/// What a table is that is not named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unnamed {
    /// A tenant table.
    #[default]
    Tenant,
    /// It is an error: nothing is applied until every table is named.
    Refuse,
}

/// Whose rows a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Every row belongs to one tenant.
    Tenant,
    /// Every tenant reads the same rows; the operator writes them.
    Global,
    /// Each row is visible to a scope, a set of tenants.
    Scoped,
}

/// What a table is: a word, or a table with details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum TableEntry {
    Kind(Kind),
    Detailed(Box<TableDetails>),
}

/// What a table is, with details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableDetails {
    /// Whose rows the table holds.
    pub kind: Kind,
    /// How rows that exist already get their tenant when a database is converted: `parent.column`, a column of this table
    /// that leads to its parent (`posts.post_id`). Of a scoped table: what says which tenants see a row. Either
    /// `links.column`, a column of another table (`product_tenants.product_id`) that holds a row for each of them; or
    /// `column`, a column of this table (`site_id`) that holds one tenant, with 0 or null for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Partitions that Tenantry makes and looks after, in shared tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// Who may write rows of a scope that has several members. A tenant may always write rows of its own scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable_by: Option<WritableBy>,
    /// Columns of a scoped table that a tenant may override for itself (a price, a title).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
}

/// Partitions that Tenantry makes and looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "lowercase", deny_unknown_fields)]
pub enum Partition {
    /// By time: new partitions are made ahead, old ones detached.
    Range {
        /// A column of type `date`, `timestamp` or `timestamptz`, `NOT NULL`.
        column: String,
        /// The width of a partition: `1 day`, `1 week`, `1 month`, `3 months`, `1 year`.
        every: String,
        /// How many partitions are made ahead of the present one.
        #[serde(default = "default_ahead")]
        ahead: u16,
        /// How long rows are kept (`24 months`). Older partitions are detached, never dropped by themselves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retain: Option<String>,
    },
    /// By the hash of the tenant: rows of one tenant lie in one of `count` partitions.
    Hash { count: u16 },
    /// By tenant: those who are given one have a partition of their own, the others share the default partition.
    List {},
}

fn default_ahead() -> u16 {
    4
}

/// Who may write rows of a scope that has several members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WritableBy {
    /// Only the operator.
    #[default]
    Operator,
    /// Every tenant that is a member of the row's scope.
    Members,
}

/// Within what a unique constraint holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UniqueScope {
    /// Over all tenants: for what is looked up before the tenant is known.
    Global,
}

/// A finding that a person has looked at and accepts. It is still reported, as ignored, with the reason. An error that keeps a
/// schema from being compiled can't be ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// The rule's id (`tenantry rules` lists them).
    pub rule: String,
    /// The place as findings name it; `*` stands for any text.
    pub place: String,
    /// Why it is accepted.
    pub reason: String,
}

impl Default for Tenancy {
    fn default() -> Self {
        Self {
            column: SqlIdent::new("tenant_id").expect("a valid name"),
            value_type: TenantType::default(),
            keys: Keys::default(),
            default: Unnamed::default(),
        }
    }
}

impl TableEntry {
    /// The kind declared.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Kind(kind) => *kind,
            Self::Detailed(details) => details.kind,
        }
    }

    /// The partitioning declared.
    pub fn partition(&self) -> Option<&Partition> {
        match self {
            Self::Kind(_) => None,
            Self::Detailed(details) => details.partition.as_ref(),
        }
    }
}

impl TenantType {
    /// The type's name in SQL, as `format_type` prints it.
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::Bigint => "bigint",
            Self::Uuid => "uuid",
            Self::Text => "text",
        }
    }
}

impl Kind {
    /// The word in the declaration, in comments and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Global => "global",
            Self::Scoped => "scoped",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By hand, because what serde says of an untagged enum helps nobody: it names neither the word nor the choices.
impl<'de> Deserialize<'de> for TableEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = TableEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"tenant\", \"global\" or \"scoped\", or { kind = …, … }")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<TableEntry, E> {
                Kind::deserialize(word.into_deserializer()).map(TableEntry::Kind)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TableEntry, A::Error> {
                TableDetails::deserialize(MapAccessDeserializer::new(map))
                    .map(Box::new)
                    .map(TableEntry::Detailed)
            }
        }
        deserializer.deserialize_any(Entry)
    }
}

/// Splits a key of `[unique]` into table and columns. Names with a dot or a comma in them can't be written there.
pub(crate) fn split_unique(key: &str) -> Option<(&str, Vec<&str>)> {
    let (table, columns) = key.split_once('.')?;
    let columns: Vec<&str> = columns.split(',').map(str::trim).collect();
    let complete = !table.trim().is_empty() && columns.iter().all(|column| !column.is_empty());
    complete.then_some((table.trim(), columns))
}
