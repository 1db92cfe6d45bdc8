//! Guesses a declaration for a schema that has none: from foreign-key reachability of the tenant's own table, from columns that
//! tables have in common, and from names. Every guess says how sure it is and why; nothing is asked that can be known.
//!
//! Where a guess can be wrong in two ways, the one that isolates too much is taken: a table that should have been global is
//! seen at once, a tenant table that was taken for a global one is a leak.

mod column;
mod facts;
mod key;
mod kind;
mod path;
mod unique;
mod words;
mod write;

use crate::Declaration;
use crate::declaration::{Tenancy, Unnamed};
use crate::model::Model;
use facts::Facts;
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

/// How much harm a wrong guess does; the order of the doubts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// The tenant column itself.
    Foundation,
    /// Other tenants' rows may be seen.
    Leak,
    /// Rows can't be told apart, or inserts fail.
    Wrong,
    /// It could be better.
    Better,
}

/// Doubts as they come up.
#[derive(Debug, Default)]
struct Doubts(Vec<(Weight, Doubt)>);

impl Doubts {
    fn table(&mut self, weight: Weight, table: &str, message: String) {
        self.push(weight, format!("[tables] {table}"), message);
    }

    fn push(&mut self, weight: Weight, place: String, message: String) {
        self.0.push((weight, Doubt { place, message }));
    }

    fn sorted(mut self) -> Vec<Doubt> {
        self.0.sort_by(|a, b| (a.0, &a.1.place).cmp(&(b.0, &b.1.place)));
        self.0.into_iter().map(|(_, doubt)| doubt).collect()
    }
}

/// Guesses. The same model always gives the same guess.
pub fn guess(model: &Model) -> Guess {
    let facts = Facts::new(model);
    let mut doubts = Doubts::default();
    let adopted = column::adopt(&facts, &mut doubts);
    let tables = kind::tables(&facts, &adopted, &mut doubts);
    let unique = unique::uniques(&facts, &adopted, &tables, &mut doubts);
    let keys = key::keys(&facts, &tables, &mut doubts);
    let tenancy =
        Tenancy { column: adopted.column, value_type: adopted.value_type, keys, default: Unnamed::Tenant };
    Guess {
        declaration: Declaration { tenancy, tables, unique, ignore: Vec::new() },
        doubts: doubts.sorted(),
    }
}
