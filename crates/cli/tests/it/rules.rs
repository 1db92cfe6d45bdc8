//! `tenantry rules`, and `[[ignore]]`: what is accepted is told as such, and an error can't be.

use crate::binary::Place;
use std::collections::BTreeSet;

#[test]
fn all_rules_are_listed_once_in_order() {
    let place = Place::new();
    let said = place.run(&["-q", "rules"]);
    assert_eq!(said.code, Some(0), "{said}");
    let listed: Vec<&str> =
        said.out.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let listed = &listed[..listed.len() - 1];
    assert!(listed.is_sorted(), "{said}");
    // Of the schema engine, of the auditor, and what compares several databases.
    for id in ["primary-key", "not-modelled", "row-security-off", "tenant-estimates", "schema-drift"] {
        assert!(listed.contains(&id), "{id}: {said}");
    }
    let said = place.run(&["-q", "--json", "rules"]);
    let json: Vec<serde_json::Value> = serde_json::from_str(&said.out).unwrap();
    let ids: Vec<&str> = json.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids, listed);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each has a name of its own");
    for rule in &json {
        assert!(
            !rule["about"].as_str().unwrap().is_empty() && !rule["docs"]["why"].as_str().unwrap().is_empty(),
            "{rule}"
        );
    }
}

#[test]
fn one_rule_is_shown_whole() {
    let place = Place::new();
    insta::assert_snapshot!("one_rule", place.run(&["-q", "rules", "soft-delete"]));
    let said = place.run(&["-q", "rules", "soft-delet"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said}");
    assert_eq!(said.err, "error: there is no rule \"soft-delet\"\nhint: did you mean \"soft-delete\"?\n");
    let said = place.run(&["-q", "rules", "nothing-like-it-at-all"]);
    assert_eq!(
        said.err,
        "error: there is no rule \"nothing-like-it-at-all\"\nhint: `tenantry rules` lists them\n"
    );
}

const SCHEMA: &str = "CREATE TABLE notes (id bigint PRIMARY KEY, email text UNIQUE, data jsonb);
CREATE INDEX notes_data ON notes USING gin (data);
CREATE RULE nothing AS ON DELETE TO notes DO INSTEAD NOTHING;
";

fn checked(ignore: &str) -> crate::binary::Said {
    let config = format!("[schema]\nfile = \"schema.sql\"\n{ignore}");
    Place::new().with("schema.sql", SCHEMA).with("tenantry.toml", &config).run(&["-q", "schema", "check"])
}

#[test]
fn what_is_accepted_is_told_with_its_reason_and_an_error_cannot_be() {
    let said = checked("");
    insta::assert_snapshot!("nothing_ignored", said);
    let entry = |rule: &str, place: &str, reason: &str| {
        format!("[[ignore]]\nrule = \"{rule}\"\nplace = \"{place}\"\nreason = \"{reason}\"\n")
    };
    let ignore = [
        entry("leakproof", "*", "few rows a tenant"),
        entry("rewrite-rule", "*", "we like it so"),
        entry("index", "nowhere", "left over"),
        entry("leakprof", "*", "mistyped"),
        entry("leakproof", "*", ""),
    ];
    insta::assert_snapshot!("ignored", checked(&ignore.concat()));
}
