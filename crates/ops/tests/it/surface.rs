//! The revoked surface, and that what drivers and people need stays.

use crate::support::{ACME, everywhere};
use futures_util::StreamExt;
use std::process::Stdio;
use tenantry_testkit::client_bin;

const DENIED: &str = "42501";

#[tokio::test]
async fn what_reaches_beyond_ones_rows_is_refused() {
    const REFUSED: &[&str] = &[
        "SELECT * FROM pg_stat_activity",
        "SELECT * FROM pg_stat_get_activity(NULL)",
        "SELECT pg_stat_get_backend_activity(1)",
        "SELECT * FROM pg_locks",
        "SELECT * FROM pg_lock_status()",
        "SELECT pg_blocking_pids(1)",
        "SELECT * FROM pg_prepared_xacts",
        "SELECT * FROM pg_prepared_statements",
        "SELECT * FROM pg_prepared_statement()",
        "SELECT * FROM pg_cursors",
        "SELECT pg_cancel_backend(1)",
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_notify('a', 'b')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_advisory_xact_lock_shared(1)",
        "SELECT pg_try_advisory_lock(1, 2)",
        "SELECT pg_advisory_unlock_all()",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_get(1)",
        "SELECT lo_unlink(1)",
        "SELECT * FROM pg_largeobject_metadata",
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        "SELECT table_to_xml('public.notes', true, true, '')",
        "SELECT * FROM ts_stat('SELECT to_tsvector(body) FROM public.notes')",
        "SELECT pg_export_snapshot()",
        "SELECT pg_logical_emit_message(false, 'a', 'b')",
        "SELECT pg_create_logical_replication_slot('a', 'pgoutput')",
        "SELECT * FROM pg_replication_slots",
        "SELECT pg_relation_size('public.notes')",
        "SELECT pg_total_relation_size('public.notes')",
        "SELECT pg_database_size(current_database())",
        "SELECT pg_stat_get_live_tuples('public.notes'::regclass)",
        "SELECT * FROM pg_stat_user_tables",
        "SELECT * FROM pg_statio_user_tables",
        "SELECT * FROM pg_stats",
        "SELECT * FROM pg_sequences",
        "SELECT last_value FROM public.notes_id_seq",
        "SELECT pg_sequence_last_value('public.notes_id_seq'::regclass)",
        "SELECT txid_current()",
        "SELECT pg_current_xact_id()",
        "SELECT pg_current_wal_lsn()",
        "SELECT setseed(0.5)",
        "SELECT rolconfig FROM pg_roles",
        "SELECT * FROM pg_user",
        "SELECT * FROM pg_db_role_setting",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT * FROM pg_ls_logdir()",
        "SELECT * FROM pg_hba_file_rules",
        "SELECT * FROM pg_backend_memory_contexts",
        "SELECT pg_log_backend_memory_contexts(1)",
        "UPDATE pg_settings SET setting = 'off' WHERE name = 'row_security'",
        "DO $$ BEGIN NULL; END $$",
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TEMP TABLE notes (id int)",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE EXTENSION dblink",
        "COPY public.notes TO PROGRAM 'cat'",
        "COPY public.notes TO '/tmp/notes'",
        "SELECT * FROM tenancy.keys",
        "SELECT * FROM tenancy.gate",
        "SELECT * FROM tenancy.core",
        "UPDATE tenancy.gate SET value = '8'",
        "SELECT tenancy.put_key(1, decode(repeat('00', 32), 'hex'))",
        "SELECT tenancy.drop_key(1)",
        "SELECT tenancy.surface()",
        "SELECT tenancy.fence_key(7)",
        "CREATE ROLE mine",
        "ALTER ROLE tenantry_owner LOGIN",
        "ALTER SYSTEM SET backtrace_functions = 't_8'",
        "CREATE PUBLICATION mine",
        "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
    ];
    for data in everywhere("surface").await {
        let label = data.label();
        let open =
            data.admin.query("SELECT kind, privilege, object FROM tenancy.surface()", &[]).await.unwrap();
        assert!(open.is_empty(), "{label}: {open:?}");
        let session = data.inside(ACME).await;
        for sql in REFUSED {
            assert_eq!(session.outcome(sql).await, DENIED, "{label}: {sql}");
            assert_eq!(session.sees().await, "7", "{label}: {sql}");
        }
    }
}

/// Whatever a later version of PostgreSQL adds to these families must be looked at before it is left open.
#[tokio::test]
async fn every_volatile_function_that_is_left_open_is_known() {
    let known = include_str!("open_functions.txt");
    let sql =
        "SELECT DISTINCT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
               AND has_function_privilege('public', p.oid, 'EXECUTE') AND p.provolatile = 'v'
               AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype)
               AND NOT ('internal'::regtype = ANY (p.proargtypes)) ORDER BY 1";
    for data in everywhere("open").await {
        let rows = data.admin.query(sql, &[]).await.unwrap();
        let unknown: Vec<String> = rows
            .iter()
            .map(|row| row.get(0))
            .filter(|name: &String| !known.lines().any(|line| line == name))
            .collect();
        assert_eq!(unknown, Vec::<String>::new(), "{}", data.label());
    }
}

#[tokio::test]
async fn what_drivers_and_mappers_ask_is_answered() {
    const ASKED: &[&str] = &[
        "SELECT version(), current_user, session_user, current_database(), current_schema()",
        "SHOW server_version",
        "SHOW transaction_isolation",
        "SELECT name, setting FROM pg_settings WHERE name = 'server_version_num'",
        "SELECT current_setting('server_version_num')",
        "SELECT set_config('TimeZone', 'UTC', false)",
        "SELECT c.relname, CASE WHEN c.relispartition THEN 'p' WHEN c.relkind IN ('m', 'v') THEN 'v' ELSE 't' END,
                obj_description(c.oid, 'pg_class')
           FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v') AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
            AND pg_catalog.pg_table_is_visible(c.oid)",
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid),
                col_description(a.attrelid, a.attnum), a.attidentity
           FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          WHERE a.attrelid = 'public.notes'::regclass AND a.attnum > 0",
        "SELECT conname, pg_get_constraintdef(oid, true) FROM pg_constraint WHERE conrelid = 'public.notes'::regclass",
        "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'public.notes'::regclass",
        "SELECT pg_get_serial_sequence('public.notes', 'id')",
        "SELECT typname, typtype, typelem, typarray FROM pg_type t LEFT JOIN pg_range r ON r.rngtypid = t.oid",
        "SELECT enumlabel FROM pg_enum",
        "SELECT count(*) FROM information_schema.tables",
        "SELECT count(*) FROM information_schema.columns",
        "SELECT count(*) FROM information_schema.table_constraints",
        "SELECT count(*) FROM information_schema.key_column_usage",
        "SELECT count(*) FROM information_schema.referential_constraints",
        "SELECT count(*) FROM information_schema.sequences",
        "SELECT count(*) FROM information_schema.routines",
        "SELECT to_regclass('public.notes'), 'public.notes'::regclass, pg_typeof(1), pg_backend_pid()",
        "SELECT has_table_privilege('public.notes', 'SELECT'), pg_get_userbyid(10)",
        "SELECT oid, typname FROM pg_type WHERE typname = 'hstore'",
        "SELECT extname FROM pg_extension",
        "SELECT uuid_send(gen_random_uuid()), now(), clock_timestamp(), random()",
        "SELECT pg_sleep(0)",
        "SELECT * FROM unnest(ARRAY[1]) u, generate_series(1, 2) g, jsonb_each('{}')",
        "BEGIN; SAVEPOINT a; DECLARE c CURSOR FOR SELECT * FROM public.notes; FETCH 1 FROM c; CLOSE c; COMMIT",
        "SET statement_timeout = '5s'; RESET statement_timeout",
        "PREPARE p AS SELECT $1::int; EXECUTE p(1); DEALLOCATE p",
        "LISTEN a; UNLISTEN a",
    ];
    for data in everywhere("asked").await {
        let label = data.label();
        let session = data.inside(ACME).await;
        for sql in ASKED {
            assert_eq!(session.outcome(sql).await, "done", "{label}: {sql}");
        }
        // One's own rows, whole.
        let copied = session.client.copy_out("COPY public.notes TO STDOUT").await.unwrap();
        let rows = copied.map(Result::unwrap).collect::<Vec<_>>().await;
        assert_eq!(rows.len(), 5, "{label}: {rows:?}");
        assert_eq!(session.sees().await, "7", "{label}");
    }
}

#[tokio::test]
async fn psql_describes_what_there_is() {
    let psql = client_bin("psql").expect("psql is installed");
    for data in everywhere("psql").await {
        let commands = [
            "\\d",
            "\\d notes",
            "\\d+ notes",
            "\\d events",
            "\\dt",
            "\\di",
            "\\ds",
            "\\dv",
            "\\dn",
            "\\df",
            "\\dT",
            "\\dp",
            "\\dx",
            "\\dD",
            "\\l",
            "\\sf pg_catalog.abs(int)",
            "\\conninfo",
        ];
        let mut command = tokio::process::Command::new(&psql);
        command
            .args(["-X", "-v", "ON_ERROR_STOP=1", "-h", data.postgres.host(), "-p"])
            .arg(data.postgres.port().to_string());
        command.arg("-U").arg(format!("tenantry_app_{}", data.name)).arg("-d").arg(&data.name);
        for each in commands {
            command.arg("-c").arg(each);
        }
        command.env("PGPASSWORD", crate::support::PASSWORD).stdin(Stdio::null());
        let output = command.output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}: {}", data.label(), String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("notes_pkey") && text.contains("POLICY \"floor\""), "{text}");
    }
}
