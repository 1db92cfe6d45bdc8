//! The tables of one domain in columns: what is referred to on the left, what refers to it on the right of it.

use super::size::Sizes;
use crate::graph::Graph;
use std::collections::BTreeMap;

/// Between two boxes of a column.
pub(super) const GAP: f64 = 40.0;
/// A column and the channel beside it, roughly.
pub(super) const PITCH: f64 = 90.0;
/// Width to height of a domain.
const ASPECT: f64 = 1.5;

/// Columns of tables, from left to right, each from top to bottom.
pub(super) fn stack(graph: &Graph, sizes: &Sizes, tables: &[usize]) -> Vec<Vec<usize>> {
    let neighbours = neighbours(graph, tables);
    let order = order(graph, tables, &neighbours);
    let mut columns = fill(sizes, &order);
    for _ in 0..4 {
        align(&mut columns, sizes, &neighbours);
    }
    columns
}

/// Who has something to do with whom, in either direction.
fn neighbours(graph: &Graph, tables: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let at = graph.positions();
    let mut neighbours: BTreeMap<usize, Vec<usize>> =
        tables.iter().map(|table| (*table, Vec::new())).collect();
    for reference in &graph.references {
        let (from, to) = (at[reference.table.as_str()], at[reference.target.as_str()]);
        if from != to && neighbours.contains_key(&from) && neighbours.contains_key(&to) {
            neighbours.entry(from).or_default().push(to);
            neighbours.entry(to).or_default().push(from);
        }
    }
    neighbours
}

/// By the length of the longest chain of references that starts at a table; those without any stand last.
fn order(graph: &Graph, tables: &[usize], neighbours: &BTreeMap<usize, Vec<usize>>) -> Vec<usize> {
    let at = graph.positions();
    let targets = |table: usize| {
        let name = &graph.tables[table].name;
        let mut targets: Vec<usize> = graph
            .references
            .iter()
            .filter(|reference| reference.table == *name)
            .map(|reference| at[reference.target.as_str()])
            .filter(|target| *target != table && neighbours.contains_key(target))
            .collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    };
    let targets: BTreeMap<usize, Vec<usize>> = tables.iter().map(|table| (*table, targets(*table))).collect();
    // As many rounds as the longest chain has links; in a circle of references ranks would grow for ever.
    let mut ranks: BTreeMap<usize, usize> = tables.iter().map(|table| (*table, 0)).collect();
    let deepest = tables.len().min(8);
    for _ in 0..deepest {
        for (table, targets) in &targets {
            let rank = targets.iter().map(|target| ranks[target] + 1).max().unwrap_or(0);
            ranks.insert(*table, rank.min(deepest));
        }
    }
    let mut order = tables.to_vec();
    let degree = |table: &usize| neighbours[table].len();
    order.sort_by_key(|table| (degree(table) == 0, ranks[table], std::cmp::Reverse(degree(table)), *table));
    order
}

/// As many columns as give the domain a pleasant shape, about equally high.
fn fill(sizes: &Sizes, order: &[usize]) -> Vec<Vec<usize>> {
    let total: f64 = order.iter().map(|table| sizes.heights[*table] + GAP).sum();
    let wanted = (total * ASPECT / (sizes.width + PITCH)).sqrt().round().max(1.0);
    let tallest = order.iter().map(|table| sizes.heights[*table] + GAP).fold(0.0, f64::max);
    let room = (total / wanted).max(tallest) * 1.04;
    let mut columns: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = 0.0;
    for table in order {
        let height = sizes.heights[*table] + GAP;
        if used > 0.0 && used + height > room {
            columns.push(Vec::new());
            used = 0.0;
        }
        used += height;
        if let Some(column) = columns.last_mut() {
            column.push(*table);
        }
    }
    columns
}

/// Puts each box of a column at the height where its neighbours are.
fn align(columns: &mut [Vec<usize>], sizes: &Sizes, neighbours: &BTreeMap<usize, Vec<usize>>) {
    for at in 0..columns.len() {
        let middles = middles(columns, sizes);
        let wanted = |table: &usize| {
            let others = &neighbours[table];
            let count = u32::try_from(others.len()).unwrap_or(u32::MAX);
            let sum: f64 = others.iter().map(|other| middles[other]).sum();
            if count == 0 { middles[table] } else { sum / f64::from(count) }
        };
        let mut keyed: Vec<(f64, usize)> = columns[at].iter().map(|table| (wanted(table), *table)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        columns[at] = keyed.into_iter().map(|(_, table)| table).collect();
    }
}

fn middles(columns: &[Vec<usize>], sizes: &Sizes) -> BTreeMap<usize, f64> {
    let mut middles = BTreeMap::new();
    for column in columns {
        let mut top = 0.0;
        for table in column {
            middles.insert(*table, top + sizes.heights[*table] / 2.0);
            top += sizes.heights[*table] + GAP;
        }
    }
    middles
}
