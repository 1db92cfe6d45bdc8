//! Backends that end, and servers that can't: errors pass as they are, and what is used again is clean.

use super::newest;
use crate::protocol::until;
use crate::raw::Raw;
use crate::world::{PAIRS, TENANTS, World};
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{ErrorFields, tag};
use tenantry_wire::frontend;

const WAITING_TO_ENTER: &str =
    "FROM pg_stat_activity WHERE usename LIKE 'login_gw%' AND wait_event_type = 'Lock' AND datname IN";

#[tokio::test]
async fn a_backend_that_ends_in_a_handover_runs_nothing_of_the_client_s() {
    let world = World::narrow(newest()).await;
    let names = format!("('{}')", world.databases().join("','"));
    let watcher = world.postgres.connect("postgres").await.unwrap();
    // A tenant with a database of its own is handed nobody else's connection.
    for (tenant, other) in [PAIRS[0], PAIRS[1]] {
        let (id, _, model) = *TENANTS.iter().find(|(_, key, _)| *key == other).unwrap();
        let (first, second) = (world.connect(tenant).await, world.connect(other).await);
        first.batch_execute("SELECT 1").await.unwrap();
        // An entry reads the gate: it waits here.
        let mut admin = world.admin_of(model, id).await;
        let gate = admin.transaction().await.unwrap();
        gate.batch_execute("LOCK TABLE tenancy.gate IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let entering = tokio::spawn(async move {
            second.batch_execute("INSERT INTO notes (slug) VALUES ('in the handover')").await
        });
        until(&watcher, &format!("SELECT count(*) > 0 {WAITING_TO_ENTER} {names}")).await;
        let ended = format!("SELECT count(pg_terminate_backend(pid)) {WAITING_TO_ENTER} {names}");
        assert_eq!(watcher.query_one(&ended, &[]).await.unwrap().get::<_, i64>(0), 1);
        assert!(entering.await.unwrap().is_err());
        gate.rollback().await.unwrap();
        // Who was not hit goes on, on a fresh connection; nothing has run for the other.
        for client in [first, world.connect(other).await] {
            let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
            assert_eq!(count, 0, "{tenant} and {other}");
        }
    }
    world.close().await;
}

/// Statements that the server can't carry out, and the code it says so with.
const IMPOSSIBLE: &[(&str, &str)] = &[
    // A disk without room: every write to /dev/full says so.
    ("53100", "SELECT public.fills_a_disk()"),
    ("53400", "SELECT count(*) FROM (SELECT g FROM generate_series(1, 300000) g ORDER BY g DESC) s"),
    ("53200", "SELECT public.fails('53200')"),
    ("53300", "SELECT public.fails('53300')"),
    ("58030", "SELECT public.fails('58030')"),
    ("XX001", "SELECT public.fails('XX001')"),
    ("54000", "SELECT repeat('x', 1100000000)"),
];

/// The error's fields, as they came.
fn fields(messages: &[(u8, bytes::BytesMut)]) -> Vec<(u8, String)> {
    let (_, body) = messages.iter().find(|(tag, _)| *tag == tag::ERROR).expect("an error");
    let fields = ErrorFields::decode(body).unwrap();
    fields.map(|(name, text)| (name, String::from_utf8_lossy(text).into_owned())).collect()
}

async fn ask(raw: &mut Raw, sql: &str) -> Vec<(u8, bytes::BytesMut)> {
    frontend::query(&mut raw.out, sql);
    raw.until_ready().await
}

#[tokio::test]
async fn what_a_server_can_t_do_is_told_in_its_own_words_and_the_connection_is_used_again() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let login = format!("login_{}", world.pool);
        let admin = world.postgres.connect(&world.pool).await.unwrap();
        let scarce = format!(
            "ALTER ROLE {login} SET temp_file_limit = '64kB'; ALTER ROLE {login} SET work_mem = '64kB';
             CREATE FUNCTION public.fills_a_disk() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS
               $$ BEGIN COPY (SELECT generate_series(1, 100000)) TO '/dev/full'; END $$;
             CREATE FUNCTION public.fails(code text) RETURNS void LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'it fails' USING ERRCODE = code, DETAIL = 'why', HINT = 'what to do'; END $$;
             GRANT EXECUTE ON FUNCTION public.fills_a_disk(), public.fails(text) TO {login}"
        );
        admin.batch_execute(&scarce).await.unwrap();
        let mut direct = Raw::direct(&world).await;
        ask(&mut direct, "SET temp_file_limit = '64kB'; SET work_mem = '64kB'").await;
        for (tenant, other) in [PAIRS[0], PAIRS[1]] {
            let client = world.connect(tenant).await;
            let pid = |client| async move {
                let client: &tokio_postgres::Client = client;
                client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0)
            };
            let before = pid(&client).await;
            let mut raw = Raw::login(&world, tenant).await;
            for (code, sql) in IMPOSSIBLE {
                let said = ask(&mut raw, sql).await;
                assert_eq!(fields(&said), fields(&ask(&mut direct, sql).await), "{sql}");
                assert!(fields(&said).contains(&(b'C', (*code).to_owned())), "{sql}: {:?}", fields(&said));
                // In a transaction: it fails, and nothing of it stays.
                ask(&mut raw, "BEGIN; INSERT INTO notes (slug) VALUES ('half')").await;
                let said = ask(&mut raw, sql).await;
                assert_eq!(said.last().unwrap().1[..], *b"E", "{sql}");
                ask(&mut raw, "COMMIT").await;
            }
            let theirs = world.connect(other).await;
            for client in [&client, &theirs] {
                let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
                assert_eq!((count, pid(client).await), (0, before));
            }
        }
        world.close().await;
    }
}
