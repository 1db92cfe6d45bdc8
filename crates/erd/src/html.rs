//! One HTML page that needs nothing else: the picture, and a small script to move about in it.
//!
//! The script reads what it shows from a block of JSON and only ever sets text, never markup.

use crate::graph::Graph;
use crate::layout::layout;
use crate::svg::{description, drawing, kinds, title};
use crate::text::xml;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");
const PICTURE: &str = include_str!("svg/style.css");

/// The graph as an HTML page.
pub fn html(graph: &Graph) -> String {
    let layout = layout(graph);
    let mut picture = String::new();
    drawing(&mut picture, graph, &layout);
    let parts = [
        ("title", xml(&title(graph))),
        ("about", xml(&description(graph))),
        ("style", format!("{PICTURE}{STYLE}")),
        ("legend", legend(graph)),
        ("width", format!("{:.0}", layout.width)),
        ("height", format!("{:.0}", layout.height)),
        ("picture", picture),
        ("data", data(graph)),
        ("script", SCRIPT.to_owned()),
    ];
    assemble(&parts)
}

/// Fills the template. What was filled in is not looked at again: a table may be called `{{data}}`.
fn assemble(parts: &[(&str, String)]) -> String {
    let mut page = String::new();
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else { break };
        let value = parts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        page.push_str(value.unwrap_or_default());
        rest = behind;
    }
    page.push_str(rest);
    page
}

/// The graph as JSON that can stand in a script element: no `<` ends it or begins a comment.
fn data(graph: &Graph) -> String {
    let json = serde_json::to_string(graph).unwrap_or_else(|_| "{}".to_owned());
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

fn legend(graph: &Graph) -> String {
    let swatch = |class: &str| {
        format!(
            "<svg class=\"key\" width=\"20\" height=\"16\" aria-hidden=\"true\"><g class=\"table {class}\">\
             <rect class=\"swatch\" x=\"1\" y=\"1\" width=\"18\" height=\"14\" rx=\"3\"/></g></svg>"
        )
    };
    let mut items: Vec<String> =
        kinds(graph).iter().map(|(class, words)| format!("<li>{}{words}</li>", swatch(class))).collect();
    if graph.is_difference {
        for (class, words) in
            [("added", "+ added"), ("removed", "\u{2212} removed"), ("changed", "~ changed")]
        {
            items.push(format!("<li>{}{words}</li>", swatch(class)));
        }
    }
    if graph.references.iter().any(|reference| reference.crosses_tenants) {
        items.push(
            "<li><svg class=\"key\" width=\"26\" height=\"16\" aria-hidden=\"true\"><g class=\"ref crosses\">\
             <path class=\"way\" d=\"M1 8h24\"/></g></svg>could cross tenants</li>"
                .to_owned(),
        );
    }
    items.concat()
}
