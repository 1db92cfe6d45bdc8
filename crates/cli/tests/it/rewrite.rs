//! `tenantry schema rewrite`, from the outside.

use crate::binary::Place;

const SCHEMA: &str = "CREATE TABLE users (id bigint PRIMARY KEY, email text UNIQUE);
CREATE TABLE orders (id bigint PRIMARY KEY, buyer bigint REFERENCES users);
";
const CONFIG: &str = "[tenancy]\ncolumn = \"tenant_id\"\n\n[schema]\nfile = \"schema.sql\"\n";

fn place() -> Place {
    Place::new().with("schema.sql", SCHEMA).with("tenantry.toml", CONFIG)
}

/// What a migration becomes: statements, how often they run, and what is to be known of them.
#[test]
fn a_migration_becomes_the_statements_of_a_placement() {
    let migration = "ALTER TABLE orders ADD code text UNIQUE;\n\
        CREATE INDEX CONCURRENTLY ON orders (buyer);\n\
        INSERT INTO users VALUES (1, 'a@x') ON CONFLICT (email) DO NOTHING;\n";
    let place = place().with("migration.sql", migration);
    let said = place.run(&["-q", "schema", "rewrite", "migration.sql"]);
    assert_eq!(said.code, Some(0), "{said}");
    insta::assert_snapshot!("rewrite_shared", said);
    let said = place.run(&["-q", "schema", "rewrite", "migration.sql", "--model", "database"]);
    assert!(said.out.contains("ALTER TABLE orders ADD code text UNIQUE;"), "{said}");
    let said = place.run(&["-q", "--json", "schema", "rewrite", "migration.sql"]);
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["statements"][1]["transactional"], false);
    assert_eq!(document["statements"][2]["runs"], "per-tenant");
}

/// Reason, line with carets, and choices; for machines the place in numbers.
#[test]
fn a_refusal_shows_the_place_and_the_choices() {
    let place = place()
        .with("migration.sql", "ALTER TABLE orders ADD note text;\n\nDELETE FROM orders\n  WHERE id = 1;\n");
    let said = place.run(&["-q", "schema", "rewrite", "migration.sql"]);
    assert_eq!(said.out, "");
    insta::assert_snapshot!("rewrite_refused", said);
    let said = place.run(&["-q", "--json", "schema", "rewrite", "migration.sql"]);
    let document: serde_json::Value = serde_json::from_str(&said.err).unwrap();
    let error = &document["error"];
    assert_eq!((&error["place"]["line"], &error["place"]["column"]), (&3.into(), &1.into()), "{said}");
    assert_eq!(error["choices"].as_array().map(Vec::len), Some(2), "{said}");
    let said = place.with("broken.sql", "CREATE TABEL x ();").run(&["-q", "schema", "rewrite", "broken.sql"]);
    assert_eq!(said.code, Some(2), "{said}");
    assert!(said.err.contains("1 | CREATE TABEL x ();\n  |        ^^^^^"), "{said}");
}
