use super::{migrated, refused, script, texts};
use crate::Script;

#[test]
fn each_refusal_says_why_and_what_to_do() {
    for (sql, reason) in [
        ("CREATE TABLE a (LIKE users)", "LIKE users"),
        ("CREATE TABLE a () INHERITS (users)", "INHERITS"),
        ("CREATE TABLE a OF b", "OF a type"),
        ("CREATE TABLE a AS SELECT 1", "made from a query"),
        ("SELECT 1 INTO a", "made from a query"),
        ("CREATE MATERIALIZED VIEW a AS SELECT 1", "materialized view"),
        ("CREATE RULE r AS ON INSERT TO users DO NOTHING", "rule"),
        ("CREATE TABLE elsewhere.a (id int)", "another schema"),
        ("ALTER TABLE users DISABLE ROW LEVEL SECURITY", "keeps tenants apart"),
        ("ALTER TABLE users NO FORCE ROW LEVEL SECURITY", "keeps tenants apart"),
        ("ALTER TABLE users OWNER TO x", "owners"),
        ("ALTER TABLE users SET SCHEMA x", "schema of a placement"),
        (
            "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON UPDATE SET NULL",
            "ON UPDATE SET NULL",
        ),
        ("ALTER TABLE countries ADD owner bigint REFERENCES users", "global table"),
        ("ALTER TABLE users ADD tenant_id bigint", "tenant column already"),
        ("GRANT SELECT ON users TO x", "rights"),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x", "rights"),
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
    assert!(migrated(&mut script, "-- tenantry: skip\nGRANT SELECT ON users TO x").is_empty());
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
