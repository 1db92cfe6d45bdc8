//! SARIF 2.1.0: what code-scanning services read. A database object has no file and line, so every place is a logical
//! location (§3.33), named by its path: database, schema, object.

use crate::finding::{Finding, Place, Report};
use crate::rule::{Known, known_rules};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use tenantry_schema::Severity;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The report as one SARIF run.
pub fn sarif(report: &Report) -> Value {
    let used: BTreeSet<&str> = report.findings.iter().map(|finding| finding.rule).collect();
    let rules: Vec<Known> = known_rules().into_iter().filter(|rule| used.contains(rule.id)).collect();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, &ids)).collect();
    let skipped: Vec<Value> = report.skipped.iter().map(|skipped| json!({
        "level": "warning",
        "message": { "text": format!("{}: the rule {} was not checked: {}", skipped.database, skipped.rule, skipped.reason) },
    })).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tenantry audit",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(descriptor).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": skipped }],
            "results": results,
        }],
    })
}

fn descriptor(rule: &Known) -> Value {
    let mut text = rule.docs.why.to_owned();
    if text.is_empty() {
        rule.about.clone_into(&mut text);
    }
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.about },
        "fullDescription": { "text": text },
        "help": { "text": text, "markdown": markdown(rule) },
    })
}

fn markdown(rule: &Known) -> String {
    let mut out = format!("{}\n\n{}\n", rule.about, rule.docs.why);
    for (head, sql) in [("Found", rule.docs.before), ("Not found", rule.docs.after)] {
        if !sql.is_empty() {
            // Writing to a String can't fail.
            let _infallible = write!(out, "\n{head}:\n\n```sql\n{sql}\n```\n");
        }
    }
    if !rule.docs.ignore.is_empty() {
        let _infallible = writeln!(out, "\nWhen to ignore it: {}", rule.docs.ignore);
    }
    out
}

fn result(finding: &Finding, rules: &[&str]) -> Value {
    let mut text = finding.message.clone();
    if let Some(hint) = &finding.hint {
        text.push_str(". Hint: ");
        text.push_str(hint);
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{ "logicalLocations": [logical(&finding.place)] }],
        "partialFingerprints": { "place/v1": fingerprint(finding) },
    });
    if let Some(index) = rules.iter().position(|rule| *rule == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(ignored) = &finding.ignored {
        result["suppressions"] = json!([{ "kind": "external", "justification": ignored.reason }]);
    }
    if let Some(evidence) = &finding.evidence {
        result["properties"] = json!({ "facts": evidence.facts });
    }
    if !finding.fix.is_empty() {
        let statements: Vec<&str> = finding.fix.iter().map(|fix| fix.sql.as_str()).collect();
        result["properties"]["fix"] = json!(statements);
    }
    result
}

fn logical(place: &Place) -> Value {
    let mut path = vec![place.database.as_str()];
    path.extend(place.schema.as_deref());
    path.push(&place.object);
    json!({ "name": place.object, "fullyQualifiedName": path.join("/"), "kind": kind(&place.object) })
}

/// What kind of thing the place is, by the word before its name.
fn kind(object: &str) -> &'static str {
    const KINDS: [&str; 12] = [
        "role",
        "policy",
        "function",
        "view",
        "index",
        "schema",
        "sequence",
        "database",
        "extension",
        "publication",
        "setting",
        "server",
    ];
    let word = object.split(' ').next().unwrap_or_default();
    KINDS.into_iter().find(|kind| *kind == word).unwrap_or(if object.contains(" on ") {
        "constraint"
    } else {
        "table"
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Stays the same while the finding does, whatever is found besides it.
fn fingerprint(finding: &Finding) -> String {
    let whole = format!(
        "{}\0{}\0{:?}\0{}",
        finding.rule, finding.place.database, finding.place.schema, finding.place.object
    );
    let mut out = String::with_capacity(32);
    for byte in Sha256::digest(whole.as_bytes()).iter().take(16) {
        let _infallible = write!(out, "{byte:02x}");
    }
    out
}
