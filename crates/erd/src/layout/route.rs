//! The ways of the lines.
//!
//! Lines to one key are one net: in each channel a net has one vertical track, in each gap one horizontal track. First every
//! reference chooses the gaps that it goes through; then gaps grow to hold their nets, and channels likewise.

use super::pack::{Gap, Page, count};
use super::size::{HEADER, ROW, Row, Sizes};
use crate::graph::{Graph, Reference};
use std::collections::{BTreeMap, BTreeSet};

/// Between two tracks.
const TRACK: f64 = 8.0;
/// From a box to the first track: room for the signs at a line's ends.
const CLEAR: f64 = 22.0;
/// From a box to a horizontal track above or below it.
const SKIP: f64 = 12.0;
const NARROWEST: f64 = 60.0;

/// What routing adds to a page.
pub(super) struct Ways {
    pub(super) column_x: Vec<f64>,
    pub(super) lines: Vec<Vec<(f64, f64)>>,
}

/// A key that is referred to: a table and the row at which lines arrive.
type Net = (usize, usize);

/// A reference on the page.
struct Wire {
    from: usize,
    to: usize,
    from_row: usize,
    net: Net,
    /// The channel that it leaves into, and then column by column: the gap that it crosses in.
    channel: usize,
    crossings: Vec<(usize, usize)>,
}

/// Channel `c` is the one left of column `c`.
impl Wire {
    fn leaves_left(&self, page: &Page) -> bool {
        self.channel == page.column_of[self.from]
    }

    fn last_channel(&self) -> usize {
        // A crossing of column c leads from channel c to c + 1, or back.
        match self.crossings.last() {
            None => self.channel,
            Some((column, _)) if *column < self.channel => *column,
            Some((column, _)) => column + 1,
        }
    }

    fn arrives_left(&self, page: &Page) -> bool {
        self.last_channel() == page.column_of[self.to]
    }
}

pub(super) fn route(graph: &Graph, sizes: &Sizes, mut page: Page) -> (Page, Ways) {
    let mut wires = wires(graph, sizes, &page);
    choose(&mut wires, &page, sizes);
    let nets = nets_of_gaps(&wires);
    let demand = |column: usize, gap: usize| {
        nets.get(&(column, gap)).map_or(0.0, |nets| 2.0 * SKIP + count(nets.len() - 1) * TRACK)
    };
    page.settle(sizes, &demand);
    let crossings = tracks_of_gaps(&wires, &page, &nets);
    let spans = spans(&wires, &page, sizes, &crossings);
    let (column_x, track_x) = channels(&page, sizes, &spans);
    let lines = wires.iter().map(|wire| line(wire, &page, sizes, &column_x, &track_x, &crossings)).collect();
    (page, Ways { column_x, lines })
}

/// The row of the first column of a key that is not the tenant's: that is what tells keys apart.
fn row(graph: &Graph, sizes: &Sizes, table: usize, columns: &[String]) -> usize {
    let all = &graph.tables[table].columns;
    let telling = |name: &&String| all.iter().any(|column| column.name == **name && !column.tenant);
    let Some(name) = columns.iter().find(telling).or(columns.first()) else { return 0 };
    let shown = |row: &Row| matches!(row, Row::Column(at) if all[*at].name == *name);
    sizes.rows[table].iter().position(shown).unwrap_or(0)
}

fn wires(graph: &Graph, sizes: &Sizes, page: &Page) -> Vec<Wire> {
    let at = graph.positions();
    let wire = |reference: &Reference| {
        let (from, to) = (at[reference.table.as_str()], at[reference.target.as_str()]);
        Wire {
            from,
            to,
            from_row: row(graph, sizes, from, &reference.columns),
            net: (to, row(graph, sizes, to, &reference.target_columns)),
            channel: page.column_of[from],
            crossings: Vec::new(),
        }
    };
    graph.references.iter().map(wire).collect()
}

/// Lines leave and arrive beside the middle of a row, each way at a height of its own, so that they don't run into each other.
fn height(page: &Page, sizes: &Sizes, table: usize, row: usize, off: f64) -> f64 {
    let rows = sizes.rows[table].len();
    let middle = if rows == 0 { HEADER / 2.0 } else { HEADER + count(row) * ROW + ROW / 2.0 };
    page.top_of[table] + middle + off
}

fn start(wire: &Wire, page: &Page, sizes: &Sizes) -> f64 {
    height(page, sizes, wire.from, wire.from_row, if wire.leaves_left(page) { 2.0 } else { 5.0 })
}

fn end(wire: &Wire, page: &Page, sizes: &Sizes) -> f64 {
    height(page, sizes, wire.to, wire.net.1, if wire.arrives_left(page) { -5.0 } else { -2.0 })
}

/// Short ways first: they have the least choice.
fn choose(wires: &mut [Wire], page: &Page, sizes: &Sizes) {
    let mut order: Vec<usize> = (0..wires.len()).collect();
    order.sort_by_key(|at| page.column_of[wires[*at].from].abs_diff(page.column_of[wires[*at].to]));
    let mut used: BTreeMap<(usize, usize), BTreeSet<Net>> = BTreeMap::new();
    let mut loads: BTreeMap<usize, u32> = BTreeMap::new();
    for at in order {
        let wire = &mut wires[at];
        let (from, to) = (page.column_of[wire.from], page.column_of[wire.to]);
        let columns: Vec<usize> = match from.cmp(&to) {
            std::cmp::Ordering::Equal => {
                let load = |channel: usize| loads.get(&channel).copied().unwrap_or(0);
                wire.channel =
                    if wire.from == wire.to || load(from + 1) <= load(from) { from + 1 } else { from };
                Vec::new()
            }
            std::cmp::Ordering::Greater => {
                wire.channel = from;
                (to + 1..from).rev().collect()
            }
            std::cmp::Ordering::Less => {
                wire.channel = from + 1;
                (from + 1..to).collect()
            }
        };
        *loads.entry(wire.channel).or_insert(0) += 1;
        let ends = (
            height(page, sizes, wire.from, wire.from_row, 0.0),
            height(page, sizes, wire.to, wire.net.1, 0.0),
        );
        wire.crossings = crossings(&columns, page, ends, wire.net, &used);
        for crossing in &wire.crossings {
            used.entry(*crossing).or_default().insert(wire.net);
        }
    }
}

/// What one more net in a gap costs, in pixels of detour; a gap that the net is in already costs nothing.
const CROWD: f64 = 14.0;

/// The cheapest gaps, by dynamic programming from column to column.
fn crossings(
    columns: &[usize],
    page: &Page,
    (from, to): (f64, f64),
    net: Net,
    used: &BTreeMap<(usize, usize), BTreeSet<Net>>,
) -> Vec<(usize, usize)> {
    // Of each gap of the present column: its height, the cost so far, the gap before it.
    let mut reached: Vec<Vec<(f64, f64, usize)>> = Vec::new();
    for (nth, column) in columns.iter().enumerate() {
        let wanted = from + (to - from) * count(nth + 1) / count(columns.len() + 1);
        let at_gap = |(gap, found): (usize, &Gap)| {
            let y = inside(found, wanted);
            let nets = used.get(&(*column, gap));
            let crowd = match nets {
                Some(nets) if nets.contains(&net) => -CROWD,
                Some(nets) => CROWD * count(nets.len()),
                None => 0.0,
            };
            let before = reached.last().map_or((from_cost(from, y), 0), |before| cheapest(before, y));
            (y, before.0 + crowd, before.1)
        };
        let here = page.gaps[*column].iter().enumerate().map(at_gap).collect();
        reached.push(here);
    }
    let Some(last) = reached.last() else { return Vec::new() };
    let mut gap = cheapest(last, to).1;
    let mut way = Vec::new();
    for (nth, column) in columns.iter().enumerate().rev() {
        way.push((*column, gap));
        gap = reached[nth][gap].2;
    }
    way.reverse();
    way
}

fn from_cost(a: f64, b: f64) -> f64 {
    (a - b).abs()
}

fn cheapest(before: &[(f64, f64, usize)], y: f64) -> (f64, usize) {
    let mut best = (f64::INFINITY, 0);
    for (gap, (height, cost, _)) in before.iter().enumerate() {
        let cost = cost + from_cost(*height, y);
        if cost < best.0 {
            best = (cost, gap);
        }
    }
    best
}

/// The height in a gap that is nearest to the one that is wanted.
fn inside(gap: &Gap, wanted: f64) -> f64 {
    if gap.to - gap.from < 2.0 * SKIP {
        return f64::midpoint(gap.from, gap.to);
    }
    wanted.clamp(gap.from + SKIP, gap.to - SKIP)
}

fn nets_of_gaps(wires: &[Wire]) -> BTreeMap<(usize, usize), BTreeSet<Net>> {
    let mut nets: BTreeMap<(usize, usize), BTreeSet<Net>> = BTreeMap::new();
    for wire in wires {
        for crossing in &wire.crossings {
            nets.entry(*crossing).or_default().insert(wire.net);
        }
    }
    nets
}

/// A height for every net in every gap.
type Crossings = BTreeMap<(usize, usize, Net), f64>;

fn tracks_of_gaps(wires: &[Wire], page: &Page, nets: &BTreeMap<(usize, usize), BTreeSet<Net>>) -> Crossings {
    let mut wanted: BTreeMap<(usize, usize, Net), f64> = BTreeMap::new();
    for wire in wires {
        let (from, to) = (page.top_of[wire.from], page.top_of[wire.to]);
        for (nth, (column, gap)) in wire.crossings.iter().enumerate() {
            let y = from + (to - from) * count(nth + 1) / count(wire.crossings.len() + 1);
            wanted.entry((*column, *gap, wire.net)).or_insert(y);
        }
    }
    let mut heights = Crossings::new();
    for ((column, gap), nets) in nets {
        let region = page.gaps[*column][*gap];
        let mut order: Vec<(f64, Net)> =
            nets.iter().map(|net| (inside(&region, wanted[&(*column, *gap, *net)]), *net)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for nth in 1..order.len() {
            order[nth].0 = order[nth].0.max(order[nth - 1].0 + TRACK);
        }
        let mut most = region.to - SKIP;
        for (y, net) in order.into_iter().rev() {
            let y = y.min(most);
            most = y - TRACK;
            heights.insert((*column, *gap, net), y);
        }
    }
    heights
}

/// From where to where a net runs in a channel.
type Spans = BTreeMap<(usize, Net), (f64, f64)>;

/// A wire's way through the channels: each with the heights at which the wire comes in and goes out.
fn stretches(wire: &Wire, page: &Page, sizes: &Sizes, crossings: &Crossings) -> Vec<(usize, f64, f64)> {
    let mut stretches = Vec::new();
    let (mut channel, mut y) = (wire.channel, start(wire, page, sizes));
    for (column, gap) in &wire.crossings {
        let crossing = crossings[&(*column, *gap, wire.net)];
        stretches.push((channel, y, crossing));
        channel = if *column < channel { *column } else { column + 1 };
        y = crossing;
    }
    stretches.push((channel, y, end(wire, page, sizes)));
    stretches
}

fn spans(wires: &[Wire], page: &Page, sizes: &Sizes, crossings: &Crossings) -> Spans {
    let mut spans = Spans::new();
    for wire in wires {
        for (channel, a, b) in stretches(wire, page, sizes, crossings) {
            let span = spans.entry((channel, wire.net)).or_insert((a, a));
            *span = (span.0.min(a).min(b), span.1.max(a).max(b));
        }
    }
    spans
}

/// The columns' left borders, and the tracks of the nets in the channels.
fn channels(page: &Page, sizes: &Sizes, spans: &Spans) -> (Vec<f64>, BTreeMap<(usize, Net), f64>) {
    let mut of_channel: Vec<Vec<((f64, f64), Net)>> = vec![Vec::new(); page.columns.len() + 1];
    for ((channel, net), span) in spans {
        of_channel[*channel].push((*span, *net));
    }
    let mut column_x = Vec::new();
    let mut track_x = BTreeMap::new();
    let mut left = 0.0;
    for (channel, mut nets) in of_channel.into_iter().enumerate() {
        nets.sort_by(|a, b| a.0.0.total_cmp(&b.0.0).then(b.0.1.total_cmp(&a.0.1)).then(a.1.cmp(&b.1)));
        // Of each track, how far down it is taken.
        let mut taken: Vec<f64> = Vec::new();
        let mut assigned: Vec<(Net, usize)> = Vec::new();
        for ((from, to), net) in nets {
            let track = taken.iter().position(|end| end + TRACK < from).unwrap_or(taken.len());
            if track == taken.len() {
                taken.push(to);
            } else {
                taken[track] = to;
            }
            assigned.push((net, track));
        }
        let used = count(taken.len().saturating_sub(1)) * TRACK;
        let outside = channel == 0 || channel == page.columns.len();
        let width = match (outside, taken.is_empty()) {
            (true, true) => 0.0,
            (true, false) => used + CLEAR,
            (false, _) => (used + 2.0 * CLEAR).max(NARROWEST),
        };
        let first = if channel == 0 {
            left
        } else if outside {
            left + CLEAR
        } else {
            left + (width - used) / 2.0
        };
        track_x
            .extend(assigned.into_iter().map(|(net, track)| ((channel, net), first + count(track) * TRACK)));
        column_x.push(left + width);
        left += width + sizes.width;
    }
    // The last channel has no column behind it.
    column_x.pop();
    (column_x, track_x)
}

fn line(
    wire: &Wire,
    page: &Page,
    sizes: &Sizes,
    column_x: &[f64],
    track_x: &BTreeMap<(usize, Net), f64>,
    crossings: &Crossings,
) -> Vec<(f64, f64)> {
    let side =
        |table: usize, left: bool| column_x[page.column_of[table]] + if left { 0.0 } else { sizes.width };
    let mut points = vec![(side(wire.from, wire.leaves_left(page)), start(wire, page, sizes))];
    for (channel, from, to) in stretches(wire, page, sizes, crossings) {
        let x = track_x[&(channel, wire.net)];
        points.push((x, from));
        points.push((x, to));
    }
    points.push((side(wire.to, wire.arrives_left(page)), end(wire, page, sizes)));
    points.dedup();
    points
}
