//! Guesses: right, or doubted, for made-up and for real schemas.

use crate::harness::{Lab, declared};
use crate::sample::SAMPLE;
use tenantry_schema::guess::{Guess, guess};
use tenantry_schema::{Declaration, Keys, Model, TableEntry, check};
use tenantry_testkit::versions_for_tests;

const SAAS: &str = include_str!("../data/saas.sql");

async fn guessed(version: u32, sql: &str) -> (Model, Guess) {
    // Real schemas set session settings: another connection reads them.
    let lab = Lab::with(version, sql).await;
    let lab = Lab { client: lab.postgres.connect(&lab.database).await.unwrap(), ..lab };
    let model = lab.public().await;
    let guess = guess(&model);
    usable(&model, &guess);
    (model, guess)
}

/// What is written reads back as what was guessed, names only what is there, and can be checked.
fn usable(model: &Model, guess: &Guess) {
    let written = guess.to_toml();
    assert_eq!(declared(&written), guess.declaration, "{written}");
    for doubt in &guess.doubts {
        assert!(written.contains("# sure?"), "{doubt:?}");
    }
    assert_eq!(
        written.matches("# sure?").count(),
        guess.doubts.len(),
        "each doubt stands where it belongs\n{written}"
    );
    let report = check(model, &guess.declaration);
    let wrong: Vec<_> = report
        .findings
        .iter()
        .filter(|found| found.rule == "declaration" && found.severity != tenantry_schema::Severity::Note)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn doubted(guess: &Guess, place: &str) -> bool {
    guess.doubts.iter().any(|doubt| doubt.place == place)
}

/// Where the guess is not what a person declared, it says that it is not sure.
fn right_or_doubted(name: &str, model: &Model, guess: &Guess, declared: &Declaration) {
    let (ours, theirs) = (&guess.declaration, declared);
    let mut wrong: Vec<String> = Vec::new();
    let mut expect = |right: bool, place: String| {
        if !right && !doubted(guess, &place) {
            wrong.push(place);
        }
    };
    expect(ours.tenancy.column == theirs.tenancy.column, "[tenancy] column".to_owned());
    // The type of a column that no table has yet is a person's choice: nothing in the schema tells it.
    let is_there = model.tables.iter().any(|table| table.column(theirs.tenancy.column.as_str()).is_some());
    expect(!is_there || ours.tenancy.value_type == theirs.tenancy.value_type, "[tenancy] type".to_owned());
    // Where every key is a uuid, both are right.
    expect(
        ours.tenancy.keys == Keys::GlobalId || theirs.tenancy.keys == Keys::Composite,
        "[tenancy] keys".to_owned(),
    );
    for table in model.tables.iter().filter(|table| !table.is_partition()) {
        let kind = |declaration: &Declaration| {
            declaration.tables.get(&table.name).map_or(tenantry_schema::Kind::Tenant, TableEntry::kind)
        };
        expect(kind(ours) == kind(theirs), format!("[tables] {}", table.name));
    }
    let keys = ours.unique.keys().chain(theirs.unique.keys());
    for key in keys {
        let same = ours.unique.contains_key(key) == theirs.unique.contains_key(key);
        let secret = key.contains("token") || key.contains("key") || key.contains("secret");
        // What is random is unique everywhere, whoever declares it.
        expect(same || secret, format!("[unique] {key:?}"));
    }
    assert!(wrong.is_empty(), "{name}: wrong without a doubt: {wrong:#?}");
}

#[tokio::test]
async fn the_samples() {
    for version in versions_for_tests() {
        let (model, guess) = guessed(version, SAMPLE).await;
        insta::assert_snapshot!("guess_sample", guess.to_toml());
        right_or_doubted("sample", &model, &guess, &crate::sample::declaration());
        let (_, guess) = guessed(version, include_str!("../../../../examples/sample/schema.sql")).await;
        insta::assert_snapshot!("guess_repository", guess.to_toml());
    }
}

/// A schema that has its tenant column: adopted, with paths for the tables without it.
#[tokio::test]
async fn a_hundred_tables_of_a_saas() {
    for version in versions_for_tests() {
        let (model, guess) = guessed(version, SAAS).await;
        insta::assert_snapshot!("guess_saas", guess.to_toml());
        let expected = declared(include_str!("../data/saas.toml"));
        right_or_doubted("saas", &model, &guess, &expected);
        let path = |table: &str| match guess.declaration.tables.get(table) {
            Some(TableEntry::Detailed(details)) => details.via.clone(),
            _ => None,
        };
        for (table, entry) in &expected.tables {
            let TableEntry::Detailed(details) = entry else { continue };
            assert_eq!(path(table), details.via, "{table}");
        }
    }
}

macro_rules! real {
    ($($name:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            for version in versions_for_tests() {
                let sql = include_str!(concat!("../../../../fixtures/", stringify!($name), "/schema.sql"));
                let expected = include_str!(concat!("../../../../fixtures/", stringify!($name), "/tenantry.toml"));
                let (model, guess) = guessed(version, sql).await;
                right_or_doubted(stringify!($name), &model, &guess, &declared(expected));
                insta::assert_snapshot!(concat!("guess_", stringify!($name)), guess.to_toml());
            }
        })*
    };
}

real![airflow, chinook, killbill, medusa, mlflow, oscar, pagila, prefect, wagtail];

/// What there is only in names.
#[tokio::test]
async fn names_that_need_quotes() {
    let sql = "CREATE TABLE \"order.items\" (id bigint PRIMARY KEY, \"user.token\" text UNIQUE);
               CREATE TABLE \"say \"\"hi\"\"\" (tenant_id bigint, id bigint PRIMARY KEY, \"to\nken\" text UNIQUE);
               CREATE TABLE \"weird\\events\" (tenant_id bigint NOT NULL, at timestamptz NOT NULL)";
    let (_, guess) = guessed(15, sql).await;
    assert_eq!(guess.declaration.tenancy.column.as_str(), "tenant_id");
}

#[tokio::test]
async fn a_column_of_two_types_is_doubted() {
    let sql = "CREATE TABLE organizations (id bigint PRIMARY KEY);
               CREATE TABLE a (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations);
               CREATE TABLE b (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations);
               CREATE TABLE c (id bigint PRIMARY KEY, organization_id text NOT NULL)";
    let (_, guess) = guessed(15, sql).await;
    assert_eq!(guess.declaration.tenancy.column.as_str(), "organization_id");
    assert!(doubted(&guess, "[tenancy] type"), "{:#?}", guess.doubts);
}

/// A schema without any tenant and without doubts needs nothing to be declared.
#[tokio::test]
async fn nothing_is_asked_that_can_be_known() {
    let sql = "CREATE TABLE projects (id bigint PRIMARY KEY, name text NOT NULL UNIQUE);
               CREATE TABLE tasks (id bigint PRIMARY KEY, project_id bigint NOT NULL REFERENCES projects, title text)";
    let (_, guess) = guessed(15, sql).await;
    assert_eq!(guess.declaration, Declaration::default());
    assert_eq!(guess.doubts, []);
    let (_, guess) = guessed(15, "").await;
    assert_eq!(guess.declaration, Declaration::default());
}
