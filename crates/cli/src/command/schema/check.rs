//! `tenantry schema check`.

use super::source::SourceArgs;
use crate::command::{Session, rules};
use crate::failure::Refusal;
use crate::print::{BAD, BOLD, DIM, Document, HINT, WARN, grid};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::ErrorKind;
use tenantry_schema::{Finding, Ignored, Kind, Origin, Report, Severity, check_beside};

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    source: SourceArgs,
}

pub(super) async fn run(session: &Session, args: CheckArgs) -> anyhow::Result<()> {
    let config = args.source.config(session)?;
    let plain = args.source.load(session, &config).await?;
    let rules = rules::all();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    let report = check_beside(&plain.model, &plain.declaration, &ids);
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    session.printer().emit(&Checked(report))?;
    if errors == 0 {
        return Ok(());
    }
    Err(Refusal {
        kind: ErrorKind::InvalidInput,
        message: format!("the schema can't be compiled as it is ({errors} of the findings are errors)"),
        hint: None,
    }
    .into())
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Checked(Report);

impl Document for Checked {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = grid(["TABLE", "KIND", "BECAUSE"]);
        for found in &self.0.tables {
            let because = match found.origin {
                Origin::Declared => "[tables] says so",
                Origin::Parent => "its parent is",
                Origin::Default => "nothing names it",
            };
            table.row([found.table.as_str(), found.kind.map_or("not classified", Kind::as_str), because]);
        }
        table.write(out)?;
        let changes: Vec<&Finding> = self.0.changes().collect();
        if !changes.is_empty() {
            writeln!(out, "\n{BOLD}What changes in shared tables, without your doing{BOLD:#}")?;
            for finding in changes {
                writeln!(out, "  {}: {} {DIM}[{}]{DIM:#}", finding.place, finding.message, finding.rule)?;
            }
        }
        let people: Vec<&Finding> = self.0.for_people().collect();
        if !people.is_empty() {
            writeln!(out, "\n{BOLD}What you should look at{BOLD:#}")?;
        }
        people.into_iter().try_for_each(|finding| write_finding(out, finding))?;
        if !self.0.ignored.is_empty() {
            writeln!(out, "\n{BOLD}What [[ignore]] accepts{BOLD:#}")?;
        }
        self.0.ignored.iter().try_for_each(|ignored| write_ignored(out, ignored))
    }
}

fn write_ignored(out: &mut dyn Write, ignored: &Ignored) -> io::Result<()> {
    let Finding { severity, rule, place, message, .. } = &ignored.finding;
    writeln!(out, "  {DIM}{severity}[{rule}]: {place}: {message}{DIM:#}")?;
    writeln!(out, "    {HINT}because{HINT:#}: {}", ignored.reason)
}

fn write_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let style = match finding.severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Note => BOLD,
    };
    let (severity, rule) = (finding.severity, finding.rule);
    writeln!(out, "  {style}{severity}{style:#}[{rule}]: {}: {}", finding.place, finding.message)?;
    match &finding.hint {
        Some(hint) => writeln!(out, "    {HINT}hint{HINT:#}: {hint}"),
        None => Ok(()),
    }
}
