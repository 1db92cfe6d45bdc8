//! What a partition has of its parent, with the names that PostgreSQL gives to it in a plain database.

use super::element::{Names, joined, key_names};
use tenantry_schema::model::{Constraint, ConstraintKind, Index, Table};

/// Gives a partition the constraints and indexes of its parent.
pub(crate) fn inherit(table: &mut Table, parent: &Table, names: &mut Names<'_>) {
    for constraint in &parent.constraints {
        let constraint = of_constraint(constraint, &table.name, names);
        table.constraints.push(constraint);
    }
    for index in &parent.indexes {
        let index = of_index(index, &table.name, names);
        table.indexes.push(index);
    }
    table.constraints.sort_by(|a, b| super::create::rank(a).cmp(&super::create::rank(b)));
    table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
}

/// A constraint of a partition: those with an index have a name of their own, the others their parent's.
pub(crate) fn of_constraint(constraint: &Constraint, table: &str, names: &mut Names<'_>) -> Constraint {
    let name = match &constraint.kind {
        ConstraintKind::PrimaryKey(_) => names.choose(table, None, "pkey"),
        ConstraintKind::Unique(key) => {
            names.choose(table, Some(&joined(&[key.columns.clone(), key.include.clone()].concat())), "key")
        }
        ConstraintKind::Exclusion(of) => {
            names.choose(table, Some(&joined(&key_names(&of.keys, &of.include))), "excl")
        }
        ConstraintKind::Check { .. } | ConstraintKind::ForeignKey(_) => constraint.name.clone(),
    };
    Constraint { name, comment: None, ..constraint.clone() }
}

/// The same of an index.
pub(crate) fn of_index(index: &Index, table: &str, names: &mut Names<'_>) -> Index {
    let name = names.choose(table, Some(&joined(&key_names(&index.keys, &index.include))), "idx");
    Index { name, comment: None, ..index.clone() }
}
