//! The guided tour: a list of steps, each with its SQL and what must come back, played against a running demo.
//!
//! What is shown and checked stands in `steps`, as data; how it is played and printed stands beside it.

mod answer;
mod player;
mod script;
mod show;
mod steps;

use super::stage::Stage;
use crate::print::{Document, Format, Printer};
use player::Player;
use serde::Serialize;
use show::Show;
use std::io::{self, Write};

/// Plays every step. A failed expectation does not end the tour: it is marked, and counted.
pub(super) async fn play(printer: Printer, stage: &Stage) -> anyhow::Result<Report> {
    let mut show = Show::new(printer);
    let mut player = Player::new(stage);
    player.tidy().await?;
    let mut report = Report::default();
    for (index, step) in steps::all().enumerate() {
        show.step(index + 1, step)?;
        let mut played = StepReport { title: step.title, acts: Vec::new() };
        for act in step.acts {
            let performed = player.perform(act).await?;
            show.performed(&performed)?;
            played.acts.extend(performed.into_reports());
        }
        report.steps.push(played);
    }
    player.tidy().await?;
    if printer.format == Format::Text {
        report.write_text(&mut printer.out())?;
    }
    Ok(report)
}

/// What the tour found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    steps: Vec<StepReport>,
}

#[derive(Debug, Serialize)]
struct StepReport {
    title: &'static str,
    acts: Vec<ActReport>,
}

/// One statement, and whether what came back was what had to.
#[derive(Debug, Serialize)]
pub(super) struct ActReport {
    who: String,
    sql: String,
    answer: String,
    held: bool,
}

impl Report {
    /// Expectations that did not hold.
    pub(super) fn failed(&self) -> usize {
        self.acts().filter(|act| !act.held).count()
    }

    fn acts(&self) -> impl Iterator<Item = &ActReport> {
        self.steps.iter().flat_map(|step| &step.acts)
    }
}

impl Document for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let (all, failed) = (self.acts().count(), self.failed());
        writeln!(out)?;
        match failed {
            0 => show::good(out, &format!("all {all} expectations of {} steps held", self.steps.len())),
            _ => show::bad(out, &format!("{failed} of {all} expectations did not hold")),
        }
    }
}
