//! `check`: runs the rules over a model and reports what they found. It changes nothing.

use crate::declaration::{Declaration, Kind};
use crate::model::Model;
use crate::rules;
use crate::suppression::{Suppressions, own_ids};
use serde::Serialize;
use std::collections::HashMap;
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
    /// Findings that `[[ignore]]` accepts.
    pub ignored: Vec<Ignored>,
}

/// A finding that a person has looked at and accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    #[serde(flatten)]
    pub finding: Finding,
    pub reason: String,
}

/// Classifies every table and runs every rule, for every model.
pub fn check(model: &Model, declaration: &Declaration) -> Report {
    check_beside(model, declaration, &[])
}

/// The same, where other rules exist besides those of this crate: a suppression may name them.
pub fn check_beside(model: &Model, declaration: &Declaration, others: &[&str]) -> Report {
    let mut suppressions = Suppressions::new(declaration);
    let (mut findings, mut ignored) = (Vec::new(), Vec::new());
    for mut finding in all(model, declaration) {
        match suppressions.reason(finding.rule, &finding.place) {
            Some(_) if finding.severity == Severity::Error => {
                let hint = finding.hint.take().unwrap_or_default();
                finding.hint = Some(format!("{hint}; [[ignore]] names it, but an error can't be ignored"));
                findings.push(finding);
            }
            Some(reason) => ignored.push(Ignored { finding, reason: reason.to_owned() }),
            None => findings.push(finding),
        }
    }
    findings.extend(suppressions.problems(&own_ids(), others));
    findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    ignored.sort_by(|a, b| sort_key(&a.finding).cmp(&sort_key(&b.finding)));
    Report { tables: rules::classify(model, declaration), findings, ignored }
}

/// Every rule's findings for every model. One that concerns several models is there once.
fn all(model: &Model, declaration: &Declaration) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut known: HashMap<(&'static str, Severity, String, String), usize> = HashMap::new();
    for tenancy in TenancyModel::ALL {
        for finding in rules::preview(model, declaration, tenancy) {
            let key = (finding.rule, finding.severity, finding.place.clone(), finding.message.clone());
            match known.get(&key) {
                Some(at) if findings[*at].models.contains(&tenancy) => {}
                Some(at) => findings[*at].models.push(tenancy),
                None => {
                    known.insert(key, findings.len());
                    findings.push(finding);
                }
            }
        }
    }
    findings
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
