//! What an audit says: findings with their places, evidence and fixes, and the report that holds them.
//!
//! The names and shapes here are the JSON format, which is documented and stable.

use crate::Fix;
use serde::Serialize;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::time::Duration;
use tenantry_schema::{Severity, Suppression};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, kebab-case.
    pub rule: &'static str,
    pub severity: Severity,
    pub place: Place,
    /// Lower case, no full stop.
    pub message: String,
    pub hint: Option<String>,
    pub evidence: Option<Evidence>,
    /// The statements that mend it, in order; empty where a person has to decide.
    pub fix: Vec<Fix>,
    /// It was looked at and accepted.
    pub ignored: Option<Ignored>,
}

/// Where: a database, a schema of it if it is in one, and the object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// As the audit calls it: `cluster/database` or `database`.
    pub database: String,
    pub schema: Option<String>,
    /// `notes`, `policy p on notes`, `role app`.
    pub object: String,
}

/// What proves a finding: keys, names and counts, never a tenant's data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Run it to see the facts again. Empty where the rule's own query (`--explain`) is the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    pub facts: Map<String, Value>,
}

/// Why a finding is not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// As `[[ignore]]` says.
    pub reason: String,
}

/// A rule that could not be checked, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    pub rule: &'static str,
    pub database: String,
    pub reason: String,
}

/// What was audited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub database: String,
    pub server: String,
    /// `tenantry` or `by-hand`.
    pub origin: String,
    pub schemas: Vec<String>,
    pub tables: usize,
    pub tenant_tables: usize,
    /// The roles that are taken for the application's.
    pub roles: Vec<String>,
    pub tenant_column: Option<String>,
    pub milliseconds: u64,
}

/// Everything that one audit says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub audited: Vec<Summary>,
    /// Worst first.
    pub findings: Vec<Finding>,
    pub skipped: Vec<Skipped>,
    /// How long looking around, each rule's query, and the schema engine took. Not part of any format.
    #[serde(skip)]
    pub timings: Vec<(&'static str, Duration)>,
}

/// Findings that are not ignored, by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub errors: usize,
    pub warnings: usize,
    pub notes: usize,
    pub ignored: usize,
}

impl Finding {
    pub(crate) fn new(
        rule: &'static str,
        severity: Severity,
        place: Place,
        message: impl Into<String>,
    ) -> Self {
        let message = message.into();
        Self { rule, severity, place, message, hint: None, evidence: None, fix: Vec::new(), ignored: None }
    }

    /// How the place is called on one line.
    pub fn full_place(&self) -> String {
        match &self.place.schema {
            Some(schema) => format!("{}/{schema}: {}", self.place.database, self.place.object),
            None => format!("{}: {}", self.place.database, self.place.object),
        }
    }
}

impl Report {
    /// Puts the worst first, in a stable order.
    pub fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            (a.ignored.is_some(), a.severity, &a.place, a.rule, &a.message).cmp(&(
                b.ignored.is_some(),
                b.severity,
                &b.place,
                b.rule,
                &b.message,
            ))
        });
        self.skipped.sort_by(|a, b| (&a.database, a.rule).cmp(&(&b.database, b.rule)));
        self.skipped.dedup();
    }

    /// Adds another database's report.
    pub fn merge(&mut self, other: Self) {
        self.audited.extend(other.audited);
        self.findings.extend(other.findings);
        self.skipped.extend(other.skipped);
        self.timings.extend(other.timings);
        self.sort();
    }

    /// Marks what the declaration accepts. An entry without a reason accepts nothing.
    pub fn ignore(&mut self, suppressions: &[Suppression]) {
        for finding in &mut self.findings {
            let accepted = suppressions.iter().find(|suppression| {
                let places = [
                    finding.place.object.clone(),
                    finding
                        .place
                        .schema
                        .as_ref()
                        .map_or_else(String::new, |schema| format!("{schema}.{}", finding.place.object)),
                    finding.full_place(),
                ];
                !suppression.reason.trim().is_empty()
                    && places.iter().any(|place| suppression.matches(finding.rule, place))
            });
            finding.ignored = accepted.map(|found| Ignored { reason: found.reason.clone() });
        }
        self.sort();
    }

    /// Findings that count: of this severity or worse, and not ignored.
    pub fn counting(&self, least: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.ignored.is_none() && finding.severity <= least)
    }

    /// Leaves out what is milder.
    pub fn keep(&mut self, least: Severity) {
        self.findings.retain(|finding| finding.severity <= least);
    }

    /// How many of each.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for finding in &self.findings {
            match (finding.ignored.is_some(), finding.severity) {
                (true, _) => totals.ignored += 1,
                (false, Severity::Error) => totals.errors += 1,
                (false, Severity::Warning) => totals.warnings += 1,
                (false, Severity::Note) => totals.notes += 1,
            }
        }
        totals
    }

    /// Rules with findings that count, the most frequent first.
    pub fn by_rule(&self) -> Vec<(&'static str, usize)> {
        let mut counts: Vec<(&'static str, usize)> = Vec::new();
        for finding in self.findings.iter().filter(|finding| finding.ignored.is_none()) {
            match counts.iter_mut().find(|(rule, _)| *rule == finding.rule) {
                Some((_, count)) => *count += 1,
                None => counts.push((finding.rule, 1)),
            }
        }
        counts.sort_by_key(|(rule, count)| (Reverse(*count), *rule));
        counts
    }
}
