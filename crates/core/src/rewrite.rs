//! What a gateway asks of a rewriter: the words between the two, which do not know each other.

use crate::error::ErrorKind;
use crate::{DatabaseId, TenancyModel};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// How the session that a text is for reads strings in plain quotes: its `standard_conforming_strings`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QuotedStrings {
    #[default]
    Standard,
    /// A backslash escapes the next character.
    Backslash,
}

/// What makes statements of an application, which knows the plain schema, fit the tables that tenants share.
pub trait Rewrite: Send + Sync + fmt::Debug {
    /// A cheap look. False: [`rewrite`](Self::rewrite) would leave the text alone.
    fn might_need(&self, sql: &str) -> bool;

    /// What to send in the place of a text of one or more statements; `None` is the text itself. An error is told to the client as if
    /// it were the server's.
    fn rewrite(&self, sql: &str, strings: QuotedStrings) -> Result<Option<Rewritten>, NotRewritten>;
}

/// The rewriters in force. They may be replaced while a gateway runs: sessions hear of it between transactions.
#[derive(Debug, Clone, Default)]
pub struct Rewriters {
    /// For databases that have none of their own.
    pub everywhere: Option<Arc<dyn Rewrite>>,
    pub of: HashMap<DatabaseId, Arc<dyn Rewrite>>,
    /// For tenants that have a schema of their own, whatever the database.
    pub own_schemas: Option<Arc<dyn Rewrite>>,
}

impl Rewriters {
    /// The one for a database's tenants of a model.
    pub fn of(&self, database: DatabaseId, model: TenancyModel) -> Option<&Arc<dyn Rewrite>> {
        match model {
            TenancyModel::Shared => self.of.get(&database).or(self.everywhere.as_ref()),
            TenancyModel::Schema => self.own_schemas.as_ref(),
            TenancyModel::Database => None,
        }
    }
}

/// What is sent in the place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    pub sql: String,
    /// The COPYs in it that became three statements each, in order.
    pub copies: Vec<CopyFrom>,
}

/// A COPY … FROM STDIN that became three statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFrom {
    /// The number of the first of them in the text, from 0.
    pub first: usize,
    /// The table that rows are read into, and the table that the client knows: errors speak of the latter.
    pub stage: String,
    pub table: String,
    /// What makes room for the rows, what reads them, and what puts them into the table: its count of rows is the COPY's.
    pub begin: String,
    pub copy: String,
    pub finish: String,
}

/// A text that shared tables can't take, whatever is done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRewritten {
    pub kind: ErrorKind,
    pub message: String,
    pub hint: Option<String>,
    /// The place in the text, in characters from 1.
    pub position: u32,
}
