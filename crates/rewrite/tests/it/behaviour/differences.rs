//! What an application can notice in shared tables (docs/differences.md): each line of that page is pinned here, so that it is
//! neither forgotten nor outdated. Where a difference goes away, its test fails and the page gets shorter.

use super::outcome::{Outcome, Protocol, run as ask};
use super::workload::literally;
use super::world::{Home, World};
use crate::proof::run;
use tenantry_testkit::versions_for_tests;

/// What `plain` and the models say of a statement, in the order of `World::tenants`.
async fn says(world: &World, sql: &str) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    for home in &world.tenants[0] {
        said.push((home.label, short(home, sql).await));
    }
    said
}

async fn short(home: &Home, sql: &str) -> String {
    match ask(home, &literally(sql), Protocol::Simple).await {
        Outcome::Rows { rows, count, .. } if rows.is_empty() => format!("{count} rows"),
        Outcome::Rows { rows, .. } => {
            let text = |value: Option<Vec<u8>>| {
                value.map_or("null".into(), |value| String::from_utf8(value).unwrap())
            };
            let rows = rows.into_iter().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join("|"));
            rows.collect::<Vec<_>>().join("; ")
        }
        Outcome::Copied(text) => text,
        Outcome::Failed(state, message, _) => format!("{state} {message}"),
        Outcome::Refused(message) => format!("refused: {message}"),
    }
}

fn each(test: &impl AsyncFn(&World)) {
    for version in versions_for_tests() {
        run(async {
            let world = World::new(version).await;
            world.empty().await;
            test(&world).await;
        });
    }
}

/// Asserts what plain, shared, schema and database say.
async fn pinned(world: &World, sql: &str, expected: [&str; 4]) {
    let said = says(world, sql).await;
    for ((label, said), expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{sql}\n{label}: {said}\nexpected: {expected}");
    }
}

#[test]
fn global_tables_are_read_only() {
    each(&async |world| {
        let denied = "42501 permission denied for table countries";
        pinned(world, "INSERT INTO countries VALUES ('it', 'Italy')", ["1 rows", denied, denied, denied])
            .await;
        pinned(world, "DELETE FROM countries", ["3 rows", denied, denied, denied]).await;
        pinned(world, "SELECT code FROM countries ORDER BY 1", ["0 rows", "de; fr", "de; fr", "de; fr"])
            .await;
    });
}

#[test]
fn match_full_over_several_columns_fails_with_the_sqlstate_of_a_check() {
    each(&async |world| {
        let check = "23514 new row for relation \"shipments\" violates check constraint \"shipments_order_line_fkey_full\"";
        let key = "23503 insert or update on table \"shipments\" violates foreign key constraint \"shipments_order_line_fkey\"";
        pinned(world, "INSERT INTO shipments VALUES (1, 1, NULL)", [key, check, key, key]).await;
    });
}

/// Under row-level security PostgreSQL keeps the key's values to itself.
#[test]
fn a_violated_key_comes_without_detail() {
    each(&async |world| {
        let key = Some("Key (id)=(1) already exists.".to_owned());
        for (home, expected) in world.tenants[0].iter().zip([key.clone(), None, None, key.clone()]) {
            let twice = "INSERT INTO customers (id, email) VALUES (1, 'x'), (1, 'y')";
            let error = home.client.batch_execute(twice).await.unwrap_err();
            let detail = error.as_db_error().unwrap().detail().map(ToOwned::to_owned);
            assert_eq!(detail, expected, "{}", home.label);
        }
    });
}

#[test]
fn sequences_serve_all_tenants_of_a_pool() {
    each(&async |world| {
        for (tenant, body) in [(0, "a"), (1, "b"), (0, "c")] {
            for home in &world.tenants[tenant] {
                let sql = format!("INSERT INTO notes (body) VALUES ('{body}')");
                home.client.batch_execute(&sql).await.unwrap();
            }
        }
        pinned(world, "SELECT id FROM notes ORDER BY id", ["1; 2", "1; 3", "1; 2", "1; 2"]).await;
    });
}

#[test]
fn copy_into_a_table_is_refused_under_row_level_security() {
    each(&async |world| {
        for home in &world.tenants[0] {
            let statement = super::workload::Statement {
                copy: Some("1\n".to_owned()),
                ..literally("COPY places (id) FROM STDIN")
            };
            let outcome = ask(home, &statement, Protocol::Simple).await;
            match home.label {
                "plain" | "database" => {
                    assert!(matches!(outcome, Outcome::Rows { count: 1, .. }), "{outcome:?}");
                }
                label => assert!(
                    matches!(&outcome, Outcome::Failed(state, ..) if state == "0A000"),
                    "{label}: {outcome:?}"
                ),
            }
        }
    });
}

#[test]
fn the_application_changes_no_schema_and_reaches_beyond_no_row() {
    each(&async |world| {
        for sql in [
            "CREATE TABLE mine (id integer)",
            "CREATE TEMP TABLE mine (id integer)",
            "ALTER TABLE log ADD x integer",
            "DROP TABLE log",
            "DO $$ BEGIN NULL; END $$",
            "SELECT pg_advisory_lock(1)",
            "SELECT lo_create(1)",
        ] {
            for home in &world.tenants[0][1..] {
                let said = short(home, sql).await;
                assert!(said.starts_with("42501 "), "{sql}\n{}: {said}", home.label);
            }
        }
    });
}

/// It becomes a DELETE in shared tables; elsewhere the application's role may not.
#[test]
fn truncate_is_a_delete_or_denied() {
    each(&async |world| {
        for home in &world.tenants[0] {
            home.client.batch_execute("INSERT INTO log (what) VALUES ('x')").await.unwrap();
        }
        let denied = "42501 permission denied for table log";
        pinned(world, "TRUNCATE log", ["0 rows", "1 rows", denied, denied]).await;
        pinned(world, "SELECT count(*) FROM log", ["0", "0", "1", "1"]).await;
    });
}

#[test]
fn the_catalog_shows_the_tenant_column() {
    each(&async |world| {
        let sql = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'log' AND table_schema = current_schema()";
        pinned(world, sql, ["3", "4", "3", "3"]).await;
        let sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'orders_pkey' AND conrelid = 'orders'::regclass";
        let plain = "PRIMARY KEY (id)";
        pinned(world, sql, [plain, "PRIMARY KEY (tenant_id, id)", plain, plain]).await;
    });
}

/// What the database calls a row of a shared table has the tenant column in it.
#[test]
fn a_row_that_keeps_its_type_has_the_tenant_column() {
    each(&async |world| {
        for home in &world.tenants[0] {
            home.client.batch_execute("INSERT INTO log (what) VALUES ('x')").await.unwrap();
        }
        let types = "SELECT pg_typeof(array_agg(l)) FROM log l";
        pinned(world, types, ["log[]", "record[]", "log[]", "log[]"]).await;
        let shown = "SELECT json_populate_record(l, '{\"at_line\": 7}') FROM log l";
        pinned(world, shown, ["(x,,7)", "(x,,7,", "(x,,7)", "(x,,7)"]).await;
        let made = "SELECT ROW('y', 1, 2)::log";
        pinned(world, made, ["(y,1,2)", "42846 cannot cast type record to log", "(y,1,2)", "(y,1,2)"]).await;
        let merged = "SELECT * FROM log NATURAL JOIN json_to_record('{\"what\": \"x\"}') AS j (what text)";
        pinned(world, merged, ["x|null|null", "x|null|null|", "x|null|null", "x|null|null"]).await;
    });
}

#[test]
fn conflicts_in_views_that_are_more_than_columns_of_a_table_are_not_found() {
    each(&async |world| {
        let sql = "INSERT INTO numbered VALUES (1, 'a@x.org') ON CONFLICT (nr) DO NOTHING";
        pinned(world, sql, ["1 rows", "42P10 ", "1 rows", "1 rows"]).await;
    });
}
