//! How the tour looks: a numbered claim, the SQL as sent, the answer as a small table, a mark.

use super::answer::Answer;
use super::player::{Performed, Spoken};
use super::script::Step;
use crate::demo::cast;
use crate::print::{BAD, BOLD, CODE, DIM, Format, GOOD, Grid, Printer, grid};
use std::io::{self, Write};
use tenantry_core::TenancyModel;

const INDENT: &str = "      ";
/// Lines of explanation are broken here.
const WIDTH: usize = 96;

/// Prints a tour as it is played; prints nothing when one JSON document is wanted at the end.
pub(super) struct Show {
    out: Option<Box<dyn Write>>,
}

impl Show {
    pub(super) fn new(printer: Printer) -> Self {
        Self { out: (printer.format == Format::Text).then(|| Box::new(printer.out()) as Box<dyn Write>) }
    }

    pub(super) fn step(&mut self, number: usize, step: &Step) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        writeln!(out, "\n{BOLD}{number:>2}. {}{BOLD:#}", step.title)?;
        for line in wrap(step.why, WIDTH) {
            writeln!(out, "    {DIM}{line}{DIM:#}")?;
        }
        Ok(())
    }

    pub(super) fn performed(&mut self, performed: &Performed) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        match performed {
            Performed::Everywhere(spoken) => everywhere(out, spoken),
            Performed::One(spoken) => one(out, spoken),
            Performed::Attempts { attempts, looks } => many(out, attempts, looks),
            Performed::Operator { line, ok } => {
                let (style, mark) = mark(*ok);
                writeln!(out, "\n    {CODE}$ {line}{CODE:#} {style}{mark}{style:#}")
            }
        }
    }
}

/// One table for all tenants.
fn everywhere(out: &mut dyn Write, spoken: &[Spoken]) -> io::Result<()> {
    let Some(first) = spoken.first() else { return Ok(()) };
    statement(out, "every tenant", &first.sql)?;
    combined(spoken).write(out)?;
    for one in spoken.iter().filter(|one| !one.held) {
        missed(out, one)?;
    }
    if spoken.iter().all(|one| one.held) {
        writeln!(out, "{INDENT}{GOOD}✓{GOOD:#}")?;
    }
    Ok(())
}

fn combined(spoken: &[Spoken]) -> Grid {
    let columns = spoken.iter().find_map(|one| match &one.answer {
        Answer::Rows { columns, .. } => Some(columns.as_slice()),
        _ => None,
    });
    let answers = [String::from("answer")];
    let heads = ["tenant", "model"].into_iter().chain(columns.unwrap_or(&answers).iter().map(String::as_str));
    let mut table = Grid::default().indented(INDENT);
    table.heads(heads);
    for one in spoken {
        let key = one.who.clone();
        let model = cast::model_of(&key).map(TenancyModel::as_str).unwrap_or_default();
        let front = |key: &str, model: &str| vec![key.to_owned(), model.to_owned()];
        match &one.answer {
            Answer::Rows { rows, .. } if !rows.is_empty() => {
                for (index, row) in rows.iter().enumerate() {
                    let mut cells = if index == 0 { front(&key, model) } else { front("", "") };
                    cells.extend(row.iter().cloned());
                    table.row(cells);
                }
            }
            _ => {
                let mut cells = front(&key, model);
                cells.push(one.summary.clone());
                table.row(cells);
            }
        }
    }
    table
}

fn one(out: &mut dyn Write, spoken: &Spoken) -> io::Result<()> {
    statement(out, &spoken.who, &spoken.sql)?;
    let (style, mark) = mark(spoken.held);
    match &spoken.answer {
        Answer::Rows { columns, rows } if rows.len() > 1 || columns.len() > 1 && !rows.is_empty() => {
            let mut table = grid::<0>([]).indented(INDENT);
            table.heads(columns.iter().map(String::as_str));
            for row in rows {
                table.row(row.iter().cloned());
            }
            table.write(out)?;
            writeln!(out, "{INDENT}{style}{mark}{style:#}")?;
        }
        _ => writeln!(out, "{INDENT}{style}{mark}{style:#} {}", spoken.summary)?,
    }
    if let Answer::Refused { hint: Some(hint), .. } = &spoken.answer {
        writeln!(out, "{INDENT}  {DIM}hint: {hint}{DIM:#}")?;
    }
    if spoken.held { Ok(()) } else { missed(out, spoken) }
}

/// Attempts, and what was to be seen after each.
fn many(out: &mut dyn Write, attempts: &[Spoken], looks: &[Spoken]) -> io::Result<()> {
    for (attempt, look) in attempts.iter().zip(looks) {
        one(out, attempt)?;
        if !look.held {
            writeln!(out, "{INDENT}and afterwards: {}", look.sql)?;
            missed(out, look)?;
        }
    }
    let Some(last) = looks.last() else { return Ok(()) };
    statement(out, &format!("{}, after each of these", last.who), &last.sql)?;
    if looks.iter().all(|look| look.held) {
        let times = if looks.len() == 1 { "once".to_owned() } else { format!("{} times", looks.len()) };
        writeln!(out, "{INDENT}{GOOD}✓{GOOD:#} {}, {times}", last.summary)?;
    }
    Ok(())
}

/// SQL as a terminal shows it: a prompt before the first line, the others under it.
fn statement(out: &mut dyn Write, who: &str, sql: &str) -> io::Result<()> {
    writeln!(out)?;
    let end = if sql.trim_end().ends_with(';') { "" } else { ";" };
    let mut lines = sql.trim_end().lines().peekable();
    let mut first = true;
    while let Some(line) = lines.next() {
        let prompt = if first { format!("{who}=> ") } else { " ".repeat(who.chars().count() + 3) };
        let end = if lines.peek().is_none() { end } else { "" };
        writeln!(out, "    {DIM}{prompt}{DIM:#}{CODE}{}{end}{CODE:#}", line.trim_end())?;
        first = false;
    }
    Ok(())
}

fn missed(out: &mut dyn Write, spoken: &Spoken) -> io::Result<()> {
    let Spoken { who, summary, expected, .. } = spoken;
    writeln!(out, "{INDENT}{BAD}✗ {who}: {summary}{BAD:#} (expected: {expected})")
}

fn mark(held: bool) -> (anstyle::Style, &'static str) {
    if held { (GOOD, "✓") } else { (BAD, "✗") }
}

pub(super) fn good(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "{GOOD}✓ {text}{GOOD:#}")
}

pub(super) fn bad(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "{BAD}✗ {text}{BAD:#}")
}

/// Breaks a text between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.chars().count() + word.chars().count() >= width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
