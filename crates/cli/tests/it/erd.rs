//! `tenantry erd` and `tenantry schema init`, from the outside.

use crate::binary::{Place, Said};
use std::fs;
use tenantry_testkit::{fresh_database, shared, versions_for_tests};

const SCHEMA: &str = "CREATE TABLE organizations (id bigint PRIMARY KEY, name text);
CREATE TABLE countries (code text PRIMARY KEY);
CREATE TABLE projects (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, country text REFERENCES countries);
CREATE TABLE tasks (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, project_id bigint NOT NULL REFERENCES projects);
CREATE TABLE notes (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, body text);
CREATE TABLE comments (id bigint PRIMARY KEY, task_id bigint NOT NULL REFERENCES tasks);
";

/// Guessed, checked, drawn: what a newcomer does first.
#[test]
fn from_a_schema_to_a_picture() {
    let place = Place::new().with("schema.sql", SCHEMA);
    let said = place.run(&["schema", "init", "schema.sql"]);
    assert_eq!(said.code, Some(0), "{said}");
    insta::assert_snapshot!("init", said);
    let written = fs::read_to_string(place.path().join("tenantry.toml")).unwrap();
    insta::assert_snapshot!("init_file", written);

    let said = place.run(&["schema", "check"]);
    assert_eq!(said.code, Some(0), "{said}");

    let said = place.run(&["-q", "erd"]);
    assert_eq!(said.code, Some(0), "{said}");
    assert_eq!(said.out, "wrote erd-shared.html (6 tables, 6 references): open it in a browser\n");
    let page = fs::read_to_string(place.path().join("erd-shared.html")).unwrap();
    assert!(page.starts_with("<!doctype html>"));

    let said = place.run(&["-q", "erd", "--diff", "shared,database", "--out", "-", "--format", "text"]);
    insta::assert_snapshot!("erd_differences", said);
    let said = place.run(&["-q", "--json", "erd", "--around", "notes"]);
    let graph: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(graph["tables"].as_array().unwrap().len(), 2);
    let said = place.run(&["-q", "erd", "--around", "note"]);
    assert_eq!(said.code, Some(2), "{said}");
    assert_eq!(said.err, "error: there is no table note\nhint: there is a table notes\n");
    let said = place.run(&["erd", "--format", "text"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said}");
}

/// A configuration is never overwritten unasked; and asked, only the sections that are guessed.
#[test]
fn a_configuration_that_is_there_stays() {
    let config = "[tenancy]\ncolumn = \"tenant_id\"\n\n# ours\n[plans.starter]\nmodel = \"shared\"\n";
    let place = Place::new().with("schema.sql", SCHEMA).with("tenantry.toml", config);
    let file = || fs::read_to_string(place.path().join("tenantry.toml")).unwrap();
    let said = place.run(&["-q", "schema", "init", "schema.sql"]);
    assert_eq!(said.code, Some(9), "{said}");
    insta::assert_snapshot!("init_refused", said);
    assert_eq!(file(), config);

    let said = place.run(&["-q", "schema", "init", "schema.sql", "--force"]);
    assert_eq!(said.code, Some(0), "{said}");
    assert!(file().contains("column = \"organization_id\""));
    assert!(file().ends_with("\n# ours\n[plans.starter]\nmodel = \"shared\"\n"), "{}", file());
    let said = place.run(&["-q", "schema", "init", "schema.sql"]);
    assert!(said.err.contains("it says what would be guessed"), "{said}");
    let said = place.run(&["-q", "schema", "init", "schema.sql", "--out", "-"]);
    assert!(said.out.starts_with("# Guessed by"), "{said}");
}

/// A database with rows is read where it is.
#[tokio::test]
async fn a_database_that_is_there() {
    for version in versions_for_tests() {
        let postgres = shared(version).await;
        let database = fresh_database(postgres, "init").await;
        let client = postgres.connect(&database).await.unwrap();
        client.batch_execute(SCHEMA).await.unwrap();
        let (host, port) = (postgres.host(), postgres.port());
        let url = format!("postgres://{}@{host}:{port}/{database}", postgres.superuser());
        let place = Place::new();
        let mut command = place.command();
        command.env("PGPASSWORD", postgres.password().expose());
        let said = Said::from(command.args(["-q", "schema", "init", "--url", &url]).output().unwrap());
        assert_eq!(said.code, Some(0), "{said}");
        let written = fs::read_to_string(place.path().join("tenantry.toml")).unwrap();
        assert!(written.contains("column = \"organization_id\""), "{written}");
        assert!(!written.contains("[schema]"), "there is no file to name\n{written}");
    }
}

#[test]
fn nothing_to_guess_from() {
    insta::assert_snapshot!("init_nothing", Place::new().run(&["schema", "init"]));
    let said = Place::new().run(&["schema", "init", "--url", "postgres://me:hunter2@127.0.0.1:1/x"]);
    assert_eq!(said.code, Some(2), "{said}");
    assert!(!said.to_string().contains("hunter2"), "{said}");
}
