//! The introspection queries by themselves.

use crate::harness::{Lab, ident};
use crate::sample::SAMPLE;
use std::collections::BTreeSet;
use tenantry_core::ErrorKind;
use tenantry_schema::{SchemaError, introspection, introspection_settings, read};
use tenantry_testkit::versions_for_tests;

#[tokio::test]
async fn every_query_prepares_without_parameters_and_returns_one_text() {
    for version in versions_for_tests() {
        let lab = Lab::new(version).await;
        for query in introspection() {
            let statement = lab.client.prepare(query.sql).await;
            let statement = statement.unwrap_or_else(|error| panic!("{}: {error:?}", query.name));
            assert!(statement.params().is_empty(), "{}", query.name);
            let types: Vec<&str> = statement.columns().iter().map(|column| column.type_().name()).collect();
            assert_eq!(types, ["text"], "{}", query.name);
        }
    }
}

#[test]
fn every_file_is_a_query_and_names_are_unique() {
    let names: BTreeSet<String> = introspection().iter().map(|query| query.name.to_owned()).collect();
    assert_eq!(names.len(), introspection().len());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/introspect");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|stem| stem != "settings")
        .collect();
    assert_eq!(names, files);
}

/// Partition bounds and defaults are constants that the server prints by its settings.
#[tokio::test]
async fn the_servers_settings_dont_show_in_the_facts() {
    let lab = Lab::with(15, SAMPLE).await;
    let usual = lab.facts(&ident("public")).await;
    let odd = "SET TimeZone TO 'Asia/Tokyo'; SET DateStyle TO 'SQL, DMY'; SET IntervalStyle TO 'iso_8601';
               SET quote_all_identifiers TO on; SET bytea_output TO 'escape'; SET extra_float_digits TO -5";
    lab.client.batch_execute(odd).await.unwrap();
    assert_eq!(lab.facts(&ident("public")).await, usual);
}

#[tokio::test]
async fn reading_the_tenants_schema_sees_that_schema_alone() {
    let lab =
        Lab::with(15, "CREATE TABLE here (id int); CREATE SCHEMA t_7; CREATE TABLE t_7.there (id int)").await;
    let model = lab.model(&ident("t_7")).await;
    let names: Vec<&str> = model.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!((names, model.unmodelled), (vec!["there"], vec![]));
    assert_eq!(model.source.schema, "t_7");
}

#[tokio::test]
async fn incomplete_facts_are_refused() {
    let lab = Lab::with(15, "CREATE TABLE a (id int)").await;
    let facts = lab.facts(&ident("public")).await;

    let without: Vec<_> = facts.iter().filter(|(name, _)| name != "columns").cloned().collect();
    let error = read(&without).unwrap_err();
    assert!(matches!(error, SchemaError::MissingFacts("columns")), "{error}");

    let other = |name: &str, json: &str| {
        let mut facts = facts.clone();
        facts.iter_mut().find(|fact| fact.0 == name).unwrap().1 = json.to_owned();
        read(&facts).unwrap_err()
    };
    let error = other("tables", "[{}]");
    assert!(matches!(&error, SchemaError::BadFacts { name, .. } if name == "tables"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.hint().is_some());
    let error = other("tables", "[]");
    assert!(matches!(&error, SchemaError::Dangling { facts: "columns", object } if object == "a"), "{error}");
}

#[test]
fn the_schemas_name_is_quoted() {
    let settings = introspection_settings(&ident("a\"b"));
    assert!(settings.starts_with("SET LOCAL search_path TO \"a\"\"b\";"), "{settings}");
}
