//! `check`: runs the rules over a model and reports what they found. It changes nothing.

use crate::declaration::{Declaration, Kind};
use crate::model::Model;
use crate::rules;
use serde::Serialize;
use std::fmt;
use tenantry_core::TenancyModel;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Compiling is refused.
    Error,
    /// It compiles; a person should look.
    Warning,
    /// Worth knowing.
    Note,
}

/// Who makes a finding go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Remedy {
    /// `compile` does it.
    Compile,
    /// A person: in the schema or in the declaration.
    Person,
}

/// What a rule has to say about one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id, such as `foreign-key`.
    pub rule: &'static str,
    pub severity: Severity,
    /// Where: `table`, `table.column`, `constraint on table`, `[unique] "a.b"`.
    pub place: String,
    /// Lower case, no full stop.
    pub message: String,
    pub hint: Option<String>,
    pub remedy: Remedy,
    /// The models that are concerned.
    pub models: Vec<TenancyModel>,
}

/// Why a table has its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// `[tables]` names it.
    Declared,
    /// It is a partition: it follows its parent.
    Parent,
    /// Nothing names it.
    Default,
}

/// A table's kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Classified {
    pub table: String,
    /// `None` where the declaration refuses unnamed tables and does not name this one.
    pub kind: Option<Kind>,
    pub origin: Origin,
}

/// What the rules say about a schema, in a stable order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub tables: Vec<Classified>,
    pub findings: Vec<Finding>,
}

/// Classifies every table and runs every rule, for every model.
pub fn check(model: &Model, declaration: &Declaration) -> Report {
    let mut findings: Vec<Finding> = Vec::new();
    for tenancy in TenancyModel::ALL {
        for finding in rules::preview(model, declaration, tenancy) {
            merge(&mut findings, finding, tenancy);
        }
    }
    findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    Report { tables: rules::classify(model, declaration), findings }
}

/// One finding that concerns several models is reported once.
fn merge(findings: &mut Vec<Finding>, finding: Finding, tenancy: TenancyModel) {
    let same = |known: &&mut Finding| {
        (known.rule, known.severity, &known.place, &known.message)
            == (finding.rule, finding.severity, &finding.place, &finding.message)
    };
    match findings.iter_mut().find(same) {
        Some(known) if known.models.contains(&tenancy) => {}
        Some(known) => known.models.push(tenancy),
        None => findings.push(finding),
    }
}

fn sort_key(finding: &Finding) -> (Severity, Remedy, &str, &str, &str) {
    (finding.severity, finding.remedy, &finding.place, finding.rule, &finding.message)
}

impl Report {
    /// What makes `compile` refuse this model.
    pub fn errors(&self, model: TenancyModel) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.severity == Severity::Error && finding.models.contains(&model))
    }

    /// What a person should look at: everything except what `compile` does by itself.
    pub fn for_people(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.remedy == Remedy::Person)
    }

    /// What `compile` changes to make the plain schema a shared one.
    pub fn changes(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.remedy == Remedy::Compile)
    }

    /// Whether every model compiles.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

impl Severity {
    /// The word in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}: {}", self.severity, self.rule, self.place, self.message)
    }
}
