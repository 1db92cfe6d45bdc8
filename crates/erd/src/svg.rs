//! SVG: a picture of the whole graph that needs nothing else. Also the picture inside the HTML page.

mod table;

use crate::graph::{Graph, Reference};
use crate::layout::{DomainBox, Layout, Line, layout};
use crate::measure::{fit, width};
use crate::text::xml;
use std::fmt::Write;

const STYLE: &str = include_str!("svg/style.css");

/// The font sizes of what stands around the tables.
const LABEL: f64 = 16.0;
const LEGEND: f64 = 12.0;
/// The legend's height.
const STRIP: f64 = 40.0;

/// The graph as an SVG file.
pub fn svg(graph: &Graph) -> String {
    let layout = layout(graph);
    let (wide, high) = (layout.width.max(760.0), layout.height + STRIP);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.0}\" height=\"{high:.0}\" \
         viewBox=\"0 0 {wide:.0} {high:.0}\" role=\"img\" aria-labelledby=\"erd-title erd-desc\">\n\
         <title id=\"erd-title\">{}</title>\n<desc id=\"erd-desc\">{}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n",
        xml(&title(graph)),
        xml(&description(graph)),
    );
    legend(&mut out, graph);
    put(&mut out, format_args!("<g transform=\"translate(0 {STRIP})\">\n"));
    drawing(&mut out, graph, &layout);
    out.push_str("</g>\n</svg>\n");
    out
}

/// What the picture is called.
pub(crate) fn title(graph: &Graph) -> String {
    if graph.is_difference {
        format!("Entity-relationship diagram: {}", graph.title)
    } else {
        format!("Entity-relationship diagram: {} model", graph.title)
    }
}

/// What there is to see, for those who can't.
pub(crate) fn description(graph: &Graph) -> String {
    let crossing = graph.references.iter().filter(|reference| reference.crosses_tenants).count();
    let mut text = format!(
        "{} tables in {} domains, {} references",
        graph.tables.len(),
        graph.domains.len(),
        graph.references.len()
    );
    if crossing > 0 {
        let _infallible = write!(text, ", {crossing} of which could cross tenants");
    }
    text
}

/// Writing to a String can't fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(what);
}

/// Domains, lines and tables, in the order in which they lie on each other.
pub(crate) fn drawing(out: &mut String, graph: &Graph, layout: &Layout) {
    if let Some(first) = layout.boxes.first() {
        // No text leaves its box, even in a font that is wider than any that was thought of.
        put(
            out,
            format_args!(
                "<defs><clipPath id=\"erd-box\"><rect width=\"{}\" height=\"100000\"/></clipPath></defs>\n",
                first.width
            ),
        );
    }
    out.push_str("<g class=\"domains\">\n");
    layout.domains.iter().for_each(|domain| domain_box(out, domain));
    out.push_str("</g>\n<g class=\"refs\">\n");
    for (at, (reference, line)) in graph.references.iter().zip(&layout.lines).enumerate() {
        reference_line(out, at, reference, line);
    }
    out.push_str("</g>\n<g class=\"tables\">\n");
    for (at, (table, place)) in graph.tables.iter().zip(&layout.boxes).enumerate() {
        table::table(out, graph, at, table, place);
    }
    out.push_str("</g>\n");
}

fn domain_box(out: &mut String, domain: &DomainBox) {
    let room = domain.width - 28.0;
    // From afar the label is as large as it can be.
    let far = (room / width(&domain.name, 1.0)).clamp(LABEL, 30.0);
    put(
        out,
        format_args!(
            "<g class=\"domain\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"10\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" style=\"--far:{far:.1}px\">{}</text></g>\n",
            domain.x,
            domain.y,
            domain.width,
            domain.height,
            domain.x + 14.0,
            domain.y + 26.0,
            xml(&fit(&domain.name, LABEL, room))
        ),
    );
}

fn reference_line(out: &mut String, at: usize, reference: &Reference, line: &Line) {
    let mut classes = format!("ref {}", reference.change.word());
    if reference.crosses_tenants {
        classes.push_str(" crosses");
    }
    let way = way(&line.points);
    put(
        out,
        format_args!(
            "<g class=\"{classes}\" data-ref=\"{at}\"><title>{}</title><path class=\"hit\" d=\"{way}\"/>\
         <path class=\"way\" d=\"{way}\"/><path class=\"end\" d=\"{}\"/></g>\n",
            xml(&sentence(reference)),
            ends(reference, &line.points),
        ),
    );
}

/// The reference in words.
pub(crate) fn sentence(reference: &Reference) -> String {
    let mut text = format!(
        "{}: {} ({}) refers to {}",
        reference.name,
        reference.table,
        reference.columns.join(", "),
        reference.words_of_target()
    );
    if reference.on_delete != "NO ACTION" {
        let _infallible = write!(text, ", on delete {}", reference.on_delete.to_lowercase());
    }
    if reference.crosses_tenants {
        text.push_str("; nothing keeps its ends in one tenant");
    }
    text
}

const ROUND: f64 = 5.0;

/// A path along the points, its corners a little rounded.
fn way(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let Some((first, rest)) = points.split_first() else { return path };
    put(&mut path, format_args!("M{:.1} {:.1}", first.0, first.1));
    let mut before = *first;
    for (nth, point) in rest.iter().enumerate() {
        match rest.get(nth + 1) {
            Some(next) => {
                let (enter, leave) = (towards(*point, before), towards(*point, *next));
                put(
                    &mut path,
                    format_args!(
                        "L{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}",
                        enter.0, enter.1, point.0, point.1, leave.0, leave.1
                    ),
                );
            }
            None => put(&mut path, format_args!("L{:.1} {:.1}", point.0, point.1)),
        }
        before = *point;
    }
    path
}

/// A point a little beside another, on the way to a third.
fn towards(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let reach = ROUND.min(dx.hypot(dy) / 2.0);
    (from.0 + dx.signum() * reach.min(dx.abs()), from.1 + dy.signum() * reach.min(dy.abs()))
}

/// A crow's foot for many rows, a bar for one, a ring where there may be none.
fn ends(reference: &Reference, points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let ([first, second, ..], [.., before, last]) = (points, points) else { return path };
    let (x, y, out) = (first.0, first.1, (second.0 - first.0).signum());
    if reference.to_one {
        put(&mut path, format_args!("M{:.1} {:.1}v8", x + 7.0 * out, y - 4.0));
    } else {
        let foot = x + 10.0 * out;
        put(&mut path, format_args!("M{x:.1} {:.1}L{foot:.1} {y:.1}L{x:.1} {:.1}", y - 4.5, y + 4.5));
    }
    let (x, y, out) = (last.0, last.1, (before.0 - last.0).signum());
    put(&mut path, format_args!("M{:.1} {:.1}v8", x + 6.0 * out, y - 4.0));
    if reference.optional {
        let left = x + 13.0 * out - 3.0;
        put(&mut path, format_args!("M{left:.1} {y:.1}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"));
    }
    path
}

fn legend(out: &mut String, graph: &Graph) {
    let mut x = 24.0;
    out.push_str("<g class=\"legend\">\n");
    let mut text = |class: &str, words: &str| {
        put(
            out,
            format_args!(
                "<g class=\"table {class}\"><rect class=\"swatch\" x=\"{x:.1}\" y=\"13\" width=\"18\" height=\"14\" rx=\"3\"/>\
             </g><text x=\"{:.1}\" y=\"25\">{}</text>\n",
                x + 25.0,
                xml(words)
            ),
        );
        x += 25.0 + width(words, LEGEND) + 22.0;
    };
    for (class, words) in kinds(graph) {
        text(class, words);
    }
    if graph.is_difference {
        text("added", "+ added");
        text("removed", "\u{2212} removed");
        text("changed", "~ changed");
    }
    if graph.references.iter().any(|reference| reference.crosses_tenants) {
        put(
            out,
            format_args!(
                "<g class=\"ref crosses\"><path class=\"way\" d=\"M{x:.1} 20h22\"/></g>\
             <text x=\"{:.1}\" y=\"25\">could cross tenants</text>\n",
                x + 29.0
            ),
        );
    }
    out.push_str("</g>\n");
}

/// The kinds that occur, with their words.
pub(crate) fn kinds(graph: &Graph) -> Vec<(&'static str, &'static str)> {
    let all = [
        ("tenant", "tenant table"),
        ("global", "global table"),
        ("scoped", "scoped table"),
        ("unclassified", "not classified"),
        ("external", "of another schema"),
    ];
    all.into_iter().filter(|(word, _)| graph.tables.iter().any(|table| table.kind_word() == *word)).collect()
}
