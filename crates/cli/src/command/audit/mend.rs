//! `tenantry audit --fix`: prints the statements that mend what was found, and with --apply runs them.

use super::AuditArgs;
use super::target::Target;
use crate::command::Session;
use crate::print::{BAD, Document, GOOD, confirm};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_audit::fix::{self, Applied};
use tenantry_audit::{Fix, Report};

#[derive(Debug, Args)]
pub(super) struct MendArgs {
    /// Print the statements that mend what was found, in a safe order, with the lock that each takes
    #[arg(long)]
    pub(super) fix: bool,
    /// Run them: each group in a transaction, waiting for no lock longer than three seconds; then audit again
    #[arg(long, requires = "fix")]
    apply: bool,
    /// Do not ask
    #[arg(long, requires = "apply")]
    yes: bool,
}

/// Whether anything was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mended {
    Nothing,
    Something,
}

pub(super) async fn run(
    session: &Session,
    args: &AuditArgs,
    targets: &[Target],
    report: &Report,
) -> anyhow::Result<Mended> {
    let plans: Vec<Plan> = targets.iter().map(|target| Plan::new(report, target)).collect();
    let statements: usize = plans.iter().map(|plan| plan.fixes.len()).sum();
    if !args.mend.apply || statements == 0 {
        session.printer().emit(&Plans { plans, without: unmended(report) })?;
        return Ok(Mended::Nothing);
    }
    if !args.mend.yes {
        let names: Vec<&str> = targets.iter().map(|target| target.ask.label.as_str()).collect();
        confirm(
            session.printer(),
            &format!("this runs {statements} statements in {}", names.join(", ")),
            "fix",
        )?;
    }
    for target in targets {
        let plan = fix::plan(report, &target.ask.label);
        if plan.is_empty() {
            continue;
        }
        let mut client = tenantry_audit::connect(&target.access).await?;
        for applied in fix::apply(&mut client, &plan).await? {
            tell(session, &target.ask.label, &applied);
        }
    }
    Ok(Mended::Something)
}

fn tell(session: &Session, database: &str, applied: &Applied) {
    let what = applied.statements.join("; ");
    match &applied.error {
        None => session.printer().note(&format!("{GOOD}done{GOOD:#} {database}: {what}")),
        Some(error) => session.printer().warn(&format!("{BAD}not done{BAD:#} {database}: {what}: {error}")),
    }
}

/// Findings that only a person can mend.
fn unmended(report: &Report) -> usize {
    report.findings.iter().filter(|finding| finding.ignored.is_none() && finding.fix.is_empty()).count()
}

#[derive(Debug, Serialize)]
struct Plans {
    plans: Vec<Plan>,
    /// Findings without statements.
    without: usize,
}

#[derive(Debug, Serialize)]
struct Plan {
    database: String,
    fixes: Vec<Fix>,
    #[serde(skip)]
    script: String,
}

impl Plan {
    fn new(report: &Report, target: &Target) -> Self {
        let plan = fix::plan(report, &target.ask.label);
        Self {
            database: target.ask.label.clone(),
            script: fix::script(&plan),
            fixes: plan.into_iter().cloned().collect(),
        }
    }
}

impl Document for Plans {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for plan in self.plans.iter().filter(|plan| !plan.fixes.is_empty()) {
            writeln!(out, "-- {}: {} statements\n{}", plan.database, plan.fixes.len(), plan.script)?;
        }
        if self.plans.iter().all(|plan| plan.fixes.is_empty()) {
            writeln!(out, "-- nothing that a statement could mend")?;
        }
        if self.without > 0 {
            writeln!(out, "-- {} findings need a person: see them without --fix", self.without)?;
        }
        Ok(())
    }
}
