//! The report for people: a line about each database, its findings, worst first, and the count.

use crate::print::{BAD, BOLD, CODE, DIM, Document, GOOD, HINT, WARN};
use anstyle::Style;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_audit::{Finding, Report, Severity};

#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Shown(pub(super) Report);

/// Findings of one rule beyond this many are counted; --format json has them all.
const TOLD: usize = 12;
const FACTS: usize = 300;

impl Document for Shown {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for summary in &self.0.audited {
            let origin = if summary.origin == "tenantry" { "made by Tenantry" } else { "made by hand" };
            let column = summary.tenant_column.as_deref().unwrap_or("none was found");
            let roles =
                if summary.roles.is_empty() { "none was found".to_owned() } else { summary.roles.join(", ") };
            writeln!(
                out,
                "{BOLD}{}{BOLD:#}: PostgreSQL {}, {origin}, {} tables, {} of them with tenants' rows",
                summary.database, summary.server, summary.tables, summary.tenant_tables
            )?;
            writeln!(
                out,
                "  {DIM}tenant column: {column}; the application's roles: {roles}; {} ms{DIM:#}",
                summary.milliseconds
            )?;
        }
        let mut told: Vec<(&str, usize)> = Vec::new();
        for finding in &self.0.findings {
            let count = if let Some((_, count)) = told.iter_mut().find(|(rule, _)| *rule == finding.rule) {
                *count += 1;
                *count
            } else {
                told.push((finding.rule, 1));
                1
            };
            if count <= TOLD {
                write_finding(out, finding)?;
            }
        }
        for (rule, count) in told.iter().filter(|(_, count)| *count > TOLD) {
            writeln!(out, "{DIM}… and {} more of {rule} (--format json has them all){DIM:#}", count - TOLD)?;
        }
        for skipped in &self.0.skipped {
            writeln!(
                out,
                "{WARN}not checked{WARN:#}[{}]: {}: {}",
                skipped.rule, skipped.database, skipped.reason
            )?;
        }
        totals(out, &self.0)
    }
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Note => BOLD,
    }
}

fn write_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let (severity, rule, place) = (finding.severity, finding.rule, finding.full_place());
    if let Some(ignored) = &finding.ignored {
        return writeln!(
            out,
            "{DIM}ignored[{rule}]: {place}: {} ({}){DIM:#}",
            finding.message, ignored.reason
        );
    }
    let style = style(severity);
    writeln!(out, "{style}{severity}{style:#}[{rule}]: {place}: {}", finding.message)?;
    if let Some(hint) = &finding.hint {
        writeln!(out, "  {HINT}hint{HINT:#}: {hint}")?;
    }
    if let Some(evidence) = finding.evidence.as_ref().filter(|evidence| !evidence.facts.is_empty()) {
        let facts = serde_json::to_string(&evidence.facts).unwrap_or_default();
        let short: String = facts.chars().take(FACTS).collect();
        let dots = if short.len() < facts.len() { "…" } else { "" };
        writeln!(out, "  {DIM}evidence: {short}{dots}{DIM:#}")?;
    }
    if let Some(fix) = finding.fix.first() {
        let more = if finding.fix.len() > 1 {
            format!(" (and {} more)", finding.fix.len() - 1)
        } else {
            String::new()
        };
        let line: String = fix.sql.lines().next().unwrap_or_default().chars().take(160).collect();
        writeln!(out, "  {CODE}fix{CODE:#}: {line}{more}")?;
    }
    Ok(())
}

fn totals(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let totals = report.totals();
    if totals.errors + totals.warnings + totals.notes == 0 {
        let ignored =
            if totals.ignored > 0 { format!(", {} are ignored", totals.ignored) } else { String::new() };
        return writeln!(out, "{GOOD}nothing to find{GOOD:#}{ignored}");
    }
    let ignored = if totals.ignored > 0 { format!(", {} ignored", totals.ignored) } else { String::new() };
    writeln!(
        out,
        "{} errors, {} warnings, {} notes{ignored}; tenantry audit --explain RULE says why a rule is there",
        totals.errors, totals.warnings, totals.notes
    )
}
