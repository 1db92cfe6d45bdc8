//! What is written, whatever the names are.

use crate::graph::{Change, Enumeration, Graph};
use crate::specimen::{column, graph, table};
use crate::{dbml, diff, html, mermaid, summary, svg};

/// Names that PostgreSQL accepts and that end strings, elements, blocks or lines in other languages.
const VICIOUS: &[&str] = &[
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "a\"b'c`d",
    "```\n# heading",
    "line\nbreak\r\u{2028}separator",
    "%%{init: {}}%%",
    "]]>&amp;<!--",
    "{{data}}",
    "\u{202e}reversed\u{200f}",
    "\u{1}control\u{7f}",
    "表 😀 ñ",
    "back\\slash\\",
    " ",
    "';--",
];

fn vicious() -> Graph {
    let mut tables: Vec<_> = VICIOUS.iter().map(|name| table(name, 1)).collect();
    for (at, table) in tables.iter_mut().enumerate() {
        let name = VICIOUS[(at + 1) % VICIOUS.len()];
        let mut column = column(name);
        column.type_name = name.to_owned();
        column.default = Some(name.to_owned());
        column.comment = Some(name.to_owned());
        column.change = Change::Changed(vec![name.to_owned()]);
        table.columns.push(column);
        table.comment = Some(name.to_owned());
    }
    let edges: Vec<(usize, usize)> = (1..tables.len()).map(|at| (at, at - 1)).collect();
    let mut graph = graph(tables, &edges);
    for (reference, name) in graph.references.iter_mut().zip(VICIOUS) {
        (*name).clone_into(&mut reference.name);
    }
    let labels = VICIOUS.iter().map(|name| (*name).to_owned()).collect();
    graph.enums.push(Enumeration { name: VICIOUS[0].to_owned(), labels });
    graph
}

/// Everything between `<` and `>` of a text in which neither stands in an attribute's value.
fn elements(text: &str) -> Vec<&str> {
    text.split('<').skip(1).map(|rest| rest.split(['>', ' ', '\n']).next().unwrap_or("")).collect()
}

#[test]
fn no_name_becomes_an_element_of_a_picture() {
    let drawn = svg(&vicious());
    let known = [
        "svg",
        "/svg",
        "title",
        "/title",
        "desc",
        "/desc",
        "style",
        "/style",
        "rect",
        "g",
        "/g",
        "text",
        "/text",
        "tspan",
        "/tspan",
        "path",
        "defs",
        "/defs",
        "clipPath",
        "/clipPath",
    ];
    for element in elements(&drawn) {
        assert!(known.contains(&element), "{element}");
    }
    assert_eq!(drawn.matches("<g").count(), drawn.matches("</g>").count());
    let is_text = |c: char| !c.is_control() || c == '\n';
    assert!(drawn.chars().all(is_text), "control characters are no XML");
    assert!(!drawn.contains('\u{202e}'), "nothing turns the direction of text");
}

#[test]
fn no_name_becomes_a_script_of_a_page() {
    let page = html(&vicious());
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img"));
    let (_, data) = page.split_once("id=\"data\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let read: serde_json::Value = serde_json::from_str(data).unwrap();
    let mut names: Vec<&str> =
        read["tables"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    let mut expected = VICIOUS.to_vec();
    expected.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, expected, "what the script reads is what it is called");
    let outside = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!outside.contains("http://") && !outside.contains("https://"), "the page needs no network");
}

#[test]
fn no_name_ends_a_block_of_mermaid() {
    let text = mermaid(&vicious());
    let fences = text.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(fences % 2, 0);
    assert_eq!(text.matches("```").count(), fences);
    for line in text.lines().filter(|line| line.starts_with("    \"")) {
        assert_eq!(line.matches('"').count() % 2, 0, "{line}");
    }
    assert_eq!(text.matches("o--").count(), vicious().references.len());
    assert!(!text.contains("<script") && !text.contains("%%{"));
}

#[test]
fn no_name_ends_a_string_of_dbml() {
    let text = dbml(&vicious());
    for line in text.lines() {
        // Every quote of a kind that is not escaped has a partner on its line.
        let (mut open, mut escaped) = (None, false);
        for c in line.chars() {
            match (open, c) {
                _ if escaped => escaped = false,
                (Some('"' | '\''), '\\') => escaped = true,
                (None, '"' | '\'' | '`') => open = Some(c),
                (Some(quote), c) if c == quote => open = None,
                _ => {}
            }
        }
        assert!(open.is_none() || line.starts_with("//"), "{line}");
    }
    assert_eq!(text.matches("\nTable ").count(), VICIOUS.len());
}

fn many(count: usize, columns: usize) -> Graph {
    let tables = (0..count).map(|at| table(&format!("family{}_table{at:03}", at % 9), columns)).collect();
    let edges: Vec<(usize, usize)> =
        (1..count).flat_map(|at| [(at, at / 2), (at, at / 3), (at, 0)]).collect();
    graph(tables, &edges)
}

fn diagrams(text: &str) -> Vec<&str> {
    text.split("```mermaid\n").skip(1).map(|rest| rest.split("```").next().unwrap_or("")).collect()
}

#[test]
fn mermaids_limits_hold_for_three_hundred_tables() {
    for columns in [3, 80, 300] {
        let graph = many(300, columns);
        let text = mermaid(&graph);
        let (mut tables, mut references) = (0, 0);
        for diagram in diagrams(&text) {
            assert!(diagram.len() < 50_000, "{}", diagram.len());
            let own = diagram.lines().filter(|line| line.ends_with('{')).count();
            let lines = diagram.lines().filter(|line| line.contains("--")).count();
            assert!(own <= 40 && lines < 500);
            tables += own;
            references += lines;
        }
        assert_eq!((tables, references), (300, graph.references.len()), "each once");
    }
}

#[test]
fn every_reference_is_drawn_in_every_format() {
    let graph = many(60, 4);
    let count = graph.references.len();
    assert_eq!(svg(&graph).matches("class=\"way\"").count(), count + 1, "and one in the legend");
    assert_eq!(dbml(&graph).matches("\nRef ").count(), count);
    let page = html(&graph);
    assert_eq!(page.matches("data-ref=").count(), count);
    for at in 0..count {
        assert!(page.contains(&format!("data-ref=\"{at}\"")));
    }
}

#[test]
fn a_difference_names_what_came_and_what_went() {
    let before = graph(vec![table("a", 2), table("b", 0)], &[(0, 1)]);
    let mut tables = vec![table("a", 1), table("c", 0)];
    tables[0].columns[1].type_name = "text".to_owned();
    let after = graph(tables, &[]);
    let changes = diff(&before, &after);
    insta::assert_snapshot!(summary(&changes), @r"
    shared → shared
    ~ table a
        ~ column column_0 text not null, was type: bigint
        - column column_1 bigint not null
        - column ref_0_id bigint not null
        - reference reference_0 (ref_0_id) to b (id)
    - table b
    + table c
    ");
    assert_eq!(summary(&diff(&before, &before)), "shared → shared\nno difference\n");
    for (text, marks) in
        [(mermaid(&changes), ["%% - b", "%% + c"]), (dbml(&changes), ["- removed", "+ added"])]
    {
        for mark in marks {
            assert!(text.contains(mark), "{mark} in {text}");
        }
    }
    let drawn = svg(&changes);
    assert!(drawn.contains("table tenant added") && drawn.contains("table tenant removed"));
    assert!(drawn.contains("class=\"ref removed"));
}
