//! The formats for machines: JSON's fields, and SARIF by the rules of its specification.

use crate::lab::Lab;
use serde_json::Value;
use std::collections::BTreeSet;
use tenantry_audit::{Report, Severity, format, known_rules};
use tenantry_schema::Suppression;
use tenantry_testkit::versions_for_tests;

async fn report() -> Report {
    let lab = Lab::new(versions_for_tests()[0]).await;
    lab.run("ALTER TABLE notes DISABLE ROW LEVEL SECURITY; GRANT TRUNCATE ON items TO app_user; CREATE TABLE loose (id bigint PRIMARY KEY, tenant_id bigint)").await;
    let (mut report, _) = lab.audit(&[]).await;
    let reason = "it is the operator's".to_owned();
    report.ignore(&[Suppression { rule: "grant-truncate".into(), place: "it*".into(), reason }]);
    report
}

#[tokio::test]
async fn what_is_accepted_is_told_as_such_and_does_not_count() {
    let report = report().await;
    let ignored: Vec<_> = report.findings.iter().filter(|finding| finding.ignored.is_some()).collect();
    assert_eq!(ignored.len(), 1);
    assert_eq!(ignored[0].ignored.as_ref().unwrap().reason, "it is the operator's");
    assert_eq!(report.totals().ignored, 1);
    assert!(report.counting(Severity::Note).all(|finding| finding.rule != "grant-truncate"));
    assert!(report.counting(Severity::Error).any(|finding| finding.rule == "row-security-off"));
}

#[tokio::test]
async fn json_has_what_is_documented() {
    let document = format::json(&report().await);
    assert_eq!(document["format"], "tenantry-audit/1");
    let finding = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["rule"] == "row-security-off" && finding["place"]["object"] == "notes")
        .unwrap();
    let keys: BTreeSet<&str> = finding.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        BTreeSet::from(["rule", "severity", "place", "message", "hint", "evidence", "fix", "ignored"])
    );
    assert_eq!(finding["place"]["schema"], "public");
    assert_eq!(finding["severity"], "error");
    assert!(finding["evidence"]["query"].as_str().unwrap().starts_with("SELECT relrowsecurity"));
    assert!(finding["fix"][0]["sql"].as_str().unwrap().contains("ENABLE ROW LEVEL SECURITY"));
    assert_eq!(finding["fix"][0]["lock"], "access-exclusive");
}

/// §3 of SARIF 2.1.0, as far as this program writes it: required properties, allowed values, indexes that fit.
#[tokio::test]
async fn sarif_keeps_to_the_rules_of_its_format() {
    let document = format::sarif(&report().await);
    assert_eq!(document["version"], "2.1.0");
    only(&document, &["$schema", "version", "runs"]);
    let run = &document["runs"][0];
    only(run, &["tool", "columnKind", "invocations", "results"]);
    let driver = &run["tool"]["driver"];
    only(driver, &["name", "semanticVersion", "rules"]);
    let rules = driver["rules"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for rule in rules {
        only(rule, &["id", "shortDescription", "fullDescription", "help"]);
        assert!(ids.insert(rule["id"].as_str().unwrap()), "rules are unique (§3.19.23)");
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
    }
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 3);
    for result in results {
        only(
            result,
            &[
                "ruleId",
                "ruleIndex",
                "level",
                "message",
                "locations",
                "partialFingerprints",
                "suppressions",
                "properties",
            ],
        );
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "§3.27.10");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty(), "§3.11.8");
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"], "§3.27.6");
        let location = &result["locations"][0]["logicalLocations"][0];
        only(location, &["name", "fullyQualifiedName", "kind"]);
        assert!(
            location["fullyQualifiedName"].as_str().unwrap().ends_with(location["name"].as_str().unwrap())
        );
        let fingerprint = result["partialFingerprints"]["place/v1"].as_str().unwrap();
        assert!(fingerprint.len() == 32 && fingerprint.chars().all(|c| c.is_ascii_hexdigit()));
        for suppression in result["suppressions"].as_array().into_iter().flatten() {
            only(suppression, &["kind", "justification"]);
            assert!(["inSource", "external"].contains(&suppression["kind"].as_str().unwrap()), "§3.35.2");
        }
    }
    let suppressed = results.iter().filter(|result| result.get("suppressions").is_some()).count();
    assert_eq!(suppressed, 1);
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
}

fn only(object: &Value, known: &[&str]) {
    for key in object.as_object().unwrap().keys() {
        assert!(known.contains(&key.as_str()), "{key} is not a property that was checked");
    }
}

#[test]
fn every_rule_is_documented() {
    for rule in tenantry_audit::registry() {
        assert!(
            !rule.docs.why.is_empty() && !rule.docs.before.is_empty() && !rule.docs.after.is_empty(),
            "{}",
            rule.id
        );
        assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.id);
        assert!(rule.about.ends_with('.'), "{}: {}", rule.id, rule.about);
    }
    let known = known_rules();
    for pair in known.windows(2) {
        assert!(pair[0].id < pair[1].id, "{} is there twice", pair[0].id);
    }
}

/// The documents name rules that exist.
#[test]
fn documents_name_rules_that_exist() {
    let known: BTreeSet<&str> = known_rules().iter().map(|rule| rule.id).collect();
    for (name, text) in [
        ("audit.md", include_str!("../../../../docs/audit.md")),
        ("checklists.md", include_str!("../../../../docs/checklists.md")),
    ] {
        let mut named = 0;
        for rule in text.split("rule:`").skip(1).filter_map(|rest| rest.split('`').next()) {
            assert!(known.contains(rule), "{name} names the rule {rule:?}, which does not exist");
            named += 1;
        }
        assert!(named > 0, "{name} names no rule");
    }
}
