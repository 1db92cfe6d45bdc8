//! Drift: schemas that should be copies of each other, and are not. One fingerprint per schema first; only of those that
//! differ are the objects compared.

use crate::error::Doing;
use crate::finding::{Evidence, Finding, Place};
use crate::rule::Known;
use crate::{AuditError, Found, Home};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tenantry_core::TenancyModel;
use tenantry_schema::{Docs, Severity};
use tokio_postgres::Transaction;

const FINGERPRINTS: &str = include_str!("drift/fingerprints.sql");
const RULE: &str = "schema-drift";
/// How many objects of one schema are named.
const TOLD: usize = 10;
/// How many schemas of another shape get their objects compared.
const COMPARED: usize = 16;

/// One schema, as far as comparing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub database: String,
    pub schema: String,
    /// Copies of one group are compared with each other.
    pub group: String,
    pub fingerprint: String,
    pub(crate) tables: BTreeSet<String>,
    /// Fingerprints of its objects, of schemas that may have to be compared.
    pub(crate) objects: BTreeMap<String, String>,
}

/// The fingerprint of every schema that is audited.
pub(crate) async fn copies(tx: &Transaction<'_>, found: &Found) -> Result<Vec<Copy>, AuditError> {
    let names: Vec<&str> = found.spaces.iter().map(|space| space.name.as_str()).collect();
    let readers = found.readers();
    let mut copies = Vec::new();
    // Somebody else's only schema is a copy of nothing: a fingerprint of a thousand tables took seconds.
    if let (Home::ByHand, [only]) = (found.home, found.spaces.as_slice()) {
        copies.push(Copy {
            database: found.label.clone(),
            schema: only.name.clone(),
            group: String::new(),
            fingerprint: String::new(),
            tables: BTreeSet::new(),
            objects: BTreeMap::new(),
        });
        return Ok(copies);
    }
    for row in tx
        .query(FINGERPRINTS, &[&names, &false, &found.roles, &readers])
        .await
        .doing("comparing the schemas")?
    {
        let schema: String = row.get(0);
        let model = found
            .spaces
            .iter()
            .find(|space| space.name == schema)
            .map_or(TenancyModel::Shared, |space| space.model);
        let tables: Vec<String> = row.get(3);
        copies.push(Copy {
            database: found.label.clone(),
            group: if found.home == Home::ByHand { String::new() } else { model.to_string() },
            schema,
            fingerprint: row.get(1),
            tables: tables.into_iter().collect(),
            objects: BTreeMap::new(),
        });
    }
    if found.home == Home::ByHand {
        group_by_tables(&mut copies);
    }
    let examples = examples(&copies);
    if !examples.is_empty() {
        for row in tx
            .query(FINGERPRINTS, &[&examples, &true, &found.roles, &readers])
            .await
            .doing("comparing the schemas")?
        {
            let (schema, objects): (String, Option<String>) = (row.get(0), row.get(2));
            let objects = objects.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            copies
                .iter_mut()
                .filter(|copy| copy.schema == schema)
                .for_each(|copy| copy.objects = BTreeMap::clone(&objects));
        }
    }
    Ok(copies)
}

/// One schema of each shape, where a group has more than one shape; and one of each group, to compare over databases.
fn examples(copies: &[Copy]) -> Vec<String> {
    let mut shapes: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for copy in copies.iter().filter(|copy| !copy.group.is_empty()) {
        shapes.entry((&copy.group, &copy.fingerprint)).or_insert(&copy.schema);
    }
    shapes.into_values().take(COMPARED).map(ToOwned::to_owned).collect()
}

/// A database that keeps a schema per tenant shows it: several schemas have nearly the same tables.
fn group_by_tables(copies: &mut [Copy]) {
    let sets: Vec<BTreeSet<String>> = copies.iter().map(|copy| copy.tables.clone()).collect();
    let alike = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
        let common = a.intersection(b).count();
        common >= 2 && common * 10 >= a.union(b).count() * 6
    };
    for (at, copy) in copies.iter_mut().enumerate() {
        let first = sets.iter().position(|other| alike(other, &sets[at]));
        let several = sets.iter().filter(|other| alike(other, &sets[at])).count() > 1;
        if let (Some(first), true) = (first, several) {
            copy.group = format!("alike-{first}");
        }
    }
}

/// Compares the copies of each group, over all databases that were audited, with the shape that most of them have.
pub fn drift(copies: &[Copy]) -> Vec<Finding> {
    let mut groups: BTreeMap<&str, Vec<&Copy>> = BTreeMap::new();
    for copy in copies.iter().filter(|copy| !copy.group.is_empty()) {
        groups.entry(&copy.group).or_default().push(copy);
    }
    groups.into_values().flat_map(|group| within(&group)).collect()
}

fn within(group: &[&Copy]) -> Vec<Finding> {
    let mut shapes: BTreeMap<&str, Vec<&Copy>> = BTreeMap::new();
    for copy in group {
        shapes.entry(&copy.fingerprint).or_default().push(copy);
    }
    let Some(usual) = shapes.values().max_by_key(|copies| copies.len()).cloned() else { return Vec::new() };
    let reference = usual.iter().find(|copy| !copy.objects.is_empty()).copied();
    let others = shapes.into_values().filter(|copies| copies[0].fingerprint != usual[0].fingerprint);
    others.map(|copies| finding(&copies, usual[0], usual.len(), reference)).collect()
}

fn finding(copies: &[&Copy], usual: &Copy, usual_count: usize, reference: Option<&Copy>) -> Finding {
    let example = copies.iter().find(|copy| !copy.objects.is_empty()).unwrap_or(&copies[0]);
    let differences = reference.map(|reference| differences(reference, example)).unwrap_or_default();
    let mut names: Vec<String> =
        copies.iter().map(|copy| format!("{}/{}", copy.database, copy.schema)).collect();
    let count = names.len();
    names.truncate(TOLD);
    let place = Place {
        database: example.database.clone(),
        schema: Some(example.schema.clone()),
        object: format!("schema {}", example.schema),
    };
    let what = if differences.is_empty() { String::new() } else { format!(": {}", told(&differences)) };
    let message = if count == 1 {
        format!(
            "it differs from {}/{} and {} more of its kind{what}",
            usual.database,
            usual.schema,
            usual_count - 1
        )
    } else {
        format!(
            "it and {} more differ from {}/{} and {} more of their kind{what}",
            count - 1,
            usual.database,
            usual.schema,
            usual_count - 1
        )
    };
    let mut finding = Finding::new(RULE, Severity::Warning, place, message);
    finding.hint =
        Some("bring them to one version; what should differ does not belong into the tenants' schema".into());
    let facts = json!({ "schemas": names, "count": count, "differences": differences });
    if let Value::Object(facts) = facts {
        finding.evidence = Some(Evidence { query: None, facts });
    }
    finding
}

fn differences(usual: &Copy, other: &Copy) -> Vec<String> {
    let missing = usual
        .objects
        .keys()
        .filter(|name| !other.objects.contains_key(*name))
        .map(|name| format!("no {name}"));
    let more = other
        .objects
        .keys()
        .filter(|name| !usual.objects.contains_key(*name))
        .map(|name| format!("{name} is more"));
    let changed = usual
        .objects
        .iter()
        .filter(|(name, hash)| other.objects.get(*name).is_some_and(|other| other != *hash));
    let mut all: Vec<String> =
        missing.chain(more).chain(changed.map(|(name, _)| format!("another {name}"))).collect();
    all.truncate(TOLD * 5);
    all
}

fn told(differences: &[String]) -> String {
    let shown: Vec<&str> = differences.iter().take(3).map(String::as_str).collect();
    match differences.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        rest => format!("{} and {rest} more", shown.join(", ")),
    }
}

/// Its documentation, as the registries have it for the others.
pub(crate) fn known() -> Known {
    Known {
        id: RULE,
        about: "Schemas and databases that should be copies of each other have the same tables, columns, constraints, \
                indexes, policies, triggers, views, functions and grants.",
        docs: Docs {
            why: "A migration that stopped in the middle leaves some tenants on another version, and nobody knows which. \
                  Code that was tested against one shape meets another; what was repaired by hand in one schema is \
                  missing in the next.",
            before: "CREATE SCHEMA t_1; CREATE TABLE t_1.notes (id bigint PRIMARY KEY, body text); CREATE TABLE t_1.tags (id bigint);\n\
                     CREATE SCHEMA t_2; CREATE TABLE t_2.notes (id bigint PRIMARY KEY); CREATE TABLE t_2.tags (id bigint);",
            after: "CREATE SCHEMA t_1; CREATE TABLE t_1.notes (id bigint PRIMARY KEY, body text); CREATE TABLE t_1.tags (id bigint);\n\
                    CREATE SCHEMA t_2; CREATE TABLE t_2.notes (id bigint PRIMARY KEY, body text); CREATE TABLE t_2.tags (id bigint);",
            ignore: "While a fleet is being migrated in waves.",
        },
        severity: Some(Severity::Warning),
        query: Some(FINGERPRINTS.to_owned()),
    }
}
