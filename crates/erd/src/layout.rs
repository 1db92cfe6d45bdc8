//! Where everything stands: boxes in columns that go through the whole page, lines in the channels between them.
//!
//! All boxes are equally wide, so the columns of all domains are the page's columns. A line leaves its box sideways, runs up
//! or down in a channel, and crosses other columns only in gaps between boxes: no line ever runs through a box, whatever
//! the graph. Lines to the same key share their way. Channels and gaps are as wide as the lines in them need.
//!
//! (A general graph layouter such as dagre knows neither boxes in the way of lines nor domains, and makes a ribbon of a
//! schema: hence a layout of our own.)

mod pack;
mod route;
mod size;
mod stack;
#[cfg(test)]
mod tests;

pub(crate) use size::{BETWEEN, MARKS, NAME, SIDE, SMALL, TEXT, short_type};
pub use size::{HEADER, ROW, Row};

use crate::graph::Graph;
use pack::Page;

/// A finished drawing, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    pub width: f64,
    pub height: f64,
    /// One for each table of the graph, in its order.
    pub boxes: Vec<TableBox>,
    pub domains: Vec<DomainBox>,
    /// One for each reference of the graph, in its order.
    pub lines: Vec<Line>,
}

/// A table's place, and what is shown in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TableBox {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub rows: Vec<Row>,
}

/// A domain's place.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainBox {
    pub name: String,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A reference's way from its column to the key that it refers to: horizontal and vertical pieces.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub points: Vec<(f64, f64)>,
}

/// Around the page.
const MARGIN: f64 = 24.0;
/// From a domain's border to its boxes.
const PADDING: f64 = 14.0;

/// Arranges a graph. The same graph is always arranged the same.
pub fn layout(graph: &Graph) -> Layout {
    let sizes = size::sizes(graph);
    let page = pack::pack(graph, &sizes);
    let (page, ways) = route::route(graph, &sizes, page);
    draw(graph, &sizes, &page, ways)
}

fn draw(graph: &Graph, sizes: &size::Sizes, page: &Page, ways: route::Ways) -> Layout {
    let shift = MARGIN + PADDING;
    let boxes: Vec<TableBox> = (0..graph.tables.len())
        .map(|table| TableBox {
            x: ways.column_x[page.column_of[table]] + shift,
            y: page.top_of[table] + shift,
            width: sizes.width,
            height: sizes.heights[table],
            rows: sizes.rows[table].clone(),
        })
        .collect();
    let domains: Vec<DomainBox> = page
        .clusters
        .iter()
        .map(|cluster| DomainBox {
            name: graph.domains[cluster.domain].name.clone(),
            x: ways.column_x[cluster.first] + shift - PADDING,
            y: cluster.top + shift,
            width: ways.column_x[cluster.first + cluster.columns.len() - 1] - ways.column_x[cluster.first]
                + sizes.width
                + 2.0 * PADDING,
            height: cluster.bottom - cluster.top,
        })
        .collect();
    let lines: Vec<Line> = ways
        .lines
        .into_iter()
        .map(|points| Line { points: points.into_iter().map(|(x, y)| (x + shift, y + shift)).collect() })
        .collect();
    let corners = boxes.iter().map(|found| (found.x + found.width, found.y + found.height));
    let corners = corners.chain(domains.iter().map(|found| (found.x + found.width, found.y + found.height)));
    let corners = corners.chain(lines.iter().flat_map(|line| line.points.iter().copied()));
    let (width, height) =
        corners.fold((0.0_f64, 0.0_f64), |far, point| (far.0.max(point.0), far.1.max(point.1)));
    Layout { width: width + MARGIN, height: height + MARGIN, boxes, domains, lines }
}
