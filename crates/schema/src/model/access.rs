//! Who owns what and who may do what, as read. Nothing of it is written: a placement's owner and grants are Tenantry's.

use serde::{Deserialize, Serialize};

/// Owners and grants of a schema and of what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub owners: Vec<Ownership>,
    /// What is granted to others than the owner, also where it is by default (EXECUTE on functions to PUBLIC).
    pub grants: Vec<Grant>,
    /// What `ALTER DEFAULT PRIVILEGES` grants on objects to come.
    pub defaults: Vec<DefaultGrant>,
}

/// An object's owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ownership {
    pub on: GrantOn,
    pub name: String,
    pub owner: String,
}

/// One privilege of one role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    pub on: GrantOn,
    /// The object; a function's has its arguments.
    pub name: String,
    /// For privileges on a column.
    pub column: Option<String>,
    /// `None` is PUBLIC.
    pub grantee: Option<String>,
    pub grantor: String,
    /// `SELECT`, `INSERT`, … as the server names them.
    pub privilege: String,
    /// `WITH GRANT OPTION`.
    pub grantable: bool,
}

/// One privilege that objects which `role` creates will have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DefaultGrant {
    pub role: String,
    /// It holds in this schema alone, and not in the whole database.
    pub in_schema: bool,
    /// `r`elations, `S`equences, `f`unctions, `T`ypes, `n` schemas.
    pub objects: char,
    pub grantee: Option<String>,
    pub privilege: String,
    pub grantable: bool,
}

/// What an [`Ownership`] or a [`Grant`] is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantOn {
    Schema,
    /// Tables, views and materialized views.
    Table,
    Sequence,
    Function,
    Type,
}
