//! What holds of every drawing, whatever the graph.

use super::{Layout, TableBox, layout};
use crate::graph::Graph;
use crate::specimen::{graph, table};
use proptest::prelude::*;

/// Random graphs: any references, circles and references to itself among them; tables of every size.
fn graphs() -> impl Strategy<Value = Graph> {
    (1_usize..60).prop_flat_map(|count| {
        let sizes = proptest::collection::vec(0_usize..30, count);
        let edges = proptest::collection::vec((0..count, 0..count), 0..count * 3);
        // A few first words, so that names tie tables together too.
        let words = proptest::collection::vec(0_usize..6, count);
        (sizes, words, edges).prop_map(|(sizes, words, edges)| {
            let tables = sizes.iter().zip(&words).enumerate();
            let tables =
                tables.map(|(at, (size, word))| table(&format!("word{word}_table{at}"), *size)).collect();
            graph(tables, &edges)
        })
    })
}

fn overlap(a: &TableBox, b: &TableBox) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

/// Whether a piece of a line runs through the inside of a box.
fn runs_through(from: (f64, f64), to: (f64, f64), place: &TableBox) -> bool {
    let (left, right) = (from.0.min(to.0), from.0.max(to.0));
    let (top, bottom) = (from.1.min(to.1), from.1.max(to.1));
    let a_little = 0.01;
    left < place.x + place.width - a_little
        && right > place.x + a_little
        && top < place.y + place.height - a_little
        && bottom > place.y + a_little
}

fn touches_side(point: (f64, f64), place: &TableBox) -> bool {
    let at_side = (point.0 - place.x).abs() < 0.01 || (point.0 - place.x - place.width).abs() < 0.01;
    at_side && point.1 > place.y && point.1 < place.y + place.height
}

fn check(graph: &Graph, drawn: &Layout) {
    assert_eq!((drawn.boxes.len(), drawn.lines.len()), (graph.tables.len(), graph.references.len()));
    for (at, place) in drawn.boxes.iter().enumerate() {
        assert!(place.x >= 0.0 && place.y >= 0.0, "{place:?}");
        assert!(place.x + place.width <= drawn.width && place.y + place.height <= drawn.height);
        for other in &drawn.boxes[at + 1..] {
            assert!(!overlap(place, other), "{place:?} {other:?}");
        }
    }
    for (reference, line) in graph.references.iter().zip(&drawn.lines) {
        let at = graph.positions();
        let (from, to) = (at[reference.table.as_str()], at[reference.target.as_str()]);
        assert!(touches_side(line.points[0], &drawn.boxes[from]), "{reference:?} {line:?}");
        assert!(touches_side(line.points[line.points.len() - 1], &drawn.boxes[to]), "{reference:?} {line:?}");
        for piece in line.points.windows(2) {
            let straight =
                piece[0].0.to_bits() == piece[1].0.to_bits() || piece[0].1.to_bits() == piece[1].1.to_bits();
            assert!(straight, "{line:?}");
            assert!(piece[0].0 <= drawn.width && piece[0].1 <= drawn.height && piece[0].0 >= 0.0);
            for place in &drawn.boxes {
                assert!(!runs_through(piece[0], piece[1], place), "{reference:?} {piece:?} {place:?}");
            }
        }
    }
    for domain in &drawn.domains {
        for (table, place) in graph.tables.iter().zip(&drawn.boxes) {
            let inside = place.x >= domain.x
                && place.x + place.width <= domain.x + domain.width
                && place.y >= domain.y
                && place.y + place.height <= domain.y + domain.height;
            assert_eq!(inside, table.domain == domain.name, "{} in {}", table.name, domain.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn boxes_are_apart_and_lines_run_around_them(graph in graphs()) {
        let drawn = layout(&graph);
        check(&graph, &drawn);
        prop_assert_eq!(drawn, layout(&graph), "the same graph is arranged the same");
    }
}

/// A hundred tables around one that all of them refer to: no ribbon.
#[test]
fn a_hub_with_a_hundred_tables_has_the_shape_of_a_screen() {
    let tables = (0..101).map(|at| table(&format!("t{at:03}"), at % 9)).collect();
    let edges: Vec<(usize, usize)> =
        (1..101).map(|at| (at, 0)).chain((2..101).map(|at| (at, at / 2))).collect();
    let graph = graph(tables, &edges);
    let drawn = layout(&graph);
    check(&graph, &drawn);
    let shape = drawn.width / drawn.height;
    assert!((0.9..2.6).contains(&shape), "{} x {}", drawn.width, drawn.height);
}
