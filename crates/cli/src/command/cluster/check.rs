//! `tenantry cluster check`.

use crate::command::Session;
use crate::failure::Refusal;
use crate::print::{BAD, Document, GOOD, HINT, WARN};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::ErrorKind;
use tenantry_ops::cluster::{self, Finding, Severity};

pub(super) async fn run(session: &Session, name: &str) -> anyhow::Result<()> {
    let (_, control) = session.control().await?;
    let findings = cluster::check(&control, name).await?;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    session.printer().emit(&Checked::new(name, findings))?;
    if errors == 0 {
        return Ok(());
    }
    Err(Refusal {
        kind: ErrorKind::Conflict,
        message: format!("cluster {name:?} is not what it should be ({errors} of the findings are errors)"),
        hint: Some(format!("tenantry cluster add {name} puts right what can be put right")),
    }
    .into())
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
}

impl Document for Checked {
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
