//! The model's views and materialized views.

use super::{Column, Index, RewriteRule, Statistics, Trigger};
use serde::{Deserialize, Serialize};

/// A view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Defaults that INSERT into the view uses before those of its table.
    #[serde(default)]
    pub column_defaults: Vec<ColumnDefault>,
    #[serde(default)]
    pub rules: Vec<RewriteRule>,
}

/// A comment on a column of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnComment {
    pub column: String,
    pub comment: String,
}

/// The default of a view's column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDefault {
    pub column: String,
    pub default: String,
}

/// A materialized view. Row-level security does not reach it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedView {
    pub name: String,
    pub comment: Option<String>,
    pub definition: String,
    /// Storage parameters, `name=value`.
    pub options: Vec<String>,
    /// It holds rows: it was created or refreshed `WITH DATA`.
    pub populated: bool,
    /// Where it is not `heap`.
    pub access_method: Option<String>,
    pub tablespace: Option<String>,
    /// Tables whose primary key its GROUP BY rests on.
    pub groups_by: Vec<String>,
    #[serde(default)]
    pub columns: Vec<Column>,
    #[serde(default)]
    pub indexes: Vec<Index>,
    #[serde(default)]
    pub statistics: Vec<Statistics>,
}
