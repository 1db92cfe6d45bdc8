//! The declaration: what a person must say because a catalog can't (sections `[tenancy]`, `[tables]` and `[unique]`
//! of `tenantry.toml`). It holds no defaults about a schema and is checked against one by the rules.

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use tenantry_core::SqlIdent;

/// The three sections. `Default` is `tenant_id bigint`, composite keys, every table a tenant table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declaration {
    pub tenancy: Tenancy,
    /// Kinds of tables, by name.
    pub tables: BTreeMap<String, TableEntry>,
    /// Unique columns that stay unique over all tenants: `"table.column"` or `"table.column, column"`.
    #[allow(clippy::zero_sized_map_values, reason = "more scopes will come")]
    pub unique: BTreeMap<String, UniqueScope>,
}

/// `[tenancy]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tenancy {
    /// The tenant column. One that tables already have is adopted.
    pub column: SqlIdent,
    /// The type of the tenant column.
    #[serde(rename = "type")]
    pub value_type: TenantType,
    pub keys: Keys,
    /// What a table is that `[tables]` does not name.
    pub default: Unnamed,
}

/// Type of the tenant column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantType {
    #[default]
    Bigint,
    Uuid,
    Text,
}

/// What becomes of primary keys in shared tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// `(tenant_id, id)`: two tenants may use the same id.
    #[default]
    Composite,
    /// `(id)` stays, plus `UNIQUE (tenant_id, id)` for foreign keys: ids must be unique over all tenants.
    GlobalId,
}

/// What an unnamed table is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unnamed {
    #[default]
    Tenant,
    /// It is an error: nothing is applied until every table is named.
    Refuse,
}

/// The kind of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Every row belongs to one tenant.
    Tenant,
    /// Every tenant reads the same rows.
    Global,
    /// Each row is visible to a scope. Refused for now.
    Scoped,
}

/// An entry of `[tables]`: a kind, or a kind with details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TableEntry {
    Kind(Kind),
    Detailed(TableDetails),
}

/// The long form of an entry of `[tables]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDetails {
    pub kind: Kind,
    /// `parent.column`: how rows that exist already get their tenant. Used by conversion only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Partitioning to add. Refused for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
}

/// Partitioning that Tenantry is to add to a shared table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase", deny_unknown_fields)]
pub enum Partition {
    Range { column: String, every: String },
    Hash { count: u16 },
}

/// How far a unique constraint reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UniqueScope {
    /// Unique over all tenants.
    Global,
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
                f.write_str("\"tenant\", \"global\", \"scoped\" or { kind = …, via = …, partition = … }")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<TableEntry, E> {
                Kind::deserialize(word.into_deserializer()).map(TableEntry::Kind)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TableEntry, A::Error> {
                TableDetails::deserialize(MapAccessDeserializer::new(map)).map(TableEntry::Detailed)
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
