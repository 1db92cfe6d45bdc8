//! Names for what rules add. They follow PostgreSQL's own pattern and never collide with what the schema has.

use crate::model::{ConstraintKind, Model};
use std::collections::HashSet;
use tenantry_core::ident::MAX_IDENT_BYTES;

/// `<table>_<columns>_<label>`, cut to the length that PostgreSQL can store, numbered where it is taken.
/// Relations and constraints share one namespace here: a unique constraint is both.
pub(super) fn fresh_among(
    is_taken: impl Fn(&str) -> bool,
    table: &str,
    columns: &[String],
    label: &str,
) -> String {
    let stem = if columns.is_empty() { table.to_owned() } else { format!("{table}_{}", columns.join("_")) };
    let mut name = cut(&stem, &format!("_{label}"));
    let mut number = 1;
    while is_taken(&name) {
        name = cut(&stem, &format!("_{label}{number}"));
        number += 1;
    }
    name
}

/// Every name of a relation or constraint.
pub(super) fn all(model: &Model) -> HashSet<String> {
    let of_tables = model.tables.iter().flat_map(|table| {
        let constraints = table.constraints.iter().map(|constraint| &constraint.name);
        std::iter::once(&table.name).chain(constraints).chain(table.indexes.iter().map(|index| &index.name))
    });
    let sequences = model.sequences.iter().map(|sequence| &sequence.name);
    let types = model.types.iter().map(|defined| &defined.name);
    let views = model.views.iter().map(|view| &view.name);
    let materialized = model
        .materialized_views
        .iter()
        .flat_map(|view| std::iter::once(&view.name).chain(view.indexes.iter().map(|index| &index.name)));
    of_tables.chain(sequences).chain(types).chain(views).chain(materialized).cloned().collect()
}

pub(super) fn cut(stem: &str, label: &str) -> String {
    let mut end = stem.len().min(MAX_IDENT_BYTES - label.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{label}", &stem[..end])
}

/// The name most like the wanted one, if any is near.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.map(|name| (strsim::damerau_levenshtein(wanted, name), name)).min()?;
    (near.0 <= 1 + wanted.chars().count() / 4).then_some(near.1)
}

/// Whether `columns` are unique in the table by a constraint or an index that a foreign key may refer to.
pub(super) fn is_key(table: &crate::model::Table, columns: &[String]) -> bool {
    let by_constraint = table.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => {
            !constraint.deferrable && super::same_columns(&key.columns, columns)
        }
        _ => false,
    });
    by_constraint
        || table.indexes.iter().any(|index| {
            let keys: Option<Vec<String>> = index.keys.iter().map(|key| key.column.clone()).collect();
            index.unique
                && index.predicate.is_none()
                && keys.is_some_and(|keys| super::same_columns(&keys, columns))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_a_character_and_keeps_its_label() {
        let name = fresh_among(|_| false, &"é".repeat(40), &["id".to_owned()], "key");
        assert!(name.len() <= MAX_IDENT_BYTES && name.ends_with("é_key"), "{name}");
        let taken = ["t_a_key", "t_a_key1"];
        assert_eq!(fresh_among(|name| taken.contains(&name), "t", &["a".to_owned()], "key"), "t_a_key2");
    }

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["countries", "plans"];
        assert_eq!(nearest("countires", names.into_iter()), Some("countries"));
        assert_eq!(nearest("invoices", names.into_iter()), None);
    }
}
