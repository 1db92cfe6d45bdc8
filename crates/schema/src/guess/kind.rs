//! What each table is.

use super::column::Adopted;
use super::facts::Facts;
use super::path::{Distances, distances, is_part_of, ways};
use super::words::{GlobalWord, global_word, is_bookkeeping, is_series};
use super::{Doubts, Weight};
use crate::declaration::{Kind, TableDetails, TableEntry};
use crate::model::{ConstraintKind, Table};
use std::collections::{BTreeMap, BTreeSet};

/// Entries by table; a tenant table that needs no word has none.
type Entries = BTreeMap<String, TableEntry>;

pub(super) fn tables(facts: &Facts<'_>, adopted: &Adopted<'_>, doubts: &mut Doubts) -> Entries {
    let mut entries = Entries::new();
    let globals = globals(facts, adopted, doubts, &mut entries);
    if adopted.is_there {
        root(adopted, &mut entries, doubts);
        with_column(facts, adopted, &globals, &mut entries, doubts);
    }
    series(facts, &mut entries, doubts);
    entries
}

fn has_column(table: &Table, adopted: &Adopted<'_>) -> bool {
    adopted.is_there && table.column(adopted.column.as_str()).is_some()
}

fn word(entries: &mut Entries, table: &str, kind: Kind) {
    entries.insert(table.to_owned(), TableEntry::Kind(kind));
}

/// Tables that all tenants share. Nothing is global that refers to a table that is not.
fn globals<'a>(
    facts: &Facts<'a>,
    adopted: &Adopted<'_>,
    doubts: &mut Doubts,
    entries: &mut Entries,
) -> BTreeSet<&'a str> {
    let mut globals: BTreeSet<&str> = BTreeSet::new();
    // Tables of the operator may refer to each other: until nothing is added.
    loop {
        let before = globals.len();
        for table in &facts.tables {
            let name = table.name.as_str();
            let own = !has_column(table, adopted) && adopted.root != Some(name) && !globals.contains(name);
            if own
                && facts.links_out(name).all(|link| globals.contains(link.target))
                && is_global(facts, adopted, table, doubts)
            {
                globals.insert(name);
                word(entries, name, Kind::Global);
            }
        }
        if globals.len() == before {
            break;
        }
    }
    for table in &facts.tables {
        let name = table.name.as_str();
        let own = !has_column(table, adopted) && adopted.root != Some(name) && !globals.contains(name);
        // Where tenants have no column yet, each may have such a table of its own: that is how the schema is written.
        if own
            && !adopted.is_there
            && facts.links_out(name).all(|link| globals.contains(link.target))
            && global_word(name).is_some()
            && looks_static(facts, table, &globals)
        {
            word(entries, name, Kind::Tenant);
            doubts.table(Weight::Better, name, format!(
                "each tenant gets its own {name}; it is a small table that others only refer to: if all tenants share its rows, \
                 it is \"global\""
            ));
        }
    }
    globals
}

fn is_global(facts: &Facts<'_>, adopted: &Adopted<'_>, table: &Table, doubts: &mut Doubts) -> bool {
    let name = table.name.as_str();
    if is_bookkeeping(name) {
        return true;
    }
    let only_referred = facts.referrers(name).next().is_some();
    let alone = facts.links_out(name).next().is_none() && !only_referred;
    match global_word(name) {
        Some(GlobalWord::World) => true,
        // In a schema with its own tenant column, a table without it that everything refers to and with such a name is shared.
        Some(GlobalWord::Operator) if adopted.is_there && !alone => {
            doubts.table(Weight::Leak, name, format!(
                "global, by its name and because nothing in it tells tenants apart: every tenant reads all its rows, none writes them; \
                 if tenants have {name} of their own, it is \"tenant\""
            ));
            true
        }
        _ if adopted.is_there && looks_static(facts, table, &BTreeSet::new()) => {
            doubts.table(
                Weight::Leak,
                name,
                "global: a small table without a tenant that others only refer to; \
                 every tenant reads all its rows; if tenants write them, it is \"tenant\""
                    .to_owned(),
            );
            true
        }
        _ => false,
    }
}

/// A list of words: few columns, a name or a code that is unique, referred to and referring to nothing.
fn looks_static(facts: &Facts<'_>, table: &Table, globals: &BTreeSet<&str>) -> bool {
    let name = table.name.as_str();
    let unique_word = table.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => {
            key.columns.len() == 1
                && ["code", "name", "key", "slug", "label", "title"].contains(&key.columns[0].as_str())
        }
        _ => false,
    }) || table.indexes.iter().any(|index| {
        index.unique
            && index.keys.len() == 1
            && index.keys[0]
                .column
                .as_deref()
                .is_some_and(|column| ["code", "name", "key", "slug"].contains(&column))
    });
    let by_name = global_word(name).is_some();
    let referred = facts.referrers(name).next().is_some();
    let small = table.columns.len() <= if by_name { 8 } else { 5 };
    let personal = table
        .columns
        .iter()
        .any(|column| ["email", "password", "password_hash", "owner_id"].contains(&column.name.as_str()));
    let leads_nowhere = facts.links_out(name).all(|link| globals.contains(link.target));
    small && referred && leads_nowhere && !personal && (unique_word || by_name)
}

/// The table with one row for each tenant.
fn root(adopted: &Adopted<'_>, entries: &mut Entries, doubts: &mut Doubts) {
    let Some(root) = adopted.root else { return };
    word(entries, root, Kind::Global);
    doubts.table(Weight::Leak, root, format!(
        "the list of your tenants: global, so that {} can refer to it and logins can look a tenant up before it is known; \
         every tenant can read it: keep what others must not see (names, plans, addresses) in a tenant table",
        adopted.column.as_str()
    ));
}

fn with_column<'a>(
    facts: &Facts<'a>,
    adopted: &Adopted<'a>,
    globals: &BTreeSet<&'a str>,
    entries: &mut Entries,
    doubts: &mut Doubts,
) {
    let column = adopted.column.as_str();
    let mut barred = globals.clone();
    barred.extend(adopted.root);
    let ends: BTreeSet<&str> = facts
        .tables
        .iter()
        .filter(|table| has_column(table, adopted) && !barred.contains(table.name.as_str()))
        .map(|table| table.name.as_str())
        .chain(adopted.root)
        .collect();
    let distances = distances(facts, &ends, &barred);
    for table in &facts.tables {
        let name = table.name.as_str();
        if barred.contains(name) {
            continue;
        }
        match table.column(column) {
            Some(found) if !found.not_null => {
                word(entries, name, Kind::Tenant);
                doubts.table(Weight::Wrong, name, format!(
                    "{column} may be null in it: rows without a tenant will be seen by nobody; if they are meant for everybody, \
                     move them to a global table or declare it \"scoped\""
                ));
            }
            Some(_) => {}
            None if distances.contains_key(name) => via(facts, name, &distances, entries, doubts),
            None => without_path(facts, adopted, name, entries, doubts),
        }
    }
}

fn via(
    facts: &Facts<'_>,
    table: &str,
    distances: &Distances<'_>,
    entries: &mut Entries,
    doubts: &mut Doubts,
) {
    let ways = ways(facts, table, distances);
    let Some(best) = ways.first() else { return };
    let details = TableDetails {
        kind: Kind::Tenant,
        via: Some(format!("{}.{}", best.target, best.column)),
        partition: None,
        writable_by: None,
        overrides: Vec::new(),
    };
    entries.insert(table.to_owned(), TableEntry::Detailed(Box::new(details)));
    if !best.not_null {
        doubts.table(Weight::Wrong, table, format!(
            "its rows get their tenant from {} through {}, which may be null: rows without it stay without a tenant",
            best.target, best.column
        ));
        return;
    }
    // Parts go the way of what they are a part of; and two ways of one kind to one table are one doubt.
    let named = is_part_of(table, best.target);
    let others: Vec<String> = ways[1..]
        .iter()
        .filter(|way| way.not_null && !named && way.cascades == best.cascades && way.target != best.target)
        .map(|way| format!("{}.{}", way.target, way.column))
        .collect();
    if !others.is_empty() {
        doubts.table(Weight::Better, table, format!(
            "its rows get their tenant through {}.{}; {} would do too: a row whose ends belong to two tenants is found when \
             the database is converted",
            best.target, best.column, others.join(" or ")
        ));
    }
}

/// No foreign key leads from it to a tenant. If tables that belong to tenants share its rows, it is scoped.
fn without_path(
    facts: &Facts<'_>,
    adopted: &Adopted<'_>,
    table: &str,
    entries: &mut Entries,
    doubts: &mut Doubts,
) {
    let column = adopted.column.as_str();
    if let Some(link) = sharing(facts, adopted, table) {
        word(entries, table, Kind::Scoped);
        doubts.table(Weight::Leak, table, format!(
            "scoped: {link} connects its rows with several tenants; if each row has one tenant, it is \"tenant\", and it is \
             \"global\" only if every tenant may read every row"
        ));
        return;
    }
    word(entries, table, Kind::Tenant);
    doubts.table(Weight::Wrong, table, format!(
        "it has no {column}, and no foreign key leads from it to a table that has: a tenant table, because that leaks nothing, but \
         rows that exist can't be given a tenant; \"global\" if every tenant may read all of them"
    ));
}

/// A table that holds little more than pairs of a tenant and a row of this table.
fn sharing<'a>(facts: &Facts<'a>, adopted: &Adopted<'_>, table: &str) -> Option<&'a str> {
    let joins = |from: &str| {
        let Some(found) = facts.table(from).filter(|found| has_column(found, adopted)) else { return false };
        let mut links = facts.links(from).iter().filter(|link| link.target == table);
        let column = adopted.column.as_str();
        let is_pair = |key: &[String]| {
            let other = key.iter().find(|name| *name != column);
            key.len() == 2
                && key.iter().any(|name| name == column)
                && facts
                    .links(from)
                    .iter()
                    .any(|link| link.target == table && Some(link.column) == other.map(String::as_str))
        };
        let keyed = found.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => is_pair(&key.columns),
            _ => false,
        });
        let last = super::words::words(from).pop().unwrap_or_default();
        let named =
            ["membership", "member", "share", "sharing", "grant", "assignment", "participant", "access"]
                .contains(&last.as_str());
        keyed || (named && links.any(|link| link.not_null))
    };
    facts.referrers(table).find(|from| joins(from))
}

/// Tables that grow with time may want partitions.
fn series(facts: &Facts<'_>, entries: &mut Entries, doubts: &mut Doubts) {
    for table in &facts.tables {
        let name = table.name.as_str();
        if entries.get(name).is_some_and(|entry| entry.kind() != Kind::Tenant) {
            continue;
        }
        if table.partition_by.is_some() {
            partitioned(table, entries, doubts);
            continue;
        }
        if !is_series(name) {
            continue;
        }
        let time = |column: &&crate::model::Column| {
            column.not_null && (column.type_name.starts_with("timestamp") || column.type_name == "date")
        };
        if let Some(column) = table.columns.iter().find(time) {
            entries.entry(name.to_owned()).or_insert(TableEntry::Kind(Kind::Tenant));
            doubts.table(Weight::Better, name, format!(
                "if it grows large, let Tenantry partition it: {{ kind = \"tenant\", partition = {{ by = \"range\", column = \"{}\", \
                 every = \"1 month\" }} }}",
                column.name
            ));
        }
    }
}

/// Partitions that somebody else makes stay; by time, Tenantry can make them.
fn partitioned(table: &Table, entries: &mut Entries, doubts: &mut Doubts) {
    let column = table.partition_by.as_deref().and_then(|by| by.strip_prefix("RANGE (")?.strip_suffix(')'));
    let Some(found) = column.and_then(|column| table.column(column)) else { return };
    if found.type_name.starts_with("timestamp") || found.type_name == "date" {
        entries.entry(table.name.clone()).or_insert(TableEntry::Kind(Kind::Tenant));
        doubts.table(Weight::Better, &table.name, format!(
            "its partitions are taken as they are; to have Tenantry make them ahead: {{ kind = \"tenant\", partition = {{ by = \"range\", \
             column = \"{}\", every = \"…\" }} }}",
            found.name
        ));
    }
}
