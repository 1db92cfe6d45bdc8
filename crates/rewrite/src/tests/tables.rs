use super::{SCHEMA, declaration, global_id, migrated, rewritten, script, script_of, texts};
use tenantry_core::TenancyModel;

#[test]
fn a_table_becomes_a_shared_table() {
    let mut script = script();
    let made = migrated(
        &mut script,
        "-- Notes of users.\nCREATE TABLE notes (
            id serial PRIMARY KEY,
            user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            parent int REFERENCES notes,
            slug text COLLATE \"C\" UNIQUE CHECK (slug <> ''), -- short
            country text REFERENCES countries,
            UNIQUE (user_id, slug)
        ) WITH (fillfactor = 70)",
    );
    insta::assert_snapshot!(texts(&made).join(";\n"));
}

#[test]
fn global_ids_keep_the_primary_key() {
    let made = migrated(
        &mut global_id(),
        "CREATE TABLE notes (id uuid PRIMARY KEY, user_id bigint REFERENCES users)",
    );
    insta::assert_snapshot!(texts(&made).join(";\n"));
}

#[test]
fn a_global_table_stays_as_it_is() {
    let declared = toml::from_str("[tables]\ncountries = \"global\"\nplans = \"global\"").unwrap();
    let mut script =
        script_of("CREATE TABLE countries (code text PRIMARY KEY)", &declared, TenancyModel::Shared);
    let made =
        migrated(&mut script, "CREATE TABLE plans (id int PRIMARY KEY, country text REFERENCES countries)");
    insta::assert_snapshot!(texts(&made).join(";\n"));
}

#[test]
fn other_models_get_the_plain_table_with_floor_owner_and_rights() {
    let mut schema = script_of(SCHEMA, &declaration(""), TenancyModel::Schema);
    let made =
        migrated(&mut schema, "CREATE TABLE notes (id int PRIMARY KEY, user_id bigint REFERENCES users)");
    insta::assert_snapshot!(texts(&made).join(";\n"));
    let mut database = script_of(SCHEMA, &declaration(""), TenancyModel::Database);
    let made =
        migrated(&mut database, "CREATE TABLE notes (id int PRIMARY KEY, user_id bigint REFERENCES users)");
    insta::assert_snapshot!(texts(&made).join(";\n"));
}

/// In a tenant's schema, global tables are the pool's: its own migration changes them.
#[test]
fn a_schema_leaves_the_pools_tables_to_the_pool() {
    let mut schema = script_of(SCHEMA, &declaration(""), TenancyModel::Schema);
    for sql in [
        "ALTER TABLE countries ADD COLUMN capital text",
        "CREATE INDEX ON countries (capital)",
        "INSERT INTO countries VALUES ('de', 'Germany')",
        "UPDATE countries SET name = upper(name)",
    ] {
        assert_eq!(texts(&migrated(&mut schema, sql)), Vec::<String>::new(), "{sql}");
    }
    let columns = schema.model().table("countries").unwrap().columns.len();
    assert_eq!(columns, 3, "what is known follows");
    let view = migrated(&mut schema, "CREATE VIEW capitals AS SELECT * FROM countries");
    assert!(texts(&view)[0].contains("capital"), "{view:?}");
    let refers = "CREATE TABLE places (id bigint PRIMARY KEY, country text REFERENCES countries)";
    assert!(texts(&migrated(&mut schema, refers))[0].contains("REFERENCES countries"));
    assert!(schema.migrate("DROP TABLE places, countries").is_err(), "the pool's can't go with the tenant's");
    migrated(&mut schema, "DROP TABLE places");
    assert_eq!(migrated(&mut schema, "DROP TABLE countries CASCADE").len(), 0);
    assert!(schema.model().table("countries").is_none());
}

#[test]
fn indexes_are_led_and_keep_their_names() {
    let mut script = script();
    for (sql, wanted) in [
        (
            "CREATE INDEX ON orders (user_id)",
            "CREATE INDEX orders_user_id_idx ON orders (tenant_id, user_id)",
        ),
        (
            "CREATE INDEX CONCURRENTLY a ON orders USING btree (total DESC) INCLUDE (user_id) WHERE total > 0",
            "CREATE INDEX CONCURRENTLY a ON orders USING btree (tenant_id, total DESC) INCLUDE (user_id) WHERE total > 0",
        ),
        (
            "CREATE INDEX ON users (lower(name))",
            "CREATE INDEX users_lower_idx ON users (tenant_id, lower(name))",
        ),
        (
            "CREATE UNIQUE INDEX b ON users (name) NULLS NOT DISTINCT",
            "CREATE UNIQUE INDEX b ON users (tenant_id, name) NULLS NOT DISTINCT",
        ),
        ("CREATE INDEX c ON users USING hash (name)", "CREATE INDEX c ON users USING hash (name)"),
        ("CREATE INDEX d ON countries (name)", "CREATE INDEX d ON countries (name)"),
        (
            "CREATE INDEX e ON users ((name || email) text_pattern_ops)",
            "CREATE INDEX e ON users (tenant_id, (name || email) text_pattern_ops)",
        ),
    ] {
        let made = migrated(&mut script, sql);
        assert_eq!(texts(&made), [wanted], "{sql}");
        assert_eq!(made[0].transactional, !sql.contains("CONCURRENTLY"));
    }
}

#[test]
fn subcommands_of_alter_table_are_replaced_where_they_add_keys() {
    for (sql, wanted) in [
        (
            "ALTER TABLE orders ADD COLUMN code text UNIQUE, ADD COLUMN note text DEFAULT 'a, b' NOT NULL",
            "ALTER TABLE orders ADD COLUMN code text, ADD CONSTRAINT \"orders_code_key\" UNIQUE (\"tenant_id\", \"code\"), ADD COLUMN note text DEFAULT 'a, b' NOT NULL",
        ),
        (
            "ALTER TABLE orders ADD parent bigint REFERENCES orders ON DELETE SET NULL",
            "ALTER TABLE orders ADD parent bigint, ADD CONSTRAINT \"orders_parent_fkey\" FOREIGN KEY (\"tenant_id\", \"parent\") REFERENCES \"orders\" (\"tenant_id\", \"id\") ON DELETE SET NULL (\"parent\")",
        ),
        (
            "ALTER TABLE ONLY orders ADD CONSTRAINT k UNIQUE (user_id, total) DEFERRABLE",
            "ALTER TABLE ONLY orders ADD CONSTRAINT \"k\" UNIQUE (\"tenant_id\", \"user_id\", \"total\") DEFERRABLE",
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID",
            "ALTER TABLE orders ADD CONSTRAINT \"f\" FOREIGN KEY (\"tenant_id\", \"user_id\") REFERENCES \"users\" (\"tenant_id\", \"id\") NOT VALID",
        ),
    ] {
        assert_eq!(texts(&migrated(&mut script(), sql)), [wanted], "{sql}");
    }
    for sql in [
        "ALTER TABLE orders ADD CHECK (total >= 0) NOT VALID",
        "ALTER TABLE orders VALIDATE CONSTRAINT orders_user_id_fkey",
        "ALTER TABLE orders ALTER total TYPE bigint USING total::bigint, ALTER total SET DEFAULT 1",
        "ALTER TABLE orders DROP COLUMN user_id",
        "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey",
        "ALTER TABLE orders RENAME COLUMN total TO sum",
        "ALTER TABLE orders SET (fillfactor = 50)",
        "ALTER TABLE countries ADD COLUMN code2 text UNIQUE",
        "ALTER TABLE users ALTER COLUMN name SET STATISTICS 1000",
        "DROP TABLE orders",
        "DROP INDEX CONCURRENTLY users_lower",
    ] {
        assert_eq!(texts(&migrated(&mut script(), sql)), [sql], "{sql}");
    }
}

#[test]
fn later_statements_know_what_earlier_ones_made() {
    let mut script = script();
    migrated(
        &mut script,
        "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN email TO mail",
    );
    migrated(&mut script, "CREATE TABLE a (id int PRIMARY KEY, x int UNIQUE)");
    let made = migrated(
        &mut script,
        "CREATE TABLE b (a int REFERENCES a (x)); INSERT INTO people VALUES (1, 'm') ON CONFLICT (mail) DO NOTHING",
    );
    let all = texts(&made).join("\n");
    assert!(all.contains("REFERENCES \"a\" (\"tenant_id\", \"x\")"), "{all}");
    assert!(
        all.contains("INSERT INTO people (id, mail) VALUES (1, 'm') ON CONFLICT (tenant_id, mail)"),
        "{all}"
    );
}

#[test]
fn partitions_have_the_names_of_a_plain_database() {
    let mut script = script();
    let made = migrated(
        &mut script,
        "CREATE TABLE events (id bigint, at date NOT NULL, kind text, PRIMARY KEY (id, at), UNIQUE (kind, at)) PARTITION BY RANGE (at);
         CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
         CREATE INDEX CONCURRENTLY ON events (kind)",
    );
    insta::assert_snapshot!(texts(&made).join(";\n"));
}

/// What a table is made after is written out, as the plain table would be.
#[test]
fn tables_made_after_something_else_are_written_out() {
    let mut script = script();
    migrated(&mut script, "CREATE TYPE place AS (street text, zip varchar(5))");
    for sql in [
        "CREATE TABLE a (LIKE users)",
        "CREATE TABLE b (LIKE users INCLUDING ALL, more int UNIQUE)",
        "CREATE TABLE c (LIKE orders INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY EXCLUDING INDEXES)",
        "CREATE TABLE d OF place (PRIMARY KEY (street), zip WITH OPTIONS NOT NULL DEFAULT 'x')",
    ] {
        let made = migrated(&mut script, sql);
        insta::assert_snapshot!(texts(&made)[0]);
    }
    // A table whose columns are known is one like others.
    assert_eq!(
        rewritten(&script.rewriter, "TABLE a").as_deref(),
        Some("SELECT id, email, name, token FROM a")
    );
    migrated(&mut script, "ALTER TYPE place ADD ATTRIBUTE country text");
    assert!(script.migrate("CREATE TABLE e OF place").is_err());
    let plain = script_of(SCHEMA, &declaration(""), TenancyModel::Database);
    let sql = "CREATE TABLE b (LIKE users INCLUDING ALL)";
    assert_eq!(texts(&migrated(&mut { plain }, sql))[0], sql);
}

#[test]
fn partitions_may_say_more_than_their_parent() {
    let mut script = script();
    migrated(
        &mut script,
        "CREATE TABLE events (id bigint, at date, kind text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
    );
    let made = migrated(
        &mut script,
        "CREATE TABLE events_26 PARTITION OF events (kind DEFAULT 'x' NOT NULL CHECK (kind <> ''), UNIQUE (kind, at)) FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    );
    insta::assert_snapshot!(texts(&made)[..2].join(";\n"));
    assert!(script.migrate("CREATE TABLE p PARTITION OF events (x NOT NULL) DEFAULT").is_err());
}

/// There is nothing to build where there are no partitions.
#[test]
fn an_index_of_a_partitioned_table_is_not_built_concurrently() {
    let mut script = script();
    migrated(
        &mut script,
        "CREATE TABLE events (id bigint, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
    );
    let made = migrated(&mut script, "CREATE INDEX CONCURRENTLY i ON events (id)");
    assert_eq!(texts(&made), ["CREATE INDEX  i ON events (tenant_id, id)"]);
    assert!(made[0].transactional);
}
