use super::{SCHEMA, migrated, refused, script, script_of, texts};
use crate::{Runs, Script};

#[test]
fn each_refusal_says_why_and_what_to_do() {
    for (sql, reason) in [
        ("CREATE TABLE a (LIKE nowhere)", "LIKE nowhere"),
        ("CREATE TABLE a () INHERITS (users)", "INHERITS"),
        ("CREATE TABLE a OF b", "attributes of the type are not known"),
        ("CREATE TABLE a AS EXECUTE p", "made from a query"),
        ("CREATE TABLE a AS SELECT * FROM nowhere", "can't be told from its query"),
        ("CREATE TABLE a AS SELECT 1 AS tenant_id", "tenant column already"),
        ("CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b (LIKE a)", "types of its columns"),
        ("SELECT 1 INTO a", "made from a query"),
        ("CREATE MATERIALIZED VIEW a AS SELECT * FROM nowhere", "can't be told from its query"),
        ("CREATE MATERIALIZED VIEW users AS SELECT 1", "is there already"),
        ("REFRESH MATERIALIZED VIEW a", "no materialized view a"),
        (
            "CREATE MATERIALIZED VIEW a AS SELECT id FROM users; ALTER MATERIALIZED VIEW a RENAME TO b",
            "a function with its name fills it",
        ),
        (
            "CREATE MATERIALIZED VIEW a AS SELECT id FROM users; ALTER MATERIALIZED VIEW a SET (fillfactor = 70)",
            "a function with its name fills it",
        ),
        ("CREATE RULE r AS ON INSERT TO users DO NOTHING", "rule"),
        ("CREATE TABLE elsewhere.a (id int)", "another schema"),
        ("ALTER TABLE users DISABLE ROW LEVEL SECURITY", "keeps tenants apart"),
        ("ALTER TABLE users NO FORCE ROW LEVEL SECURITY", "keeps tenants apart"),
        ("ALTER TABLE users OWNER TO x, ADD z int", "owners"),
        ("ALTER TABLE users SET SCHEMA x", "schema of a placement"),
        (
            "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON UPDATE SET NULL",
            "ON UPDATE SET NULL",
        ),
        ("ALTER TABLE countries ADD owner bigint REFERENCES users", "global table"),
        ("ALTER TABLE users ADD tenant_id bigint", "tenant column already"),
        ("GRANT TRUNCATE ON users TO x", "TRUNCATE is not among the rights"),
        ("GRANT INSERT ON users, countries TO x", "INSERT is not among the rights"),
        ("GRANT SELECT ON users TO PUBLIC", "every role of the server"),
        ("GRANT SELECT ON users TO x WITH GRANT OPTION", "GRANT OPTION"),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO x", "gets them with each table"),
        ("GRANT SELECT ON SEQUENCE orders_id_seq TO x", "may take numbers"),
        ("GRANT CREATE ON SCHEMA public TO x", "creates nothing"),
        ("GRANT x TO y", "belongs to the server"),
        ("REVOKE DELETE ON users FROM x", "keeps them"),
        ("REASSIGN OWNED BY x TO y", "owners"),
        ("DROP OWNED BY x", "owners"),
        ("IMPORT FOREIGN SCHEMA x FROM SERVER y INTO public", "foreign table"),
        ("CREATE FOREIGN TABLE f (a int) SERVER y", "foreign table"),
        ("ALTER FOREIGN TABLE f ADD b int", "belongs to the database"),
        ("DROP FOREIGN TABLE f", "belongs to the database"),
        ("DROP ROLE x", "belongs to the database"),
        ("ALTER ROLE x SET search_path = y", "belongs to the database"),
        ("ALTER DATABASE x RENAME TO y", "belongs to the database"),
        ("ALTER SCHEMA public RENAME TO y", "belongs to the database"),
        ("ALTER SYSTEM SET fsync = off", "belongs to the database"),
        ("PREPARE p AS DELETE FROM users", "prepared under a name"),
        ("EXECUTE p", "prepared under a name"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT id FROM users", "cursor"),
        ("EXPLAIN ANALYZE CREATE TABLE a AS SELECT 1", "does what it explains"),
        ("EXPLAIN DELETE FROM users", "does what it explains"),
        ("SELECT 1 INTO a UNION SELECT 2", "made from a query"),
        ("LISTEN x", "listens"),
        ("DISCARD ALL", "DISCARD"),
        ("RESET ALL", "every setting"),
        ("RESET search_path", "search_path"),
        ("SET \"Search_Path\" = x", "search_path"),
        ("SET LOCAL ROLE x", "role"),
        ("SET session_replication_role = replica", "session_replication_role"),
        ("SET standard_conforming_strings = off", "strings"),
        ("SET tenancy.tenant = '8'", "Tenantry's"),
        ("SELECT set_config('search_path', '', false)", "search_path"),
        ("SELECT 1 WHERE pg_catalog.set_config('ROLE', 'x', true) IS NULL", "role"),
        ("UPDATE countries SET name = set_config(name, 'x', true)", "doesn't say which setting"),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x", "rights"),
        ("REVOKE SELECT ON elsewhere.a FROM PUBLIC", "keeps them"),
        ("DROP POLICY tenantry_floor ON users", "keeps tenants apart"),
        ("CREATE POLICY tenantry_x ON users USING (true)", "are Tenantry's"),
        ("CREATE POLICY x ON users TO y USING (true)", "roles of their own"),
        ("DO $$ BEGIN END $$", "DO block"),
        ("COPY users FROM '/tmp/x'", "files of the server"),
        ("\\d users", "psql"),
        ("COPY users FROM stdin;\n1\ta\n\\.\n", "not SQL"),
        ("SET search_path = x", "search_path"),
        ("TRUNCATE users", "TRUNCATE"),
        ("CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()", "belongs to the database"),
        ("CREATE TABLE a (id int REFERENCES nowhere)", "not there"),
        ("CREATE TABLE", "syntax error"),
    ] {
        let refusal = refused(sql);
        assert!(refusal.message.contains(reason), "{sql}: {refusal}");
        assert!(
            refusal.hint.is_some() || refusal.message.contains("syntax") || reason == "not there",
            "{sql}"
        );
    }
}

#[test]
fn a_refusal_points_at_its_place() {
    let refusal = refused("SELECT 1;\nALTER TABLE orders\n    ADD x int REFERENCES nowhere (id);");
    assert_eq!((refusal.place.line, refusal.place.column, refusal.place.length), (3, 26, 7));
    let refusal = refused("SELECT 1;\nCREATE TABEL x (id int);");
    assert_eq!(refusal.place.to_string(), "2 | CREATE TABEL x (id int);\n  |        ^^^^^");
}

#[test]
fn a_refusal_offers_choices_at_the_place() {
    for (sql, at, choices) in [
        ("CREATE TABLE a () INHERITS (users)", "users", 2),
        ("SELECT id INTO a FROM users", "SELECT id INTO a FROM users", 3),
        ("CREATE TABLE a AS SELECT * FROM nowhere", "a", 1),
        ("TRUNCATE users", "TRUNCATE users", 3),
        ("DO $$ BEGIN END $$", "DO $$ BEGIN END $$", 1),
        ("UPDATE users SET name = 'x'", "UPDATE users SET name = 'x'", 2),
    ] {
        let refusal = refused(sql);
        let place = &refusal.place;
        let pointed: String = sql.chars().skip(place.column - 1).take(place.length).collect();
        assert_eq!((pointed.as_str(), refusal.choices.len()), (at, choices), "{sql}: {refusal}");
    }
}

/// Where one tenant has the database to itself, nothing of it needs another form.
#[test]
fn a_database_of_its_own_takes_them_as_they_are() {
    let mut script =
        script_of(SCHEMA, &tenantry_schema::Declaration::default(), super::TenancyModel::Database);
    for sql in [
        "CREATE TABLE a AS SELECT id, email FROM users",
        "CREATE TABLE b (more int) INHERITS (users)",
        "CREATE MATERIALIZED VIEW m AS SELECT id FROM users",
        "CREATE UNIQUE INDEX ON m (id)",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
        "ALTER MATERIALIZED VIEW m SET (fillfactor = 70)",
        "COMMENT ON MATERIALIZED VIEW m IS 'x'",
        "DROP MATERIALIZED VIEW m",
    ] {
        assert_eq!(migrated(&mut script, sql)[0].sql, sql);
    }
    assert!(script.model().table("b").unwrap().column("email").is_some());
}

#[test]
fn materialized_views_are_filled_for_each_tenant() {
    let mut script = script();
    let made = migrated(
        &mut script,
        "CREATE MATERIALIZED VIEW m AS SELECT id, count(*) AS n FROM users GROUP BY id",
    );
    let last = made.last().unwrap();
    assert_eq!((last.sql.as_str(), last.runs), ("SELECT refresh_m()", Runs::PerTenant));
    assert!(made.iter().any(|made| made.sql == "CREATE TABLE m AS SELECT id, n FROM m_query WITH NO DATA"));
    for (sql, becomes) in [
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", "SELECT refresh_m()"),
        ("REFRESH MATERIALIZED VIEW m WITH NO DATA", "DELETE FROM m"),
    ] {
        let refreshed = migrated(&mut script, sql);
        assert_eq!((refreshed[0].sql.as_str(), refreshed[0].runs), (becomes, Runs::PerTenant), "{sql}");
    }
    let index = migrated(&mut script, "CREATE UNIQUE INDEX i ON m (id)");
    assert_eq!(texts(&index), ["CREATE UNIQUE INDEX i ON m (tenant_id, id)"]);
    let comment = migrated(&mut script, "COMMENT ON MATERIALIZED VIEW m IS 'people'");
    assert!(comment[0].sql.starts_with("COMMENT ON TABLE m IS 'people"), "{}", comment[0].sql);
    let dropped = migrated(&mut script, "DROP MATERIALIZED VIEW m");
    let wanted =
        ["DROP FUNCTION refresh_m()", "DROP TABLE m", "DROP VIEW m_query", "DROP TABLE tenantry_refreshed"];
    assert_eq!(texts(&dropped), wanted);
}

#[test]
fn nothing_is_kept_of_a_refused_script() {
    let mut script = script();
    assert!(script.migrate("CREATE TABLE a (id int PRIMARY KEY); TRUNCATE users").is_err());
    assert!(script.model().table("a").is_none());
    let (model, known) = (script.model().clone(), format!("{:?}", sorted(&script)));
    for begun in [
        "CREATE TABLE a (id serial PRIMARY KEY, b bigint REFERENCES users (email))",
        "ALTER TABLE users ADD x serial UNIQUE, DROP COLUMN name, ADD UNIQUE (id, email)",
        "ALTER TABLE orders DROP COLUMN id",
        "CREATE INDEX ON users (id)",
        "COMMENT ON TABLE users IS 'x'",
        "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN email TO mail",
        "DROP TABLE orders; CREATE TABLE orders (id int PRIMARY KEY)",
        "DROP INDEX users_lower",
        "CREATE TRIGGER t BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE EXTENSION citext",
    ] {
        assert!(script.migrate(&format!("{begun}; TRUNCATE countries")).is_err(), "{begun}");
        assert!(*script.model() == model, "{begun}");
        assert_eq!(format!("{:?}", sorted(&script)), known, "{begun}");
    }
    migrated(&mut script, "CREATE TABLE a (id int PRIMARY KEY)");
}

fn sorted(script: &Script) -> std::collections::BTreeMap<&String, &crate::known::Facts> {
    script.rewriter.known().tables.iter().collect()
}

#[test]
fn markers_skip_and_pass_on() {
    let mut script = script();
    assert!(migrated(&mut script, "-- tenantry: skip\nGRANT TRUNCATE ON users TO x").is_empty());
    let verbatim = "DO $$ BEGIN END $$";
    assert_eq!(texts(&migrated(&mut script, &format!("-- tenantry: verbatim\n{verbatim}"))), [verbatim]);
}

#[test]
fn comments_keep_the_marker_and_views_ask_as_their_reader() {
    let mut script = script();
    let made = migrated(
        &mut script,
        "COMMENT ON TABLE users IS 'people'; CREATE VIEW v AS SELECT * FROM users; CREATE VIEW w WITH (security_barrier) AS SELECT id, name FROM users GROUP BY id",
    );
    insta::assert_snapshot!(texts(&made).join(";\n"));
}

#[test]
fn functions_that_run_before_the_floor_are_refused() {
    for sql in [
        "CREATE FUNCTION f(text) RETURNS bool LANGUAGE sql LEAKPROOF AS 'SELECT true'",
        "ALTER FUNCTION f(text) LEAKPROOF",
        "ALTER ROUTINE f(text) STABLE LEAKPROOF",
    ] {
        assert!(refused(sql).message.starts_with("LEAKPROOF"), "{sql}");
    }
    migrated(
        &mut script(),
        "CREATE FUNCTION f(text) RETURNS bool LANGUAGE sql NOT LEAKPROOF AS 'SELECT true'",
    );
    migrated(&mut script(), "ALTER FUNCTION f(text) NOT LEAKPROOF");
}

/// The roles of the plain schema become the two that a placement has.
#[test]
fn rights_and_owners_are_mapped_to_the_roles_of_a_placement() {
    let mut script = script();
    for (sql, wanted) in [
        ("GRANT SELECT ON users TO web", "GRANT SELECT ON TABLE users TO \"app\""),
        (
            "GRANT ALL ON users, orders TO web, jobs",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE users, orders TO \"app\"",
        ),
        ("GRANT ALL PRIVILEGES ON TABLE countries TO web", "GRANT SELECT ON TABLE countries TO \"app\""),
        (
            "GRANT SELECT (id), UPDATE (name) ON users TO web",
            "GRANT SELECT, UPDATE ON TABLE users TO \"app\"",
        ),
        ("GRANT EXECUTE ON FUNCTION f(int) TO web", "GRANT EXECUTE ON FUNCTION f(int) TO \"app\""),
        ("REVOKE ALL ON users FROM PUBLIC", "REVOKE ALL ON users FROM PUBLIC"),
        ("ALTER TABLE users OWNER TO me", "ALTER TABLE users OWNER TO \"owner\""),
        ("ALTER SEQUENCE s OWNER TO me", "ALTER SEQUENCE s OWNER TO \"owner\""),
        ("ALTER FUNCTION f(int) OWNER TO CURRENT_USER", "ALTER FUNCTION f(int) OWNER TO \"owner\""),
        ("ALTER TYPE mood OWNER TO me", "ALTER TYPE mood OWNER TO \"owner\""),
    ] {
        assert_eq!(texts(&migrated(&mut script, sql)), [wanted], "{sql}");
    }
    for sql in ["GRANT USAGE ON SCHEMA public TO web", "GRANT USAGE ON TYPE mood TO web"] {
        assert!(migrated(&mut script, sql).is_empty(), "{sql}: the application's role has it");
    }
}

#[test]
fn keys_over_rows_that_are_there_are_looked_at_past_row_level_security() {
    let mut script = script();
    for (sql, runs) in [
        ("ALTER TABLE orders ADD COLUMN of bigint", Runs::Once),
        ("ALTER TABLE orders ADD CONSTRAINT k FOREIGN KEY (of) REFERENCES users NOT VALID", Runs::Once),
        ("ALTER TABLE orders VALIDATE CONSTRAINT k", Runs::Validating),
        ("ALTER TABLE orders ADD FOREIGN KEY (of) REFERENCES users", Runs::Validating),
        ("ALTER TABLE orders ADD by bigint REFERENCES users", Runs::Validating),
        ("ALTER TABLE orders ADD UNIQUE (of)", Runs::Once),
    ] {
        assert!(migrated(&mut script, sql).iter().any(|made| made.runs == runs), "{sql}");
    }
}

/// Row-level security of a global table is the application's own.
#[test]
fn tables_that_are_nobodys_may_have_row_level_security_and_policies() {
    let mut script = script();
    assert!(script.migrate("CREATE POLICY p ON countries USING (true)").is_err(), "it is not enabled");
    for sql in [
        "ALTER TABLE countries ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE countries FORCE ROW LEVEL SECURITY",
        "CREATE POLICY p ON countries USING (code <> 'xx')",
        "ALTER TABLE countries NO FORCE ROW LEVEL SECURITY",
    ] {
        assert_eq!(texts(&migrated(&mut script, sql)), [sql]);
    }
    assert!(script.model().table("countries").unwrap().row_security);
}
