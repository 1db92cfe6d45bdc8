//! The introspection queries by themselves.

use crate::harness::{Lab, OWNER, ident};
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

/// No query may need more than the tables' owner has, and none may see less then.
#[tokio::test]
async fn a_plain_owner_reads_what_a_superuser_reads() {
    const SCHEMAS: [&str; 6] = [
        SAMPLE,
        include_str!("../data/dump/columns.sql"),
        include_str!("../data/dump/partitions.sql"),
        include_str!("../data/dump/inheritance.sql"),
        include_str!("../data/dump/triggers.sql"),
        include_str!("../data/dump/views.sql"),
    ];
    for version in versions_for_tests() {
        for sql in SCHEMAS {
            let lab = Lab::new(version).await;
            lab.client.batch_execute(&format!("GRANT ALL ON SCHEMA public TO {OWNER}")).await.unwrap();
            lab.client.batch_execute(&format!("SET SESSION AUTHORIZATION {OWNER}; {sql}")).await.unwrap();
            let public = ident("public");
            let as_owner = lab.facts(&public).await;
            lab.client.batch_execute("RESET SESSION AUTHORIZATION").await.unwrap();
            assert_eq!(as_owner, lab.facts(&public).await);
            assert!(
                read(&as_owner)
                    .unwrap()
                    .access
                    .owners
                    .iter()
                    .all(|it| it.name == "public" || it.owner == OWNER)
            );
        }
    }
}

/// Who may do what, as granted, by default, and on what is still to come.
#[tokio::test]
async fn owners_and_grants_are_read() {
    let sql = "
CREATE TABLE a (id int, secret text);
CREATE SEQUENCE s;
CREATE TYPE t AS ENUM ('x');
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql RETURN $1;
CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS one;
REVOKE ALL ON FUNCTION mine() FROM PUBLIC;
GRANT SELECT ON a, m TO PUBLIC;
GRANT UPDATE (secret), REFERENCES (id) ON a TO tenantry_app_lab WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE s TO tenantry_app_lab;
GRANT USAGE ON TYPE t TO tenantry_app_lab;
GRANT USAGE ON SCHEMA public TO tenantry_app_lab;
ALTER TABLE a OWNER TO tenantry_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT DELETE ON TABLES TO PUBLIC;";
    for version in versions_for_tests() {
        let access = Lab::with(version, sql).await.public().await.access;
        let owner = |name: &str| access.owners.iter().find(|it| it.name == name).unwrap().owner.clone();
        assert_eq!((owner("a").as_str(), owner("s").as_str()), ("tenantry_owner", "postgres"));
        let grants: Vec<String> = access
            .grants
            .iter()
            .map(|grant| {
                let column = grant.column.as_ref().map_or_else(String::new, |column| format!("({column})"));
                let grantee = grant.grantee.as_deref().unwrap_or("PUBLIC");
                let option = if grant.grantable { "*" } else { "" };
                format!("{:?} {}{column} {grantee} {}{option}", grant.on, grant.name, grant.privilege)
            })
            .collect();
        let expected = [
            "Schema public tenantry_app_lab USAGE",
            "Table a PUBLIC SELECT",
            "Table a(id) tenantry_app_lab REFERENCES*",
            "Table a(secret) tenantry_app_lab UPDATE*",
            "Table m PUBLIC SELECT",
            "Sequence s tenantry_app_lab USAGE",
            "Function f(integer) PUBLIC EXECUTE",
            "Type t PUBLIC USAGE",
            "Type t tenantry_app_lab USAGE",
        ];
        assert_eq!(grants, expected);
        let defaults: Vec<_> =
            access.defaults.iter().map(|d| (d.in_schema, d.objects, d.privilege.as_str())).collect();
        assert_eq!(defaults, [(true, 'r', "DELETE")]);
    }
}

/// What the model does not hold is listed, so that a rule can refuse or report it.
#[tokio::test]
async fn what_the_model_lacks_is_listed() {
    let cases = [
        ("CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE f (id int) SERVER s",
            &["foreign server s", "foreign table f"][..]),
        ("CREATE SCHEMA far; CREATE TABLE far.p (id int); CREATE TABLE c () INHERITS (far.p)",
            &["parent in another schema c", "schema far"]),
        ("CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE t (id int) USING heap2",
            &["table access method t"]),
        ("CREATE CAST (point AS text) WITH INOUT", &["cast point AS text"]),
        ("CREATE TYPE shell", &["base type shell"]),
        ("CREATE SCHEMA far; CREATE TABLE t (a int, b int); CREATE STATISTICS far.st ON a, b FROM t",
            &["statistics object of another schema st on t"]),
        ("CREATE TABLE t (id int PRIMARY KEY, u int REFERENCES t); ALTER TABLE t DISABLE TRIGGER ALL", &["disabled foreign key t_u_fkey on t"]),
        ("CREATE EXTENSION citext; CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1; ALTER FUNCTION f() DEPENDS ON EXTENSION citext",
            &["dependence on an extension function f() on citext"]),
        ("CREATE TABLE p (id int PRIMARY KEY, k int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
          ALTER TABLE p DROP CONSTRAINT p_pkey; ALTER TABLE ONLY p ADD CONSTRAINT half PRIMARY KEY (id)", &["invalid index half"]),
        ("CREATE TABLE t (id int); CREATE PUBLICATION pub FOR TABLE t", &["publication pub"]),
    ];
    for version in versions_for_tests() {
        for (sql, expected) in cases {
            let mut found: Vec<String> = Vec::new();
            for thing in Lab::with(version, sql).await.public().await.unmodelled {
                found.push(format!("{} {}", thing.kind, thing.name));
            }
            found.dedup();
            assert_eq!(found, expected, "{sql}");
        }
    }
}

/// Schemas that were published before some question was asked can still be read.
#[tokio::test]
async fn facts_of_older_versions_are_read() {
    let lab = Lab::with(15, SAMPLE).await;
    let facts = lab.facts(&ident("public")).await;
    let newer = ["rules", "materialized_views", "aggregates", "operators", "definitions", "access"];
    let older: Vec<_> = facts.iter().filter(|(name, _)| !newer.contains(&name.as_str())).cloned().collect();
    assert_eq!(older.len() + newer.len(), facts.len());
    let mut model = read(&facts).unwrap();
    model.access = tenantry_schema::model::Access::default();
    assert_eq!(read(&older).unwrap(), model);
}

#[test]
fn the_schemas_name_is_quoted() {
    let settings = introspection_settings(&ident("a\"b"));
    assert!(settings.starts_with("SET LOCAL search_path TO \"a\"\"b\";"), "{settings}");
}
