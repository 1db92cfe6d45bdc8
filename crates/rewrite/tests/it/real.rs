//! Schemas of real products (`fixtures/`): they compile to every model, the rules have nothing unexpected to say, and random
//! migrations of them commute. What each needed to be told is in its `tenantry.toml`.

use crate::proof::dice::roll;
use crate::proof::lab::declared;
use crate::proof::migration::{Bench, Schema, commutes};
use crate::proof::{builds, for_random_in, run};
use proptest::prelude::*;
use tenantry_schema::check;
use tenantry_testkit::versions_for_tests;

struct Fixture {
    name: &'static str,
    sql: &'static str,
    declaration: &'static str,
}

/// One test for each, so that they run side by side.
macro_rules! fixtures {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            tried(&Fixture {
                name: stringify!($name),
                sql: include_str!(concat!("../../../../fixtures/", stringify!($name), "/schema.sql")),
                declaration: include_str!(concat!("../../../../fixtures/", stringify!($name), "/tenantry.toml")),
            });
        })*
    };
}

fixtures![airflow, chinook, killbill, medusa, mlflow, oscar, pagila, prefect, wagtail];

fn tried(fixture: &Fixture) {
    for version in versions_for_tests() {
        run(async {
            let bench = Bench::new(version).await;
            let schema = Schema::of(&bench, &declared(fixture.declaration), fixture.sql).await.unwrap();
            no_surprise(fixture, &schema);
            builds(&schema).await.unwrap_or_else(|why| panic!("{} on {version}: {why}", fixture.name));
        });
        let migrations = prop::collection::vec((any::<u16>(), roll()), 1..10);
        for_random_in(version, Bench::new(version), &migrations, 2, &async |steps: Vec<_>, bench: &Bench| {
            let mut schema = Schema::of(bench, &declared(fixture.declaration), fixture.sql).await?;
            let done = commutes(&mut schema, &steps).await;
            done.map_err(|why| format!("{}: {why}\n{}", fixture.name, schema.migration.join(";\n")))
        });
    }
}

/// What a person is told: it is the same on every version, and reviewed when it changes.
fn no_surprise(fixture: &Fixture, schema: &Schema<'_>) {
    let report = check(&schema.model, &schema.declaration);
    let said: Vec<String> = report.for_people().map(ToString::to_string).collect();
    insta::assert_snapshot!(fixture.name, said.join("\n"));
}
