//! Uniques that hold over all tenants: what is looked up before the tenant is known.

use super::column::Adopted;
use super::facts::Facts;
use super::words::{Lookup, lookup};
use super::{Doubts, Weight};
use crate::declaration::{Kind, TableEntry, UniqueScope};
use crate::model::{ConstraintKind, Table};
use std::collections::BTreeMap;

#[allow(clippy::zero_sized_map_values, reason = "as in the declaration")]
pub(super) fn uniques(
    facts: &Facts<'_>,
    adopted: &Adopted<'_>,
    entries: &BTreeMap<String, TableEntry>,
    doubts: &mut Doubts,
) -> BTreeMap<String, UniqueScope> {
    let mut found = BTreeMap::new();
    for table in &facts.tables {
        let kind = entries.get(&table.name).map_or(Kind::Tenant, TableEntry::kind);
        if kind != Kind::Tenant || table.name.contains(['.', ',']) {
            continue;
        }
        for column in alone(table) {
            let Some(what) = lookup(&table.name, column) else { continue };
            // A foreign key that is unique is a one-to-one relation.
            if facts.is_link(&table.name, column)
                || column == adopted.column.as_str()
                || column.contains(['.', ','])
            {
                continue;
            }
            let key = format!("{}.{column}", table.name);
            if let Some(message) = message(what, &table.name, column) {
                doubts.push(Weight::Wrong, format!("[unique] {key:?}"), message);
            }
            found.insert(key, UniqueScope::Global);
        }
    }
    found
}

/// Columns that are unique by themselves.
fn alone(table: &Table) -> Vec<&str> {
    let constraints = table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::Unique(key) if key.columns.len() == 1 => Some(key.columns[0].as_str()),
        _ => None,
    });
    let indexes = table
        .indexes
        .iter()
        .filter(|index| index.unique && index.predicate.is_none() && index.keys.len() == 1);
    let mut columns: Vec<&str> =
        constraints.chain(indexes.filter_map(|index| index.keys[0].column.as_deref())).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

fn message(what: Lookup, table: &str, column: &str) -> Option<String> {
    match what {
        Lookup::Secret => None,
        Lookup::Address => Some(format!(
            "global: a {column} leads to one tenant, whoever asks; without this line two tenants may have the same"
        )),
        Lookup::Login => Some(format!(
            "global: people log in to {table} by {column} before the tenant is known; if they name the tenant first, or may have \
             one login for each tenant, take the line out"
        )),
    }
}
