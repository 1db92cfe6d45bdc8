//! Paths: how rows of a table without the tenant column come to their tenant.

use super::facts::{Facts, Link};
use super::words::words;
use std::collections::{BTreeMap, BTreeSet};

/// How far each table is from one that has the tenant.
pub(super) type Distances<'a> = BTreeMap<&'a str, usize>;

/// Distances along foreign keys that a row always has; then along the others, which reach fewer rows.
pub(super) fn distances<'a>(
    facts: &Facts<'a>,
    ends: &BTreeSet<&'a str>,
    barred: &BTreeSet<&str>,
) -> Distances<'a> {
    let mut distances: Distances<'_> = ends.iter().map(|end| (*end, 0)).collect();
    for needs_value in [true, false] {
        loop {
            let mut found: Vec<(&str, usize)> = Vec::new();
            for table in facts.tables.iter().filter(|table| !barred.contains(table.name.as_str())) {
                if distances.contains_key(table.name.as_str()) {
                    continue;
                }
                let usable = facts.links_out(&table.name).filter(|link| link.not_null || !needs_value);
                if let Some(near) = usable.filter_map(|link| distances.get(link.target)).min() {
                    found.push((&table.name, near + 1));
                }
            }
            if found.is_empty() {
                break;
            }
            distances.extend(found);
        }
    }
    distances
}

/// The foreign keys by which a table comes to its tenant, the best first.
pub(super) fn ways<'f, 'a>(
    facts: &'f Facts<'a>,
    table: &str,
    distances: &Distances<'_>,
) -> Vec<&'f Link<'a>> {
    let own = distances.get(table).copied().unwrap_or(usize::MAX);
    let nearer = |link: &&Link<'a>| distances.get(link.target).is_some_and(|far| *far < own);
    let mut ways: Vec<&Link<'_>> = facts.links_out(table).filter(nearer).collect();
    let rank = |link: &&Link<'_>| {
        let (has_value, part) = (link.not_null, link.cascades);
        (!has_value, !part, !is_part_of(table, link.target), distances.get(link.target).copied())
    };
    ways.sort_by_key(rank);
    ways
}

/// Whether a name says whose part the table is: `shipment_items` are of shipments.
pub(super) fn is_part_of(table: &str, whole: &str) -> bool {
    let (table, whole) = (words(table), words(whole));
    table.len() > whole.len() && table.starts_with(&whole)
}
