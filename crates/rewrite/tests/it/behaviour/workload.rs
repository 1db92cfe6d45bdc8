//! Random single-tenant SQL over the shop. Ids and values are few, so that statements meet each other's rows and constraints.

use crate::proof::dice::{Dice, Roll};

/// A statement of the application.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    /// Of `$1`, `$2`, …
    pub(crate) values: Vec<Option<String>>,
    /// What COPY … FROM STDIN reads.
    pub(crate) copy: Option<String>,
    /// Whether its ORDER BY decides the order of all rows.
    pub(crate) ordered: bool,
}

/// What stands behind `?`: a small number, a word, …
const KINDS: &str = include_str!("workload.txt");

/// The statement that the numbers choose. Each line of workload.txt is one, with `:kind` for values.
pub(crate) fn statement(dice: &Dice<'_>) -> Statement {
    let lines: Vec<&str> = KINDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    written(lines[dice.below(lines.len())], dice)
}

/// Each line once, in their order, the tenants taking turns.
pub(crate) fn all() -> Vec<(usize, Statement)> {
    let zeroes = Roll::zeroes();
    let lines = KINDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.enumerate().map(|(at, line)| (at % 2, written(line, &zeroes.dice()))).collect()
}

/// A statement without values.
pub(crate) fn literally(sql: &str) -> Statement {
    Statement { sql: sql.to_owned(), values: Vec::new(), copy: None, ordered: false }
}

fn written(line: &str, dice: &Dice<'_>) -> Statement {
    let (line, copy) = match line.split_once(" <<< ") {
        Some((line, rows)) => (line, Some(filled(rows, dice).replace("\\n", "\n") + "\n")),
        None => (line, None),
    };
    let mut sql = String::new();
    let mut values = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(':') {
        sql.push_str(before);
        let length = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
        let (kind, behind) = after.split_at(length);
        // A cast.
        if kind.is_empty() || sql.ends_with(':') {
            sql.push(':');
            rest = after;
            continue;
        }
        values.push(value(kind, dice));
        sql.push_str(&format!("${}", values.len()));
        rest = behind;
    }
    sql.push_str(rest);
    // The query's own, not that of a part in parentheses.
    let ordered = sql.rsplit(')').next().is_some_and(|end| end.contains("ORDER BY"));
    Statement { sql, values, copy, ordered }
}

fn filled(rows: &str, dice: &Dice<'_>) -> String {
    let mut text = String::new();
    let mut rest = rows;
    while let Some((before, after)) = rest.split_once(':') {
        text.push_str(before);
        let length = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
        text.push_str(&value(&after[..length], dice).unwrap_or_else(|| "\\N".to_owned()));
        rest = &after[length..];
    }
    text + rest
}

/// A value of a kind that workload.txt names.
fn value(kind: &str, dice: &Dice<'_>) -> Option<String> {
    let word = |words: &[&'static str]| Some(dice.word(words).to_owned());
    match kind {
        "id" => Some((1 + dice.below(6)).to_string()),
        "ref" => (!dice.once_in(5)).then(|| (1 + dice.below(6)).to_string()),
        "num" => word(&["0", "5", "19.99", "100", "-3"]),
        "amount" => word(&["1", "2", "7", "100", "0"]),
        "mail" => word(&["a@x.org", "b@x.org", "A@x.org", "c@y.net", "d@y.net"]),
        "name" => (!dice.once_in(4)).then(|| dice.word(&["Ann", "Bob", "it's", "ü"]).to_owned()),
        "country" => word(&["de", "fr", "xx"]),
        "state" => word(&["open", "paid", "sent", "void", "odd"]),
        "day" => word(&["2026-01-01", "2026-02-01", "2025-12-31"]),
        "text" => word(&["one", "two", "a b", ""]),
        other => panic!("workload.txt names {other:?}"),
    }
}
