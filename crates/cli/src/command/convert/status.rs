//! `tenantry convert status`.

use super::Place;
use crate::command::Session;
use crate::print::{Document, grid};
use crate::wiring;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_ops::convert::{self, Status};

pub(super) async fn run(session: &Session, place: Place) -> anyhow::Result<()> {
    let config = session.config()?;
    let control = wiring::control(&config).await?;
    let status = convert::status(&control, &place.cluster, &place.database()?).await?;
    session.printer().emit(&Shown { status })
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    status: Status,
}

impl Document for Shown {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(phase) = self.status.phase else {
            return writeln!(out, "no conversion was begun here: tenantry convert plan");
        };
        writeln!(out, "last phase that has ended: {phase}")?;
        if !self.status.backfills.is_empty() {
            let mut table = grid(["BACKFILL", "ROWS", "DONE"]);
            table.right(1);
            for filled in &self.status.backfills {
                let part =
                    if filled.done { "yes".to_owned() } else { format!("{:.0} %", filled.part * 100.0) };
                table.row([filled.table.as_str(), &filled.rows.to_string(), &part]);
            }
            table.write(out)?;
        }
        if let Some(step) = self.status.steps.iter().find(|step| !step.done) {
            let line = step.sql.split_whitespace().collect::<Vec<_>>().join(" ");
            writeln!(out, "under way, or interrupted: {} (attempt {}): {line}", step.place, step.attempts)?;
        }
        if self.status.violations == 0 {
            return writeln!(out, "nothing was seen that would be refused");
        }
        writeln!(
            out,
            "{} accesses would have been refused; those of the first ten thousand:",
            self.status.violations
        )?;
        let mut table = grid(["TABLE", "ACCESS", "INSIDE", "LOGIN", "APPLICATION", "TIMES", "STATEMENT"]);
        table.right(5);
        for seen in &self.status.examples {
            let inside = seen.context.as_deref().unwrap_or("nobody");
            let statement: String = seen.statement.split_whitespace().collect::<Vec<_>>().join(" ");
            let statement: String = statement.chars().take(60).collect();
            let times = seen.count.to_string();
            table.row([
                seen.table.as_str(),
                &seen.access,
                inside,
                &seen.login,
                &seen.application,
                &times,
                &statement,
            ]);
        }
        table.write(out)
    }
}
