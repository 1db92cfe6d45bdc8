//! What is refused, however it is written, and what is not.

use super::*;
use tenantry_core::TenancyModel::{Database, Schema, Shared};

fn refused(sql: &str, model: TenancyModel) -> bool {
    refusal(sql.as_bytes(), model, true, || false).is_some()
}

#[test]
fn roles_and_rights_are_nobodys_to_change() {
    for sql in [
        "ALTER ROLE CURRENT_USER PASSWORD 'x'",
        "alter user me SET statement_timeout = 1",
        "ALTER GROUP g ADD USER u",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "DROP OWNED BY CURRENT_USER",
        "REASSIGN OWNED BY a TO b",
        "GRANT a TO b",
        "revoke select on t from a",
        "  /* a /* nested */ comment */ -- and one more\n ALTER/**/ROLE a NOLOGIN",
        "-- carriage return\rDROP OWNED BY me",
        "SELECT 1;ALTER ROLE a RESET ALL",
        "SELECT ';'; ; alter\u{b}role a RESET ALL",
        "SELECT $$ ; $$; ALTER ROLE a RESET ALL",
        "SELECT $a$ $$ ; $a$; ALTER ROLE a RESET ALL",
        "SELECT 1$$ $$; ALTER ROLE a RESET ALL",
        "SELECT a$b$; ALTER ROLE a RESET ALL; SELECT $b$",
        r"SELECT '\'; ALTER ROLE a RESET ALL; --'",
        r"SELECT '\'' ; ALTER ROLE a RESET ALL",
        r"SELECT E'\'' ; ALTER ROLE a RESET ALL",
        "SELECT E'a'\n'\\''; ALTER ROLE a RESET ALL",
        "SELECT '\\', E'a' -- comment\n'\\''; ALTER ROLE a RESET ALL",
        "SELECT \"';\" ; ALTER ROLE a RESET ALL; --'",
        "SELECT 'it''s'; ALTER ROLE a RESET ALL",
    ] {
        for model in [Shared, Schema, Database] {
            assert!(refused(sql, model), "{sql}");
        }
    }
    // Of an encoding whose characters may hold quotes, everything is read.
    assert!(refusal(b"SELECT '\x81\\'; ALTER ROLE a RESET ALL --'", Database, false, || false).is_some());
}

#[test]
fn what_a_pool_tells_or_holds_up_is_refused_there_alone() {
    for sql in [
        "EXPLAIN SELECT 1",
        "explain (analyze) select 1",
        "LOCK notes",
        "LOCK TABLE notes IN SHARE MODE",
        "LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE NOWAIT",
        "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE",
    ] {
        assert!(refused(sql, Shared) && refused(sql, Schema) && !refused(sql, Database), "{sql}");
    }
    for sql in [
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "rollback prepared 'x'",
        "LISTEN news",
        " notify\tnews, 'x'",
        "SELECT 1; LISTEN news",
    ] {
        assert!(refused(sql, Shared) && refused(sql, Schema) && !refused(sql, Database), "{sql}");
    }
}

#[test]
fn everything_else_goes_on() {
    for sql in [
        "",
        ";;",
        "SELECT 1",
        "SELECT 'ALTER ROLE'; SELECT 2",
        "INSERT INTO t VALUES ('; ALTER ROLE a')",
        "INSERT INTO t VALUES ($$; DROP OWNED BY me$$); SELECT 1",
        "SELECT 1 -- ; ALTER ROLE a",
        "SELECT \"; ALTER ROLE a\"",
        "ALTER TABLE role ADD x int",
        "DROP TABLE owned",
        "PREPARE transactions AS SELECT 1",
        "COMMIT",
        "ROLLBACK TO s",
        "PREPARE p AS SELECT 1",
        "UNLISTEN news",
        "SELECT 'LISTEN news; NOTIFY news'",
        "notify_all()",
        "LOCK TABLE notes IN ACCESS SHARE MODE",
        "LOCK TABLE notes IN ROW EXCLUSIVE MODE NOWAIT",
        "lock notes in row share mode",
        "SELECT $1; SELECT $2",
        "/* EXPLAIN */ SELECT 1",
        "/* without an end ; ALTER ROLE a",
        "SELECT 'without an end ; ALTER ROLE a",
    ] {
        assert!(!refused(sql, Shared), "{sql}");
    }
}

#[test]
fn explain_is_the_plans_to_allow_and_nothing_else_with_it() {
    let allowed = |sql: &str| refusal(sql.as_bytes(), Shared, true, || true).is_none();
    assert!(allowed("EXPLAIN SELECT 1") && !refused("EXPLAIN SELECT 1", Database));
    assert!(!allowed("EXPLAIN SELECT 1; ALTER ROLE a RESET ALL"));
}

#[test]
fn what_is_not_allowed_is_told_apart_from_what_a_pool_has_not() {
    for (sql, code) in [
        ("ALTER ROLE a RESET ALL", "42501"),
        ("EXPLAIN SELECT 1", "42501"),
        ("LOCK notes", "42501"),
        ("LISTEN news", "0A000"),
        ("NOTIFY news", "0A000"),
        ("COMMIT PREPARED 'x'", "0A000"),
    ] {
        let error = refusal(sql.as_bytes(), Schema, true, || false).unwrap();
        assert_eq!(error.sqlstate, code, "{sql}");
        assert!(error.hint.is_some(), "{sql}");
    }
}
