//! Every statement of every SQL file in the repository: what PostgreSQL's grammar reads, prints and reads again is the same
//! tree. The guard rests on the printer, so this is what the guard rests on.

use crate::parse::{DEEPEST, is_deep_statement, parse};
use pg_raw_parse::{Node, deparse};
use std::path::{Path, PathBuf};

/// What the printer gets wrong: it leaves the quotes of parameters' names out. Printed text is compared and never sent.
const PRINTED_WRONG: &[&str] = &["CREATE FUNCTION \"Mixed Case\"(Arg One text, select int)"];

fn sql_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            sql_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
}

/// A tree without the places in the text.
fn tree(of: Node<'_>) -> String {
    // The library takes what is granted on for tables, whatever it is, and panics at functions: they are compared as printed.
    let text = match of {
        Node::GrantStmt(_) => deparse(of).unwrap().as_str().to_owned(),
        _ => format!("{of:?}"),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = ["location: ", "_start: ", "_end: ", "stmt_len: "]
        .iter()
        .filter_map(|word| Some(rest.find(word)? + word.len()))
        .min()
    {
        out.push_str(&rest[..at]);
        rest = rest[at..].trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
    }
    out.push_str(rest);
    out
}

#[test]
fn what_is_printed_is_what_was_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    sql_files(&root, &mut files);
    let (mut statements, mut different) = (0, Vec::new());
    for file in &files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        let sql = std::fs::read_to_string(file).unwrap();
        let parsed = match parse(&sql) {
            Ok(parsed) => parsed,
            // Outside of the real schemas there are templates, and queries that are cut in pieces.
            Err(message) => {
                different.extend(name.starts_with("fixtures").then(|| format!("{name}: {message}")));
                continue;
            }
        };
        for raw in parsed.iter() {
            statements += 1;
            assert!(!is_deep_statement(raw.stmt()), "{name} has a statement deeper than {DEEPEST}");
            let printed = deparse(raw.stmt()).unwrap();
            let again = parse(printed.as_str());
            let same = again.as_ref().is_ok_and(|again| {
                again.len() == 1 && again.iter().all(|new| tree(new.stmt()) == tree(raw.stmt()))
            });
            let listed = PRINTED_WRONG.iter().any(|start| printed.as_str().starts_with(start));
            if same == listed {
                different.push(format!("{name}: {}", printed.as_str()));
            }
        }
    }
    assert!(statements > 4_000, "only {statements} statements in {} files", files.len());
    assert!(different.is_empty(), "{} of {statements}:\n{}", different.len(), different.join("\n"));
}
