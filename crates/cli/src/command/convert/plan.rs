//! `tenantry convert plan`: the dry run.

use super::RequestArgs;
use crate::command::Session;
use crate::print::{BAD, Document, WARN, grid};
use crate::wiring;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;
use tenantry_ops::convert::{self, Estimate, Until, Weight};

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Print every statement whole
    #[arg(long, help_heading = "Options")]
    sql: bool,
}

pub(super) async fn run(session: &Session, args: PlanArgs) -> anyhow::Result<()> {
    let config = session.config()?;
    let request = args.request.request(&config, Until::Enforce)?;
    let control = wiring::control(&config).await?;
    let estimate = convert::plan(&control, &request).await?;
    session.printer().emit(&Planned { estimate, whole: args.sql })
}

#[derive(Debug, Serialize)]
struct Planned {
    #[serde(flatten)]
    estimate: Estimate,
    #[serde(skip)]
    whole: bool,
}

impl Document for Planned {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for check in &self.estimate.checks {
            let (style, word) = match check.weight {
                Weight::Stop => (BAD, "in the way"),
                Weight::Warning => (WARN, "look at"),
                Weight::Note => (crate::print::DIM, "note"),
            };
            writeln!(out, "{style}{word}{style:#}: {} ({})", check.message, check.hint)?;
        }
        for note in &self.estimate.notes {
            writeln!(out, "{WARN}look at{WARN:#}: {note}")?;
        }
        let mut table = grid(["PHASE", "LOCK", "EFFORT", "ABOUT", "STATEMENT"]);
        table.right(3);
        for step in &self.estimate.steps {
            let (lock, effort) = (word(&step.lock), word(&step.effort));
            let sql = if self.whole { step.sql.clone() } else { short(&step.sql) };
            table.row([step.phase, &lock, &effort, &about(step.seconds), &sql]);
        }
        table.write(out)?;
        writeln!(out)?;
        writeln!(
            out,
            "{} steps, about {} in all (tables are read at {:.0} MB/s here); {}",
            self.estimate.steps.len(),
            about(self.estimate.seconds),
            self.estimate.read_mb_per_second,
            match self.estimate.blocking {
                0 => "none keeps the application out for longer than a moment".to_owned(),
                count => format!(
                    "{count} keep the application out of a table for as long as they take (--allow-blocking)"
                ),
            }
        )
    }
}

/// The word in documents: `access-exclusive`.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

fn short(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 90 { line.chars().take(89).chain(['…']).collect() } else { line }
}

/// A time as people say it.
pub(super) fn about(seconds: f64) -> String {
    let duration = Duration::from_secs_f64(seconds.max(0.0));
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis().max(1)),
        1..=119 => format!("{} s", duration.as_secs()),
        120..=7_199 => format!("{} min", duration.as_secs() / 60),
        hours => format!("{} h", hours / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_do() {
        assert_eq!(about(0.004), "4 ms");
        assert_eq!(about(0.0), "1 ms");
        assert_eq!(about(61.0), "61 s");
        assert_eq!(about(600.0), "10 min");
        assert_eq!(about(10_000.0), "2 h");
    }
}
