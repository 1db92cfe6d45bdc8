//! The domains on the page: each takes some neighbouring columns, from the height at which all of them are free.

use super::size::{GRID, Sizes};
use super::stack::{GAP, PITCH, stack};
use crate::graph::Graph;

/// A domain's label stands above its boxes.
pub(super) const LABEL: f64 = 40.0;
/// From a domain's last box to its border.
const FOOT: f64 = 20.0;
/// Between two domains.
const APART: f64 = 40.0;
/// What is looked at on a screen.
const ASPECT: f64 = 1.6;

/// A domain on the page.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) domain: usize,
    /// Its first column on the page.
    pub(super) first: usize,
    pub(super) columns: Vec<Vec<usize>>,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// Where the boxes stand: columns from left to right, heights in pixels.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// In the order in which they were placed: none stands above an earlier one.
    pub(super) clusters: Vec<Cluster>,
    /// Of each column, the tables from top to bottom.
    pub(super) columns: Vec<Vec<usize>>,
    pub(super) column_of: Vec<usize>,
    pub(super) top_of: Vec<f64>,
    /// Of each column, the gaps around its tables: one more than it has tables.
    pub(super) gaps: Vec<Vec<Gap>>,
}

/// A stretch of a column without boxes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    pub(super) from: f64,
    pub(super) to: f64,
}

pub(super) fn pack(graph: &Graph, sizes: &Sizes) -> Page {
    let at = graph.positions();
    let stacks: Vec<Vec<Vec<usize>>> = graph
        .domains
        .iter()
        .map(|domain| domain.tables.iter().map(|name| at[name.as_str()]).collect::<Vec<usize>>())
        .map(|tables| stack(graph, sizes, &tables))
        .collect();
    let ties = ties(graph);
    let widest = stacks.iter().map(Vec::len).max().unwrap_or(1);
    let all: usize = stacks.iter().map(Vec::len).sum();
    let no_demand = |_: usize, _: usize| 0.0;
    let mut best: Option<(f64, Page)> = None;
    for columns in widest..=all.max(widest) {
        let mut page = place(&stacks, &ties, sizes, columns, graph.tables.len());
        page.settle(sizes, &no_demand);
        let width = count(columns) * (sizes.width + PITCH);
        let height = page.clusters.iter().map(|cluster| cluster.bottom).fold(0.0, f64::max);
        let extent = width.max(height * ASPECT);
        if best.as_ref().is_none_or(|(known, _)| extent < *known) {
            best = Some((extent, page));
        }
        // It can only get wider.
        if width > height * ASPECT * 2.0 {
            break;
        }
    }
    best.map_or_else(|| place(&stacks, &ties, sizes, widest, graph.tables.len()), |(_, page)| page)
}

pub(super) fn count(of: usize) -> f64 {
    u32::try_from(of).map_or(f64::MAX, f64::from)
}

/// How many references there are between two domains.
fn ties(graph: &Graph) -> Vec<Vec<u32>> {
    let domain_of =
        |table: &str| graph.domains.iter().position(|domain| domain.tables.iter().any(|name| name == table));
    let of_table: std::collections::BTreeMap<&str, usize> = graph
        .tables
        .iter()
        .filter_map(|table| Some((table.name.as_str(), domain_of(&table.name)?)))
        .collect();
    let mut ties = vec![vec![0; graph.domains.len()]; graph.domains.len()];
    for reference in &graph.references {
        let ends = (of_table.get(reference.table.as_str()), of_table.get(reference.target.as_str()));
        if let (Some(&a), Some(&b)) = ends
            && a != b
        {
            ties[a][b] += 1;
            ties[b][a] += 1;
        }
    }
    ties
}

fn place(
    stacks: &[Vec<Vec<usize>>],
    ties: &[Vec<u32>],
    sizes: &Sizes,
    columns: usize,
    tables: usize,
) -> Page {
    let mut free = vec![0.0; columns];
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut middles: Vec<Option<(f64, f64)>> = vec![None; stacks.len()];
    while let Some(next) = next(stacks, ties, &middles) {
        let stack = &stacks[next];
        let height = height(stack, sizes);
        let mut best: Option<(f64, usize, f64)> = None;
        for first in 0..=columns - stack.len() {
            let top = free[first..first + stack.len()].iter().copied().fold(0.0, f64::max);
            let middle =
                ((count(first) + count(stack.len()) / 2.0) * (sizes.width + PITCH), top + height / 2.0);
            let cost = top * 2.0 + pull(next, middle, ties, &middles);
            if best.is_none_or(|(known, _, _)| cost < known - 1e-6) {
                best = Some((cost, first, top));
            }
        }
        let Some((_, first, top)) = best else { break };
        free[first..first + stack.len()].fill(top + height + APART);
        let middle = ((count(first) + count(stack.len()) / 2.0) * (sizes.width + PITCH), top + height / 2.0);
        middles[next] = Some(middle);
        clusters.push(Cluster { domain: next, first, columns: stack.clone(), top, bottom: top + height });
    }
    Page::new(clusters, columns, tables)
}

/// The domain that has most to do with those that stand already; those that have to do with none come last.
fn next(stacks: &[Vec<Vec<usize>>], ties: &[Vec<u32>], middles: &[Option<(f64, f64)>]) -> Option<usize> {
    let waiting = (0..stacks.len()).filter(|at| middles[*at].is_none());
    waiting.max_by_key(|at| {
        let tied: u32 =
            (0..stacks.len()).filter(|other| middles[*other].is_some()).map(|other| ties[*at][other]).sum();
        let tables: usize = stacks[*at].iter().map(Vec::len).sum();
        let ties_any = ties[*at].iter().any(|count| *count > 0);
        (tied > 0, ties_any || stacks.len() == 1, tables + tied as usize, std::cmp::Reverse(*at))
    })
}

/// The average distance to the domains that it is tied to.
fn pull(at: usize, middle: (f64, f64), ties: &[Vec<u32>], middles: &[Option<(f64, f64)>]) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (other, place) in middles.iter().enumerate() {
        if let Some(place) = place {
            let tie = f64::from(ties[at][other]);
            sum += tie * ((place.0 - middle.0).abs() + (place.1 - middle.1).abs());
            weight += tie;
        }
    }
    if weight > 0.0 { sum / weight } else { 0.0 }
}

fn height(stack: &[Vec<usize>], sizes: &Sizes) -> f64 {
    let of = |column: &Vec<usize>| column.iter().map(|table| sizes.heights[*table] + GAP).sum::<f64>() - GAP;
    LABEL + stack.iter().map(of).fold(0.0, f64::max) + FOOT
}

impl Page {
    fn new(clusters: Vec<Cluster>, columns: usize, tables: usize) -> Self {
        let mut page = Self {
            columns: vec![Vec::new(); columns],
            column_of: vec![0; tables],
            top_of: vec![0.0; tables],
            gaps: Vec::new(),
            clusters,
        };
        for cluster in &page.clusters {
            for (offset, column) in cluster.columns.iter().enumerate() {
                page.columns[cluster.first + offset].extend(column);
                for table in column {
                    page.column_of[*table] = cluster.first + offset;
                }
            }
        }
        page
    }

    /// Gives everything its height. `demand` says how high a gap of a column has to be at least.
    pub(super) fn settle(&mut self, sizes: &Sizes, demand: &dyn Fn(usize, usize) -> f64) {
        let mut free = vec![0.0_f64; self.columns.len()];
        let mut filled = vec![0_usize; self.columns.len()];
        let mut gaps: Vec<Vec<Gap>> = vec![Vec::new(); self.columns.len()];
        let mut below = vec![0.0_f64; self.columns.len()];
        for cluster in &mut self.clusters {
            let own = cluster.first..cluster.first + cluster.columns.len();
            let apart = |column: usize| {
                let least = if filled[column] == 0 { 0.0 } else { APART };
                free[column] + up(demand(column, filled[column]).max(least))
            };
            cluster.top = own.clone().map(apart).fold(0.0, f64::max);
            cluster.bottom = cluster.top;
            for (column, tables) in own.clone().zip(&cluster.columns) {
                let mut top = cluster.top + LABEL;
                for (nth, table) in tables.iter().enumerate() {
                    if nth > 0 {
                        top += up(demand(column, filled[column]).max(GAP));
                    }
                    let end = if nth == 0 { cluster.top } else { top };
                    gaps[column].push(Gap { from: below[column], to: end });
                    self.top_of[*table] = top;
                    top += sizes.heights[*table];
                    below[column] = top;
                    filled[column] += 1;
                }
                cluster.bottom = cluster.bottom.max(top + FOOT);
            }
            free[own].fill(cluster.bottom);
        }
        for (column, gaps) in gaps.iter_mut().enumerate() {
            gaps.push(Gap { from: below[column], to: f64::INFINITY });
        }
        self.gaps = gaps;
    }
}

/// To the next line of the grid.
fn up(height: f64) -> f64 {
    (height / GRID).ceil() * GRID
}
