//! Two tenants on one server connection: what one leaves behind or reaches for, the other must not notice, and each
//! must keep its own.

use crate::world::{PAIRS, World};
use tenantry_testkit::versions_for_tests;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// How a statement is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Protocol {
    Simple,
    Extended,
}

pub(crate) const PROTOCOLS: [Protocol; 2] = [Protocol::Simple, Protocol::Extended];

/// Whether the attack is one statement, or part of a transaction.
#[derive(Debug, Clone, Copy)]
enum Frame {
    Autocommit,
    Transaction,
}

/// What an attack must meet.
pub(crate) enum Meets {
    /// Refused with this SQLSTATE.
    Refusal(&'static str),
    /// Let through, with every cell of the result one of these.
    Only(&'static [&'static str]),
}
use Meets::{Only, Refusal};

/// Attempts of one tenant on another. `{other}` is the other tenant's id.
pub(crate) const ATTACKS: &[(&str, Meets)] = &[
    // The context, by every door that sets a setting.
    ("SET backtrace_functions = 't_{other}'", Refusal("42501")),
    ("SET LOCAL backtrace_functions = 't_{other}'", Refusal("42501")),
    ("SELECT set_config('backtrace_functions', 't_{other}', false)", Refusal("42501")),
    ("UPDATE pg_settings SET setting = 't_{other}' WHERE name = 'backtrace_functions'", Refusal("42501")),
    ("ALTER ROLE CURRENT_USER SET backtrace_functions = 't_{other}'", Refusal("42501")),
    ("DO $$ BEGIN PERFORM set_config('backtrace_functions', 't_{other}', false); END $$", Refusal("42501")),
    // A forged token: it ends the caller's own context, nothing else.
    ("SELECT tenancy.enter(1, {other}, 1, repeat('ab', 32))", Only(&["refused"])),
    ("SELECT tenancy.enter(1, {other}, 1, NULL)", Only(&["refused"])),
    ("SELECT tenancy.put_key(1, decode(repeat('00', 32), 'hex'))", Refusal("42501")),
    ("SELECT * FROM tenancy.keys", Refusal("42501")),
    ("UPDATE tenancy.gate SET state = 'suspended'", Refusal("42501")),
    // Another role.
    ("SET ROLE tenantry_owner", Refusal("42501")),
    ("SET ROLE tenantry_context", Refusal("42501")),
    ("SET SESSION AUTHORIZATION postgres", Refusal("42501")),
    ("SET row_security = off", Only(&[])),
    // What row-level security does not cover.
    ("TRUNCATE notes", Refusal("42501")),
    ("DROP TABLE notes", Refusal("42501")),
    ("ALTER TABLE notes DISABLE ROW LEVEL SECURITY", Refusal("42501")),
    ("CREATE TEMP TABLE notes (id bigint)", Refusal("42501")),
    ("CREATE FUNCTION public.peek() RETURNS int LANGUAGE sql AS 'SELECT 1'", Refusal("42501")),
    ("SELECT pg_advisory_lock(1)", Refusal("42501")),
    ("SELECT pg_advisory_unlock_all() WHERE true", Refusal("42501")),
    ("SELECT * FROM pg_stat_activity", Refusal("42501")),
    ("SELECT pg_terminate_backend(1)", Refusal("42501")),
    ("SELECT * FROM pg_locks", Refusal("42501")),
    ("SELECT * FROM pg_prepared_statements", Refusal("42501")),
    ("SELECT lo_create(0)", Refusal("42501")),
    ("SELECT query_to_xml('SELECT * FROM notes', true, true, '')", Refusal("42501")),
    ("COPY notes TO '/tmp/leak'", Refusal("42501")),
];

/// Runs one statement; every cell as text.
pub(crate) async fn run(client: &Client, protocol: Protocol, sql: &str) -> Result<Vec<String>, Error> {
    let mut cells = Vec::new();
    match protocol {
        Protocol::Simple => {
            for message in client.simple_query(sql).await? {
                if let SimpleQueryMessage::Row(row) = message {
                    cells.extend((0..row.len()).filter_map(|i| row.get(i).map(ToOwned::to_owned)));
                }
            }
        }
        Protocol::Extended => {
            let statement = client.prepare(sql).await?;
            for row in client.query(&statement, &[]).await? {
                for (index, column) in row.columns().iter().enumerate() {
                    cells.push(match *column.type_() {
                        Type::TEXT | Type::NAME | Type::VARCHAR => {
                            row.get::<_, Option<String>>(index).unwrap_or_default()
                        }
                        Type::INT8 => {
                            row.get::<_, Option<i64>>(index).map_or(String::new(), |n| n.to_string())
                        }
                        _ => format!("<{}>", column.type_()),
                    });
                }
            }
        }
    }
    Ok(cells)
}

pub(crate) fn code(error: &Error) -> String {
    error.code().map_or_else(|| format!("no SQLSTATE: {error}"), |code| code.code().to_owned())
}

pub(crate) async fn bodies(client: &Client) -> Vec<String> {
    let rows = client.query("SELECT body FROM notes ORDER BY id", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A world in which each tenant of each pair has one row, with the same key and the same slug.
async fn furnished(version: u32) -> World {
    let world = World::narrow(version).await;
    for tenant in PAIRS.iter().flat_map(|(a, b)| [a, b]) {
        let client = world.connect(tenant).await;
        let body = format!("secret of {tenant}");
        client
            .execute("INSERT INTO notes (id, slug, body) VALUES (1000, 'same', $1)", &[&body])
            .await
            .unwrap();
    }
    world
}

fn id_of(tenant: &str) -> i64 {
    crate::world::TENANTS.iter().find(|(_, key, _)| *key == tenant).unwrap().0
}

#[tokio::test]
async fn no_statement_reaches_another_tenant() {
    for version in versions_for_tests() {
        let world = furnished(version).await;
        for (victim, attacker) in PAIRS {
            let victims = world.connect(victim).await;
            let client = world.connect(attacker).await;
            let own = vec![format!("secret of {attacker}")];
            for (attack, meets) in ATTACKS {
                let attack = attack.replace("{other}", &id_of(victim).to_string());
                for (protocol, frame) in
                    PROTOCOLS.iter().flat_map(|p| [(*p, Frame::Autocommit), (*p, Frame::Transaction)])
                {
                    let case = format!("{attack} ({attacker}, {protocol:?}, {frame:?}, {version})");
                    // The victim was the last inside the connection.
                    assert_eq!(bodies(&victims).await, [format!("secret of {victim}")], "{case}");
                    if matches!(frame, Frame::Transaction) {
                        client.batch_execute("BEGIN").await.unwrap();
                        assert_eq!(bodies(&client).await, own, "{case}");
                    }
                    let got = run(&client, protocol, &attack).await;
                    match (&got, meets) {
                        (Err(error), Refusal(expected)) => assert_eq!(code(error), *expected, "{case}"),
                        (Ok(cells), Only(expected)) => {
                            assert!(
                                cells.iter().all(|cell| expected.contains(&cell.as_str())),
                                "{case}: {cells:?}"
                            );
                        }
                        other => panic!("{case}: {:?}", other.0),
                    }
                    // Whatever the attack did to the session, in the same transaction nobody else's rows appear.
                    for sql in ["SELECT body FROM notes", "UPDATE notes SET body = 'broken' RETURNING body"] {
                        if let Ok(cells) = run(&client, protocol, sql).await {
                            let mine = |cell: &String| own.contains(cell) || cell == "broken";
                            assert!(cells.len() <= 1 && cells.iter().all(mine), "{case}: {cells:?}");
                        }
                    }
                    if matches!(frame, Frame::Transaction) {
                        client.batch_execute("ROLLBACK").await.unwrap();
                    }
                    client
                        .batch_execute(&format!("UPDATE notes SET body = 'secret of {attacker}'"))
                        .await
                        .unwrap();
                    assert_eq!(bodies(&client).await, own, "legitimate access after {case}");
                }
            }
            assert_eq!(bodies(&victims).await, [format!("secret of {victim}")]);
        }
        world.close().await;
    }
}

/// What a tenant may leave behind in its session, and the statement by which the next would find it: it must fail
/// with the SQLSTATE, or give the value.
const LEFTOVERS: &[(&[&str], &str, Result<&str, &str>)] = &[
    (
        &["BEGIN", "DECLARE kept CURSOR WITH HOLD FOR SELECT body FROM notes", "COMMIT"],
        "FETCH ALL kept",
        Err("34000"),
    ),
    (&["PREPARE kept AS SELECT body FROM notes"], "EXECUTE kept", Err("26000")),
    (&["SET statement_timeout = '12345'"], "SHOW statement_timeout", Ok("0")),
    (&["SET application_name = 'kept'"], "SHOW application_name", Ok("tenantry")),
    (&["SET TimeZone = 'Asia/Kathmandu'"], "SHOW TimeZone", Ok("{default}")),
    (&["SET search_path = nowhere"], "SELECT count(*)::text FROM notes", Ok("1")),
    (
        &["SET tenantry.kept = 'behind'"],
        "SELECT coalesce(current_setting('tenantry.kept', true), '')",
        Ok(""),
    ),
    (&["SELECT set_config('work_mem', '99MB', false)"], "SHOW work_mem", Ok("4MB")),
    (
        &["INSERT INTO notes (body) VALUES ('x')", "DELETE FROM notes WHERE body = 'x'"],
        "SELECT lastval()",
        Err("55000"),
    ),
    (&["LISTEN kept"], "SELECT count(*)::text FROM pg_listening_channels()", Ok("0")),
    (&["BEGIN", "SELECT 1/0"], "SELECT body FROM notes", Ok("{own}")),
];

/// Where the connection stays with who said this.
const PINS: &[&str] = &["SELECT 1/0", "DECLARE", "PREPARE", "LISTEN"];

#[tokio::test]
async fn nothing_left_behind_in_a_session_reaches_the_next_tenant() {
    for version in versions_for_tests() {
        let world = furnished(version).await;
        for (first, second) in PAIRS {
            let time_zone =
                run(&world.connect(second).await, Protocol::Simple, "SHOW TimeZone").await.unwrap();
            for (leave, look, found) in LEFTOVERS {
                for protocol in PROTOCOLS {
                    let case = format!("{leave:?} ({first}, {protocol:?}, {version})");
                    let leaver = world.connect(first).await;
                    for sql in *leave {
                        let outcome = run(&leaver, protocol, sql).await;
                        let refused = ["SELECT 1/0", "LISTEN kept"].contains(sql);
                        assert!(outcome.is_ok() || refused, "{case}: {outcome:?}");
                    }
                    // In the middle of a transaction, or with something that needs the connection, this is a disconnect; else
                    // the session stays open beside.
                    if PINS.iter().any(|pin| leave.iter().any(|sql| sql.starts_with(pin))) {
                        drop(leaver);
                    }
                    let client = world.connect(second).await;
                    match (run(&client, protocol, look).await, found) {
                        (Ok(cells), Ok(expected)) => {
                            let own = format!("secret of {second}");
                            let expected =
                                expected.replace("{own}", &own).replace("{default}", &time_zone[0]);
                            assert_eq!(cells, [expected], "{case}");
                        }
                        (Err(error), Err(expected)) => assert_eq!(code(&error), *expected, "{case}"),
                        (got, _) => panic!("{case}: {look} gave {got:?}"),
                    }
                    assert_eq!(bodies(&client).await, [format!("secret of {second}")], "{case}");
                }
            }
        }
        world.close().await;
    }
}

#[tokio::test]
async fn a_context_that_is_dropped_or_rolled_back_never_becomes_another() {
    for version in versions_for_tests() {
        let world = furnished(version).await;
        for (victim, attacker) in PAIRS {
            let victims = world.connect(victim).await;
            let client = world.connect(attacker).await;
            let own = format!("secret of {attacker}");
            for trick in [
                "SELECT tenancy.challenge()",
                "RESET ALL",
                "SAVEPOINT s; SELECT tenancy.challenge(); ROLLBACK TO s",
            ] {
                for end in ["ROLLBACK", "COMMIT"] {
                    assert_eq!(bodies(&victims).await.len(), 1);
                    client.batch_execute("BEGIN").await.unwrap();
                    client.batch_execute(trick).await.unwrap();
                    let seen = run(&client, Protocol::Simple, "SELECT body FROM notes").await.unwrap();
                    assert!(seen.iter().all(|cell| *cell == own), "{trick}: {seen:?}");
                    client.batch_execute(end).await.unwrap();
                    assert_eq!(bodies(&client).await, [own.as_str()], "{trick} {end}");
                    assert_eq!(bodies(&victims).await, [format!("secret of {victim}")], "{trick} {end}");
                }
            }
        }
        world.close().await;
    }
}

#[tokio::test]
async fn without_a_tenant_there_are_no_rows() {
    let world = furnished(versions_for_tests()[0]).await;
    // A login that may act for all, and a driver that sends the user's name as the database.
    let client = world.connect("app").await;
    for protocol in PROTOCOLS {
        let error = run(&client, protocol, "SELECT body FROM notes").await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "08004");
        assert!(error.hint().unwrap().contains("database name"), "{error:?}");
    }
    // The pool's own role, past the gateway: it may connect, and sees nothing.
    let admin = world.postgres.connect(&world.pool).await.unwrap();
    let role = format!("login_{}", world.pool);
    admin.batch_execute(&format!("SET SESSION AUTHORIZATION {role}")).await.unwrap();
    assert_eq!(bodies(&admin).await, Vec::<String>::new());
    let error = admin.execute("INSERT INTO notes (body) VALUES ('nobody')", &[]).await.unwrap_err();
    assert!(["23502", "42501"].contains(&code(&error).as_str()), "{error}");
    world.close().await;
}
