//! Domains: tables that belong together, found from the foreign keys between them and from their names.
//!
//! Greedy modularity: at first every table is a domain of its own, then the two are joined that have the most more in
//! common than chance would give them, as long as that helps and no domain grows too large to be read.

use crate::graph::{Domain, Graph, Reference, Table};
use std::collections::BTreeMap;

/// What fits on a screen, and into one Mermaid diagram with room to spare.
const LARGEST: usize = 24;

/// What tables without any reference are called.
const ALONE: &str = "others";

/// Gives every table its domain.
pub(crate) fn divide(graph: &mut Graph) {
    let groups = groups(graph);
    let mut domains: Vec<Domain> = Vec::new();
    for mut group in groups {
        group.sort_unstable();
        let alone = group.len() == 1;
        let name = if alone { ALONE.to_owned() } else { name_of(graph, &group, &domains) };
        let tables = group.iter().map(|at| graph.tables[*at].name.clone());
        match domains.iter_mut().find(|domain| domain.name == name) {
            Some(others) => others.tables.extend(tables),
            None => domains.push(Domain { name, tables: tables.collect() }),
        }
    }
    // The largest first; those that belong nowhere last.
    domains.sort_by(|a, b| {
        let rank = |domain: &Domain| (domain.name == ALONE, usize::MAX - domain.tables.len());
        rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
    });
    for domain in &mut domains {
        domain.tables.sort();
        for table in graph.tables.iter_mut().filter(|table| domain.tables.contains(&table.name)) {
            table.domain.clone_from(&domain.name);
        }
    }
    graph.domains = domains;
}

/// For each table, how much it has in common with which others. A table that everything refers to (users) says little about
/// who belongs to it.
fn weights(graph: &Graph) -> Vec<BTreeMap<usize, f64>> {
    let at = graph.positions();
    let mut weights = vec![BTreeMap::new(); graph.tables.len()];
    let mut add = |a: usize, b: usize, weight: f64| {
        *weights[a].entry(b).or_insert(0.0) += weight;
        *weights[b].entry(a).or_insert(0.0) += weight;
    };
    let mut referrers = vec![0_u32; graph.tables.len()];
    for reference in &graph.references {
        referrers[at[reference.target.as_str()]] += 1;
    }
    for Reference { table, target, .. } in &graph.references {
        let (a, b) = (at[table.as_str()], at[target.as_str()]);
        if a != b {
            add(a, b, 1.0 / f64::from(referrers[b]).sqrt());
        }
    }
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, table) in graph.tables.iter().enumerate() {
        families.entry(first_word(&table.name)).or_default().push(at);
    }
    // A word that very many names begin with (the product's name) says nothing.
    for (word, family) in families.iter().filter(|(word, family)| word.len() >= 2 && family.len() <= LARGEST)
    {
        let strength = if word.len() >= 4 { 0.3 } else { 0.15 };
        for (nth, a) in family.iter().enumerate() {
            family[nth + 1..].iter().for_each(|b| add(*a, *b, strength));
        }
    }
    weights
}

/// The first word of a name, the plural aside.
fn first_word(name: &str) -> &str {
    name.split('_').next().unwrap_or(name).trim_end_matches('s')
}

fn groups(graph: &Graph) -> Vec<Vec<usize>> {
    let mut between = weights(graph);
    let mut members: Vec<Vec<usize>> = (0..between.len()).map(|at| vec![at]).collect();
    let mut degree: Vec<f64> = between.iter().map(|others| others.values().sum()).collect();
    let total: f64 = degree.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    while let Some((a, b)) = best(&between, &members, &degree, total) {
        let moved = std::mem::take(&mut members[b]);
        members[a].extend(moved);
        degree[a] += degree[b];
        for (other, weight) in std::mem::take(&mut between[b]) {
            between[other].remove(&b);
            if other != a {
                *between[other].entry(a).or_insert(0.0) += weight;
                *between[a].entry(other).or_insert(0.0) += weight;
            }
        }
    }
    members.into_iter().filter(|group| !group.is_empty()).collect()
}

/// The two that gain most by being joined. Of equals the first: the same input joins in the same order.
fn best(
    between: &[BTreeMap<usize, f64>],
    members: &[Vec<usize>],
    degree: &[f64],
    total: f64,
) -> Option<(usize, usize)> {
    let mut best = None;
    let mut most = 1e-9;
    for (a, others) in between.iter().enumerate() {
        for (b, weight) in others.range(a + 1..) {
            let gain = weight - degree[a] * degree[*b] / total;
            if gain > most + 1e-12 && members[a].len() + members[*b].len() <= LARGEST {
                (best, most) = (Some((a, *b)), gain);
            }
        }
    }
    best
}

/// A domain is called by the first word that most of its names share, else by the table that has most to do with the others.
fn name_of(graph: &Graph, group: &[usize], taken: &[Domain]) -> String {
    let tables: Vec<&Table> = group.iter().map(|at| &graph.tables[*at]).collect();
    let inside = |name: &str| tables.iter().any(|table| table.name == name);
    let degree = |table: &Table| {
        let of = |reference: &&Reference| {
            let ends = (reference.table == table.name, reference.target == table.name);
            (ends.0 && inside(&reference.target)) || (ends.1 && inside(&reference.table))
        };
        graph.references.iter().filter(of).count()
    };
    let referrers =
        |table: &Table| graph.references.iter().filter(|reference| reference.target == table.name).count();
    let mut candidates: Vec<((usize, usize), &str)> =
        tables.iter().map(|table| ((degree(table), referrers(table)), table.name.as_str())).collect();
    candidates.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let shared = shared_word(&tables);
    let names = shared.into_iter().chain(candidates.iter().map(|(_, name)| *name));
    let free = |name: &&str| *name != ALONE && taken.iter().all(|domain| domain.name != *name);
    names.into_iter().find(free).unwrap_or(candidates[0].1).to_owned()
}

fn shared_word<'a>(tables: &[&'a Table]) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for table in tables {
        *counts.entry(table.name.split('_').next()?).or_insert(0) += 1;
    }
    let (word, count) = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)))?;
    (count >= 3 && count * 2 > tables.len() && !word.is_empty()).then_some(word)
}
