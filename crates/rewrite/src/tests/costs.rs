//! Texts that are long or vicious are rewritten or refused in a time that grows with their length.

use super::{refused, rewriter, script};
use crate::Rewritten;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Squares would take minutes.
const PATIENCE: Duration = Duration::from_secs(20);

fn answer(sql: &str) -> String {
    let begun = Instant::now();
    let answer = match rewriter().rewrite(sql) {
        Ok(Rewritten::Unchanged(_)) => "unchanged".to_owned(),
        Ok(Rewritten::Changed(_)) => "changed".to_owned(),
        Err(refusal) => refusal.message,
    };
    assert!(begun.elapsed() < PATIENCE, "{:?} for {} bytes: {}", begun.elapsed(), sql.len(), &sql[..40]);
    answer
}

#[test]
fn many_rows_are_held_piece_by_piece() {
    let mut sql = "INSERT INTO users VALUES (0, 'a')".to_owned();
    for row in 0..60_000 {
        write!(sql, ", ({row}, 'a')").unwrap();
    }
    assert_eq!(answer(&sql), "changed");
    assert_eq!(answer(&format!("{sql} ON CONFLICT (id) DO NOTHING")), "changed");
}

#[test]
fn what_the_guard_would_print_for_minutes_is_refused() {
    let long = "the statement is too long to be rewritten";
    assert_eq!(answer(&format!("SELECT * FROM users WHERE id IN (1{})", ",1".repeat(200_000))), long);
    assert_eq!(answer(&format!("SELECT {}u.* FROM users u", "u.*, ".repeat(10_000))), long);
    assert_eq!(answer(&format!("INSERT INTO users VALUES (1), (ARRAY[1{}])", ",1".repeat(200_000))), long);
    assert_eq!(
        answer(&format!("SELECT id FROM users WHERE id IN (1{}) -- *", ",1".repeat(200_000))),
        "unchanged"
    );
}

#[test]
fn runs_of_operator_signs_are_left_to_the_server() {
    for sql in [
        format!("INSERT INTO users {} VALUES (1)", "/*".repeat(100_000)),
        format!("INSERT INTO users {} VALUES (1)", "/*+".repeat(100_000)),
        format!("INSERT INTO users VALUES (1 {} 1)", "+-".repeat(500_000)),
    ] {
        assert_eq!(answer(&sql), "unchanged");
        assert!(script().migrate(&sql).is_err());
    }
    // Ornaments are none.
    for sign in ["*", "-", "="] {
        let sql = format!("/*{0}\n*/ -- {0}\nINSERT INTO users VALUES (1, '{0}')", sign.repeat(2_000));
        assert_eq!(answer(&sql), "changed");
    }
}

#[test]
fn the_pools_schema_is_not_named_from_a_tenants_own() {
    use super::{SCHEMA, TenancyModel, declaration, script_of};
    let mut script = script_of(SCHEMA, &declaration(""), TenancyModel::Schema);
    script.target.schema = tenantry_core::SqlIdent::new("t_7").unwrap();
    for sql in [
        "DROP TABLE public.users",
        "DROP TABLE \"public\".users CASCADE",
        "ALTER TABLE Public.users RENAME TO people",
        "DROP FUNCTION public.f()",
        "CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "UPDATE public.users SET name = 'x'",
        "COMMENT ON TABLE public.users IS 'x'",
        "CREATE TRIGGER t BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION f()",
    ] {
        let refusal = script.migrate(sql).expect_err(sql);
        assert_eq!(refusal.message, "the schema of the placement is not called public", "{sql}");
    }
    script.migrate("SELECT 'public.users' -- public.users").unwrap();
    script.migrate("-- tenantry: verbatim\nDROP TABLE public.users").unwrap();
    assert!(refused("DROP TABLE tenancy.gate").message.starts_with("tenancy is another schema"));
    assert!(
        refused("CREATE FUNCTION tenancy.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
            .message
            .contains("another schema")
    );
}

#[test]
fn views_over_what_is_not_the_tenants_are_for_reading() {
    use super::{SCHEMA, TenancyModel, declaration, migrated, script_of};
    for model in TenancyModel::ALL {
        let mut script = script_of(SCHEMA, &declaration(""), model);
        let rights = |script: &mut crate::Script, sql: &str| migrated(script, sql).pop().unwrap().sql;
        let copies = rights(&mut script, "CREATE VIEW v AS SELECT code, name FROM countries");
        assert_eq!(copies, "GRANT SELECT ON TABLE v TO \"app\"", "{model}");
        let tenants = rights(&mut script, "CREATE VIEW w AS SELECT id, name FROM users");
        assert_eq!(tenants, "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE w TO \"app\"", "{model}");
    }
}

#[test]
fn a_view_asks_as_its_reader_whatever_is_said_of_it() {
    for (sql, becomes) in [
        (
            "CREATE VIEW v WITH (security_invoker = false) AS SELECT id FROM users",
            "CREATE VIEW v WITH (security_invoker = true) AS SELECT id FROM users",
        ),
        (
            "CREATE VIEW v WITH (security_barrier, security_invoker = 'off') AS SELECT id FROM users",
            "CREATE VIEW v WITH (security_barrier, security_invoker = true) AS SELECT id FROM users",
        ),
        ("ALTER VIEW v SET (security_invoker = off)", "ALTER VIEW v SET (security_invoker = true)"),
        (
            "ALTER VIEW v SET (security_barrier, security_invoker = no), ALTER a SET DEFAULT 1",
            "ALTER VIEW v SET (security_barrier, security_invoker = true), ALTER a SET DEFAULT 1",
        ),
        ("ALTER VIEW v RESET (security_invoker)", "ALTER VIEW v SET (security_invoker = true)"),
        (
            "ALTER VIEW v RESET (security_invoker, security_barrier)",
            "ALTER VIEW v RESET (security_barrier), SET (security_invoker = true)",
        ),
        ("ALTER VIEW v SET (security_barrier = false)", "ALTER VIEW v SET (security_barrier = false)"),
    ] {
        assert_eq!(script().migrate(sql).unwrap()[0].sql, becomes, "{sql}");
    }
    let noted =
        script().migrate("CREATE VIEW v WITH (security_invoker = 0) AS SELECT id FROM users").unwrap();
    assert!(noted[0].notes[0].contains("asks as its reader"));
}

#[test]
fn what_says_who_sees_a_scoped_row_stays() {
    let declared: tenantry_schema::Declaration = toml::from_str("[tables]\nproducts = \"scoped\"").unwrap();
    let mut script = super::script_of(
        "CREATE TABLE products (id bigint PRIMARY KEY)",
        &declared,
        super::TenancyModel::Shared,
    );
    for sql in [
        "ALTER TABLE products DROP COLUMN IF EXISTS scope_id CASCADE",
        "ALTER TABLE products ALTER scope_id SET DEFAULT 0",
        "DROP TRIGGER tenantry_scope_of_product ON products",
    ] {
        assert!(script.migrate(sql).is_err(), "{sql}");
    }
}
