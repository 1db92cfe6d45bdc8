//! What a read-only login might try, so that it would write after all.

use super::{MODES, Protocol, as_reports, assert_denied, filled, models, rows_of_all, run};
use crate::world::connect;
use tenantry_testkit::versions_for_tests;
use tokio_postgres::Client;

const WRITE: &str = "INSERT INTO notes (body) VALUES ('x')";

/// Ways to say that transactions write, and the way out of each.
const SETTINGS: &[(&[&str], &str)] = &[
    (&["SET default_transaction_read_only = off"], "RESET default_transaction_read_only"),
    (&["SELECT set_config('default_transaction_read_only', 'off', false)"], "RESET ALL"),
    (&["SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"], "RESET ALL"),
    (&["BEGIN READ WRITE"], "ROLLBACK"),
    (&["START TRANSACTION READ WRITE"], "ROLLBACK"),
    (&["BEGIN", "SET TRANSACTION READ WRITE"], "ROLLBACK"),
    (&["BEGIN", "SET LOCAL transaction_read_only = off"], "ROLLBACK"),
    (&["BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE, DEFERRABLE"], "ROLLBACK"),
];

/// What would make it somebody else, or give it rights; `{login}` is the application's role.
const RIGHTS: &[(&str, &[&str])] = &[
    ("SET ROLE {login}", &["42501"]),
    ("SET LOCAL ROLE {login}", &["42501"]),
    ("SELECT set_config('role', '{login}', false)", &["42501"]),
    ("SET ROLE tenantry_owner", &["42501"]),
    ("SET SESSION AUTHORIZATION {login}", &["42501"]),
    ("SELECT set_config('session_authorization', '{login}', false)", &["42501"]),
    ("GRANT INSERT ON notes TO CURRENT_USER", &["42501"]),
    ("GRANT {login} TO CURRENT_USER", &["42501"]),
    ("ALTER ROLE CURRENT_USER SET default_transaction_read_only = off", &["42501"]),
    ("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO CURRENT_USER", &["42501"]),
    ("CREATE ROLE mine", &["42501"]),
    ("CREATE EXTENSION dblink", &["42501", "0A000"]),
    ("ALTER SYSTEM SET default_transaction_read_only = off", &["42501"]),
    ("SET session_replication_role = 'replica'", &["42501"]),
    ("SET backtrace_functions = 't_00000000000000000000000000000000' '1'", &["42501", "42601"]),
    ("SELECT tenancy.put_key(1, decode(repeat('00', 32), 'hex'))", &["42501"]),
    ("INSERT INTO tenancy.gate SELECT * FROM tenancy.gate", &["42501"]),
    ("CALL tenancy.begin_copy('notes', '{body}')", &["42501"]),
    ("SELECT * FROM tenancy.reader_grants('a', 'b')", &["42501"]),
];

async fn role_of(client: &Client) -> String {
    run(client, "SELECT current_user::text", Protocol::Simple).await.unwrap().remove(0)
}

#[tokio::test]
async fn no_setting_and_no_role_lets_a_reader_write() {
    for version in versions_for_tests() {
        let world = filled(version, 1).await;
        let before = rows_of_all(&world).await;
        for (_, tenant) in models() {
            let login = role_of(&world.connect(tenant).await).await;
            for mode in MODES {
                let reader = connect(&as_reports(&world, tenant, mode)).await.unwrap();
                assert_eq!(role_of(&reader).await, format!("{login}_ro"));
                for (ways, out) in SETTINGS {
                    let what = format!("{version} {tenant} {mode}: {ways:?}");
                    for way in *ways {
                        reader.simple_query(way).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
                    }
                    assert_denied(reader.simple_query(WRITE).await, &["42501"], &what);
                    reader.simple_query(out).await.unwrap();
                    // And in one text, where the transaction may have begun as it was.
                    let text = format!("{}; {WRITE}", ways.join("; "));
                    assert_denied(reader.simple_query(&text).await, &["42501", "25006"], &text);
                    reader.simple_query(out).await.unwrap();
                    assert_eq!(role_of(&reader).await, format!("{login}_ro"), "{what}");
                }
                for (sql, codes) in RIGHTS {
                    let sql = sql.replace("{login}", &login);
                    reader.simple_query("SET default_transaction_read_only = off").await.unwrap();
                    let error = reader.simple_query(&sql).await.expect_err(&sql);
                    let code = super::code(&error);
                    assert!(codes.contains(&&*code), "{version} {tenant} {mode}: {sql}: {error:?}");
                    assert_denied(reader.simple_query(WRITE).await, &["42501"], &sql);
                }
            }
            let mut config = as_reports(&world, tenant, "transaction");
            config.options("-c default_transaction_read_only=off -c transaction_read_only=off");
            if let Ok(reader) = connect(&config).await {
                assert_denied(reader.simple_query(WRITE).await, &["42501"], tenant);
            }
        }
        assert_eq!(rows_of_all(&world).await, before);
        world.close().await;
    }
}

/// What an SQL-level statement, a cursor or a portal begins is no more than what it could do itself.
#[tokio::test]
async fn no_detour_lets_a_reader_write() {
    let world = filled(*versions_for_tests().last().unwrap(), 1).await;
    let before = rows_of_all(&world).await;
    for (_, tenant) in models() {
        let reader = connect(&as_reports(&world, tenant, "session")).await.unwrap();
        reader.simple_query("SET default_transaction_read_only = off").await.unwrap();
        for sql in [
            "PREPARE p AS INSERT INTO notes (body) VALUES ('x'); EXECUTE p",
            "BEGIN; DECLARE c CURSOR FOR SELECT id FROM notes FOR UPDATE; FETCH c",
            "BEGIN; LOCK TABLE notes IN ROW EXCLUSIVE MODE",
            "EXPLAIN ANALYZE INSERT INTO notes (body) VALUES ('x')",
            "CREATE TEMPORARY TABLE t AS SELECT 1",
            "COPY notes (body) FROM '/etc/hostname'",
            "COPY notes TO '/tmp/notes'",
            "COPY notes TO PROGRAM 'cat'",
        ] {
            assert_denied(reader.simple_query(sql).await, &["42501"], sql);
            reader.simple_query("ROLLBACK; DEALLOCATE ALL").await.unwrap();
        }
    }
    assert_eq!(rows_of_all(&world).await, before);
    world.close().await;
}
