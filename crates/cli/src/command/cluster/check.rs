//! `tenantry cluster check`.

use crate::command::Session;
use crate::failure::Refusal;
use crate::print::{BAD, Document, GOOD, HINT, WARN};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::ErrorKind;
use tenantry_ops::cluster::{self, Finding, Severity};

pub(super) async fn run(session: &Session, name: Option<String>) -> anyhow::Result<()> {
    let (_, control) = session.control().await?;
    let names = match name {
        Some(name) => vec![name],
        None => cluster::list(&control).await?.into_iter().map(|cluster| cluster.name).collect(),
    };
    let mut clusters = Vec::with_capacity(names.len());
    for name in &names {
        clusters.push(Checked::new(name, cluster::check(&control, name).await?));
    }
    let wrong: Vec<_> =
        clusters.iter().filter(|checked| checked.has_errors()).map(|c| c.cluster.clone()).collect();
    session.printer().emit(&AllChecked { clusters })?;
    let Some(first) = wrong.first() else { return Ok(()) };
    Err(Refusal {
        kind: ErrorKind::Conflict,
        message: format!("not what it should be: cluster {}", wrong.join(", ")),
        hint: Some(format!("tenantry cluster add {first} puts right what can be put right")),
    }
    .into())
}

#[derive(Debug, Serialize)]
struct AllChecked {
    clusters: Vec<Checked>,
}

impl Document for AllChecked {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.clusters.is_empty() {
            return writeln!(out, "no clusters yet: tenantry cluster add NAME");
        }
        self.clusters.iter().try_for_each(|checked| checked.write_text(out))
    }
}

#[derive(Debug, Serialize)]
struct Checked {
    cluster: String,
    findings: Vec<FindingDocument>,
}

#[derive(Debug, Serialize)]
struct FindingDocument {
    rule: &'static str,
    severity: &'static str,
    place: String,
    message: String,
    hint: Option<String>,
}

impl Checked {
    fn new(cluster: &str, findings: Vec<Finding>) -> Self {
        let findings = findings.into_iter().map(|finding| FindingDocument {
            rule: finding.rule,
            severity: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Notice => "notice",
            },
            place: finding.place,
            message: finding.message,
            hint: finding.hint,
        });
        Self { cluster: cluster.to_owned(), findings: findings.collect() }
    }

    fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == "error")
    }
}

impl Checked {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.findings.is_empty() {
            return writeln!(out, "{GOOD}cluster {} is as it should be{GOOD:#}", self.cluster);
        }
        for finding in &self.findings {
            let style = if finding.severity == "error" { BAD } else { WARN };
            writeln!(
                out,
                "{style}{}{style:#}[{}]: {}: {}",
                finding.severity, finding.rule, finding.place, finding.message
            )?;
            if let Some(hint) = &finding.hint {
                writeln!(out, "  {HINT}hint{HINT:#}: {hint}")?;
            }
        }
        Ok(())
    }
}
