//! How primary keys become keys of shared tables.

use super::facts::Facts;
use super::{Doubts, Weight};
use crate::declaration::{Keys, Kind, TableEntry};
use crate::model::Table;
use std::collections::BTreeMap;

/// Global ids where every key of a tenant table consists of uuids.
pub(super) fn keys(facts: &Facts<'_>, entries: &BTreeMap<String, TableEntry>, doubts: &mut Doubts) -> Keys {
    let of_tenants =
        |table: &&&Table| entries.get(&table.name).is_none_or(|entry| entry.kind() == Kind::Tenant);
    let tables: Vec<&Table> = facts.tables.iter().filter(of_tenants).copied().collect();
    let type_of = |table: &Table, column: &String| {
        table.column(column).map_or("", |found| found.type_name.as_str()).to_owned()
    };
    let keyed: Vec<&Table> = tables.into_iter().filter(|table| table.primary_key().is_some()).collect();
    let all_uuid = keyed.iter().all(|table| {
        table
            .primary_key()
            .is_some_and(|key| key.columns.iter().all(|column| type_of(table, column) == "uuid"))
    });
    if keyed.is_empty() || !all_uuid {
        return Keys::Composite;
    }
    let unmade: Vec<&str> =
        keyed.iter().filter(|table| is_given(facts, table)).map(|table| table.name.as_str()).collect();
    if let Some(first) = unmade.first() {
        let more =
            if unmade.len() > 1 { format!(" and {} more tables", unmade.len() - 1) } else { String::new() };
        doubts.push(Weight::Wrong, "[tenancy] keys".to_owned(), format!(
            "every key is a uuid, so ids are taken to be unique over all tenants; the application makes those of {first}{more}: if two \
             tenants could have the same (imported or copied data), it is \"composite\""
        ));
    }
    Keys::GlobalId
}

/// The database makes no value for the key, and it is not another table's.
fn is_given(facts: &Facts<'_>, table: &Table) -> bool {
    let key = table.primary_key();
    key.is_some_and(|key| {
        key.columns.iter().any(|name| {
            let made = table
                .column(name)
                .is_some_and(|column| column.default.is_some() || column.generated.is_some());
            !made && !facts.is_link(&table.name, name)
        })
    })
}
