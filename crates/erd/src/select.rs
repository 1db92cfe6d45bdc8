//! Cutting a graph down: to tables by name, to the surroundings of one, to a domain.

use crate::error::ErdError;
use crate::graph::Graph;
use std::collections::BTreeSet;

/// What to keep. Wishes are combined: a table stays if it meets all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Patterns of names, in which `*` stands for any text. Empty: every table.
    pub tables: Vec<String>,
    /// A table, and how many references away from it.
    pub around: Option<(String, usize)>,
    pub domain: Option<String>,
}

/// The part of the graph that was asked for, with the references inside it.
pub fn select(graph: Graph, selection: &Selection) -> Result<Graph, ErdError> {
    if graph.tables.is_empty() {
        return Err(ErdError::Empty);
    }
    let mut kept: BTreeSet<String> = graph.tables.iter().map(|table| table.name.clone()).collect();
    if let Some(domain) = &selection.domain {
        let found = graph.domains.iter().find(|known| known.name == *domain);
        let known = || graph.domains.iter().map(|domain| domain.name.clone()).collect();
        let found = found.ok_or_else(|| ErdError::UnknownDomain { name: domain.clone(), known: known() })?;
        kept.retain(|name| found.tables.contains(name));
    }
    if let Some((table, distance)) = &selection.around {
        let near = near(&graph, table, *distance)?;
        kept.retain(|name| near.contains(name));
    }
    if !selection.tables.is_empty() {
        kept.retain(|name| selection.tables.iter().any(|pattern| matches(pattern, name)));
    }
    if kept.is_empty() {
        return Err(ErdError::NothingMatches { pattern: selection.tables.join(",") });
    }
    Ok(restrict(graph, &kept))
}

fn near(graph: &Graph, table: &str, distance: usize) -> Result<BTreeSet<String>, ErdError> {
    if graph.table(table).is_none() {
        let by_likeness =
            |other: &&String| (std::cmp::Reverse(likeness(other, table)), other.len().abs_diff(table.len()));
        let similar = graph.tables.iter().map(|table| &table.name).min_by_key(by_likeness);
        let similar = similar.filter(|name| likeness(name, table) * 2 > table.len()).cloned();
        return Err(ErdError::UnknownTable { name: table.to_owned(), similar });
    }
    let mut near = BTreeSet::from([table.to_owned()]);
    for _ in 0..distance {
        let before = near.clone();
        for reference in &graph.references {
            if before.contains(&reference.table) {
                near.insert(reference.target.clone());
            }
            if before.contains(&reference.target) {
                near.insert(reference.table.clone());
            }
        }
        if near.len() == before.len() {
            break;
        }
    }
    Ok(near)
}

/// How many characters two names share at their beginnings and ends.
fn likeness(a: &str, b: &str) -> usize {
    let start = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let end = a.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b).count();
    (start + end).min(a.chars().count())
}

/// Whether a name is like a pattern in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(tail) = name.strip_prefix(head) else { return false };
    let starts = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
    starts.into_iter().any(|at| matches(rest, &tail[at..]))
}

fn restrict(mut graph: Graph, kept: &BTreeSet<String>) -> Graph {
    graph.tables.retain(|table| kept.contains(&table.name));
    graph.references.retain(|reference| kept.contains(&reference.table) && kept.contains(&reference.target));
    for domain in &mut graph.domains {
        domain.tables.retain(|table| kept.contains(table));
    }
    graph.domains.retain(|domain| !domain.tables.is_empty());
    let used: BTreeSet<&str> =
        graph.tables.iter().flat_map(|table| &table.columns).map(|column| bare(&column.type_name)).collect();
    graph.enums.retain(|found| used.contains(found.name.as_str()));
    graph
}

/// The name of a type without the brackets of an array and the quotes.
fn bare(type_name: &str) -> &str {
    type_name.trim_end_matches("[]").trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("*_items*", "order_items_old", true),
            ("*é", "caf\u{e9}", true),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
