//! Objects that hold no rows and that no rule changes: they are kept as the statements that create them.

use serde::{Deserialize, Serialize};

/// An aggregate, operator, collation or the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    pub kind: DefinitionKind,
    /// As `COMMENT ON` and `ALTER` name it after the kind: quoted, with arguments and access method where they belong to it.
    pub name: String,
    pub comment: Option<String>,
    /// In order, without semicolons.
    pub statements: Vec<String>,
}

/// Kinds of [`Definition`], in the order in which they are created unless a dependency says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefinitionKind {
    Collation,
    Conversion,
    Operator,
    #[serde(rename = "operator family")]
    OperatorFamily,
    #[serde(rename = "operator class")]
    OperatorClass,
    Aggregate,
    Cast,
    #[serde(rename = "text search dictionary")]
    TextSearchDictionary,
    #[serde(rename = "text search configuration")]
    TextSearchConfiguration,
}

impl Definition {
    /// The name that dependencies use.
    pub fn object_name(&self) -> String {
        format!("{} {}", self.kind.as_str(), self.name)
    }
}

impl DefinitionKind {
    /// The words in facts and, in capitals or not, in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collation => "collation",
            Self::Conversion => "conversion",
            Self::Operator => "operator",
            Self::OperatorFamily => "operator family",
            Self::OperatorClass => "operator class",
            Self::Aggregate => "aggregate",
            Self::Cast => "cast",
            Self::TextSearchDictionary => "text search dictionary",
            Self::TextSearchConfiguration => "text search configuration",
        }
    }
}
