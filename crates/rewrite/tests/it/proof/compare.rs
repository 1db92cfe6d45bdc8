//! Whether two databases hold the same schema.

use super::lab::Lab;
use std::collections::BTreeSet;
use tenantry_schema::Model;

/// What differs, for people; nothing if they are the same.
pub(crate) async fn difference(one: &Lab, other: &Lab, schema: &str) -> Option<String> {
    let (a, b) = (comparable(one.model(schema).await), comparable(other.model(schema).await));
    if a != b {
        let lines = |model: &Model| format!("{model:#?}").lines().map(ToOwned::to_owned).collect::<Vec<_>>();
        let said = unlike(&lines(&a), &lines(&b));
        return Some(format!("the models differ:\n{said}"));
    }
    let (a, b) = (one.dump(schema).await, other.dump(schema).await);
    (a != b).then(|| format!("the dumps differ:\n{}", unlike(&a, &b)))
}

/// A column that was added to a shared table stands behind the tenant column: order is the one thing that differs.
fn comparable(mut model: Model) -> Model {
    for table in &mut model.tables {
        table.columns.sort_by(|a, b| a.name.cmp(&b.name));
    }
    // In the order of the catalog's own numbers.
    model.access.grants.sort_by_key(|grant| format!("{grant:?}"));
    model
}

fn unlike(a: &[String], b: &[String]) -> String {
    let (in_a, in_b): (BTreeSet<&String>, BTreeSet<&String>) = (a.iter().collect(), b.iter().collect());
    let mut said = String::new();
    for (mark, lines, others) in [("compiled ", a, &in_b), ("rewritten", b, &in_a)] {
        for line in lines.iter().filter(|line| !others.contains(line)).take(12) {
            said.push_str(&format!("{mark} | {}\n", line.replace('\n', "\n          | ")));
        }
    }
    if said.is_empty() { first_difference(a, b) } else { said }
}

/// The place where the order differs.
fn first_difference(a: &[String], b: &[String]) -> String {
    let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let near = |lines: &[String]| lines[at.saturating_sub(6)..lines.len().min(at + 6)].join("\n");
    format!("compiled:\n{}\nrewritten:\n{}\n", near(a), near(b))
}
