//! COPY FROM, and statements that shared tables need to be other, against what a plain table of the same columns does: the tenant
//! `acme` shares its table, `globex` has one in a schema of its own, `initech` in a database.

pub(crate) mod plain;

use crate::raw::Raw;
use crate::world::{World, connect};
use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use plain::rewriters;
use std::pin::pin;
use std::sync::Arc;
use tenantry_core::PoolMode;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{Column, ErrorFields, RowDescription, tag};
use tenantry_wire::frontend;

/// A message as it is compared: an error with the fields that tell a client something.
type Said = (char, Vec<(char, String)>);

fn said(messages: &[(u8, BytesMut)], fields: &str) -> Vec<Said> {
    let of = |(name, body): &(u8, BytesMut)| {
        let told = match *name {
            tag::ERROR => ErrorFields::decode(body)
                .unwrap()
                .map(|(field, text)| (char::from(field), String::from_utf8_lossy(text).into_owned()))
                .filter(|(field, _)| fields.contains(*field))
                .collect(),
            // The tables have different numbers.
            tag::ROW_DESCRIPTION => RowDescription::decode(body)
                .unwrap()
                .iter()
                .map(|column| ('*', format!("{:?}", Column { table: 0, ..column })))
                .collect(),
            _ => vec![('*', String::from_utf8_lossy(body).into_owned())],
        };
        (char::from(*name), told)
    };
    messages.iter().map(of).collect()
}

/// Everything about an error but where in the server's source it was raised.
const ALL: &str = "SVCMDHPWstcdn";
/// What an INSERT says too: the line of the input is COPY's alone, and the tenant is part of a key.
const LIKE_INSERT: &str = "SVCMst";

/// And here constraints have other names.
const NAMELESS: &str = "SVCst";

/// What a client sends for a COPY, and how it ends.
struct Case {
    sql: &'static str,
    data: &'static [u8],
    fields: &'static str,
}

const fn case(sql: &'static str, data: &'static [u8]) -> Case {
    Case { sql, data, fields: ALL }
}

const BINARY: &[u8] =
    b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x08\0\0\0\0\0\0\0\x15\0\0\0\x01n\xff\xff";

const CASES: &[Case] = &[
    case("COPY notes FROM STDIN", b"901\ta\tfirst\n902\t\\N\tt\\tab\n"),
    case(
        "COPY public.notes (slug, body) FROM stdin WITH (FORMAT csv, HEADER)",
        b"slug,body\nb,\"x,\ny\"\nc,\n",
    ),
    case("copy notes(id,slug) from stdin csv delimiter ';' null 'nil'", b"10;d\n11;nil\n"),
    case(
        "COPY notes (id, body) FROM STDIN (FORMAT csv, FORCE_NOT_NULL (body), ENCODING 'LATIN1')",
        b"12,\n13,\xe9\n",
    ),
    case("COPY notes (id, slug) FROM STDIN WHERE id > 100", b"100\te\n101\tf\n"),
    case("COPY notes (id, slug) FROM STDIN (FORMAT binary)", BINARY),
    case("COPY notes FROM STDIN", b""),
    case("COPY notes FROM STDIN; SELECT count(*) FROM notes", b"30\tg\tx\n"),
    case("SELECT 1; COPY notes (id) FROM STDIN; INSERT INTO notes VALUES (33, 'h')", b"31\n32\n"),
    // What goes wrong.
    case("COPY notes FROM STDIN", b"40\tj\tx\n41\tk\tx\nx\tl\tx\n"),
    case("COPY notes FROM STDIN", b"40\tj\n"),
    case("COPY notes FROM STDIN", b"40\tj\tx\ty\n"),
    case("COPY notes (id, nothing) FROM STDIN", b""),
    case("COPY notes (id, id) FROM STDIN", b""),
    case("COPY nothing FROM STDIN", b""),
    case("COPY notes FROM STDIN (FORMAT nothing)", b""),
    case("COPY notes FROM STDIN (NOTHING)", b""),
    case("COPY notes FROM STDIN WHERE nothing > 1", b""),
    case("COPY notes FROM '/tmp/nothing'", b""),
    case("COPY notes FROM PROGRAM 'true'", b""),
    Case { sql: "COPY notes (id, slug) FROM STDIN", data: b"40\tj\n41\ta\n", fields: NAMELESS },
    Case { sql: "COPY notes (id) FROM STDIN", data: b"\\N\n", fields: LIKE_INSERT },
    // Places in texts that became others.
    case("INSERT INTO notes VALUES (50, 'm') ON CONFLICT (slug) DO UPDATE SET body = nothing", b""),
    case("INSERT INTO notes VALUES (50, 'a') ON CONFLICT (slug) DO UPDATE SET body = 'again'", b""),
    case("SELECT * FROM notes ORDER BY id, slug", b""),
    case("COPY (SELECT * FROM notes ORDER BY id) TO STDOUT", b""),
];

async fn run(raw: &mut Raw, case: &Case, fields: &str) -> Vec<Said> {
    frontend::query(&mut raw.out, case.sql);
    raw.flush().await;
    let mut messages = Vec::new();
    loop {
        let message = raw.message().await.expect("the connection stays open");
        let name = message.0;
        messages.push(message);
        if name == tag::COPY_IN {
            // In pieces, as it comes over a network.
            for piece in case.data.chunks(5) {
                frontend::copy_data(&mut raw.out, piece);
            }
            frontend::copy_done(&mut raw.out);
            raw.flush().await;
        } else if name == tag::READY_FOR_QUERY {
            return said(&messages, fields);
        }
    }
}

#[tokio::test]
async fn a_table_under_row_level_security_takes_rows_as_a_plain_one_does() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        world.rewriters.send_replace(rewriters(&world).await);
        for mode in [PoolMode::Transaction, PoolMode::Session] {
            world.change_login("app", |login| login.pool_mode = mode);
            for (tenant, like) in [("acme", "initech"), ("globex", "tyrell")] {
                let mut shared = Raw::login(&world, tenant).await;
                let mut plain = Raw::login(&world, like).await;
                // Errors name the table's schema.
                let told =
                    |fields: &str| if tenant == "acme" { fields.to_owned() } else { fields.replace('s', "") };
                // Where a tenant has a schema of its own, `public` is another.
                for case in CASES.iter().filter(|case| tenant == "acme" || !case.sql.contains("public.")) {
                    let expected = run(&mut plain, case, &told(case.fields)).await;
                    assert_eq!(
                        run(&mut shared, case, &told(case.fields)).await,
                        expected,
                        "{} on {version}",
                        case.sql
                    );
                }
                // In a transaction, with an error in it, and with the client giving up.
                for sql in
                    ["BEGIN", "COPY notes (id) FROM STDIN", "SAVEPOINT s", "COPY notes (id) FROM STDIN"]
                {
                    let case = case(sql, b"60\n");
                    let expected = run(&mut plain, &case, &told(LIKE_INSERT)).await;
                    assert_eq!(
                        run(&mut shared, &case, &told(LIKE_INSERT)).await,
                        expected,
                        "{sql} on {version}"
                    );
                }
                for sql in [
                    "SELECT 1",
                    "ROLLBACK TO s",
                    "COPY notes (id) FROM STDIN",
                    "COMMIT",
                    "SELECT count(*) FROM notes",
                ] {
                    let case = case(sql, b"61\n62\n");
                    let expected = run(&mut plain, &case, &told(ALL)).await;
                    assert_eq!(run(&mut shared, &case, &told(ALL)).await, expected, "{sql} on {version}");
                }
                for raw in [&mut shared, &mut plain] {
                    frontend::query(&mut raw.out, "COPY notes FROM STDIN");
                    raw.flush().await;
                    assert_eq!(raw.message().await.unwrap().0, tag::COPY_IN);
                    frontend::copy_data(&mut raw.out, b"70\tz\tx\n");
                    frontend::copy_fail(&mut raw.out, "enough");
                }
                let expected = said(&plain.until_ready().await, ALL);
                assert_eq!(said(&shared.until_ready().await, ALL), expected);
                for mut raw in [shared, plain] {
                    frontend::query(&mut raw.out, "DELETE FROM notes");
                    raw.until_ready().await;
                }
            }
        }
        world.close().await;
    }
}

/// What tokio-postgres sends: a prepared statement, its Execute with the Sync behind it, then the rows.
#[tokio::test]
async fn rows_are_copied_in_a_pipeline_too() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        world.rewriters.send_replace(rewriters(&world).await);
        for (mode, tenant) in ["transaction", "session"]
            .into_iter()
            .flat_map(|mode| ["initech", "acme", "globex"].map(|tenant| (mode, tenant)))
        {
            let mut config = world.config(tenant);
            let mut client = connect(config.options(format!("-c tenantry.pool_mode={mode}"))).await.unwrap();
            client.simple_query("DELETE FROM notes").await.unwrap();
            let statement = client.prepare("COPY notes (id, slug) FROM STDIN").await.unwrap();
            for (first, count) in [(0, 3), (10, 1_000), (5_000, 0)] {
                let mut sink = pin!(client.copy_in(&statement).await.unwrap());
                for id in first..first + count {
                    sink.send(Bytes::from(format!("{id}\ts{id}\n"))).await.unwrap();
                }
                assert_eq!(sink.finish().await.unwrap(), count);
            }
            // The second half of a transaction fails: nothing of it stays, and the connection goes on.
            let tx = client.transaction().await.unwrap();
            for (rows, code) in [("9000\n", None), ("1\n", Some("23505"))] {
                let done = async {
                    let mut sink = pin!(tx.copy_in("COPY notes (id) FROM STDIN").await?);
                    sink.send(Bytes::from_static(rows.as_bytes())).await?;
                    sink.finish().await
                };
                let code = code.map(str::to_owned);
                assert_eq!(done.await.err().map(|e| e.code().unwrap().code().to_owned()), code, "{tenant}");
            }
            tx.rollback().await.unwrap_or_else(|error| panic!("{tenant}: {error:?}"));
            let seen = client.query_one("SELECT count(*), max(id) FROM notes", &[]).await.unwrap();
            assert_eq!((seen.get::<_, i64>(0), seen.get::<_, i64>(1)), (1_003, 1_009), "{tenant}");
            // Statements that shared tables need to be other, prepared once and used often.
            let upsert = client
                .prepare("INSERT INTO notes VALUES ($1, $2, $3) ON CONFLICT (slug) DO UPDATE SET body = $3 RETURNING *")
                .await
                .unwrap();
            let names: Vec<_> = upsert.columns().iter().map(tokio_postgres::Column::name).collect();
            assert_eq!(names, ["id", "slug", "body"], "{tenant}");
            for (id, body) in [(20_000_i64, "new"), (20_001, "newer")] {
                let row = client.query_one(&upsert, &[&id, &"one", &body]).await.unwrap();
                assert_eq!(
                    (row.len(), row.get::<_, i64>(0), row.get::<_, &str>(2)),
                    (3, 20_000, body),
                    "{tenant}"
                );
            }
        }
        world.close().await;
    }
}

#[tokio::test]
async fn what_can_not_be_had_is_told_as_a_servers_error() {
    let world = World::narrow(versions_for_tests()[0]).await;
    world.rewriters.send_replace(rewriters(&world).await);
    for mode in [PoolMode::Transaction, PoolMode::Session] {
        world.change_login("app", |login| login.pool_mode = mode);
        let mut raw = Raw::login(&world, "acme").await;
        let refused = |messages: &[(u8, BytesMut)]| {
            let (_, body) = messages.iter().find(|(name, _)| *name == tag::ERROR).unwrap();
            let fields = ErrorFields::decode(body).unwrap();
            assert_eq!((&*fields.text(b'C'), &*fields.text(b'P')), ("0A000", "32"));
            assert!(fields.text(b'M').starts_with("cannot perform COPY FREEZE"), "{}", fields.text(b'M'));
            assert!(fields.text(b'H').contains("row-level security"));
        };
        let sql = "/* \u{e9} */ COPY notes FROM STDIN (FREEZE)";
        // In a transaction it fails as any error would.
        frontend::query(&mut raw.out, "BEGIN");
        raw.until_ready().await;
        frontend::query(&mut raw.out, sql);
        let messages = raw.until_ready().await;
        refused(&messages);
        assert_eq!(messages.last().unwrap().1[0], b'E');
        frontend::query(&mut raw.out, "ROLLBACK");
        assert_eq!(raw.tags().await, "CZ");
        // And so does a pipeline, up to its Sync.
        frontend::parse(&mut raw.out, b"s", sql, &[]);
        frontend::bind_text(&mut raw.out, b"", b"s", &[]);
        frontend::execute(&mut raw.out, b"", 0);
        frontend::sync(&mut raw.out);
        refused(&raw.until_ready().await);
        frontend::parse(&mut raw.out, b"s", "SELECT 1", &[]);
        frontend::bind_text(&mut raw.out, b"", b"s", &[]);
        frontend::execute(&mut raw.out, b"", 0);
        frontend::sync(&mut raw.out);
        assert_eq!(raw.tags().await, "12DCZ");
    }
    world.close().await;
}

/// The rewriter writes what it likes; the database decides.
#[tokio::test]
async fn a_copy_reaches_nobody_else_and_leaves_nothing_behind() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let mut shared = Raw::login(&world, "acme").await;
        // Without a rewriter PostgreSQL says no.
        let plain = case("COPY notes (id) FROM STDIN", b"1\n");
        let sqlstate = |said: &[Said]| {
            let error = said.iter().find(|(name, _)| *name == 'E')?;
            error.1.iter().find(|(name, _)| *name == 'C').map(|(_, code)| code.clone())
        };
        assert_eq!(sqlstate(&run(&mut shared, &plain, ALL).await).as_deref(), Some("0A000"));
        world.rewriters.send_replace(rewriters(&world).await);
        assert_eq!(sqlstate(&run(&mut shared, &plain, ALL).await), None);
        // Another tenant's rows, by name.
        let foreign = case("COPY notes (id, tenant_id) FROM STDIN", b"2\t2\n");
        assert_eq!(sqlstate(&run(&mut shared, &foreign, ALL).await).as_deref(), Some("42501"));
        let own = case("COPY notes (id, tenant_id) FROM STDIN", b"2\t1\n");
        assert_eq!(sqlstate(&run(&mut shared, &own, ALL).await), None);
        // On the same server connection.
        let mut other = Raw::login(&world, "umbrella").await;
        let look = case("SELECT count(*) FROM notes", b"");
        assert_eq!(run(&mut other, &look, ALL).await[1].1[0].1.as_bytes().last(), Some(&b'0'));
        let stage = case("SELECT * FROM pg_temp.tenantry_copy", b"");
        assert_eq!(sqlstate(&run(&mut other, &stage, ALL).await).as_deref(), Some("42P01"));
        // What the application may do with it by itself: room for rows, which are gone with the transaction.
        for (sql, code) in [
            ("CALL tenancy.begin_copy('notes', '{id}')", None),
            ("CALL tenancy.begin_copy('tenancy.keys', '{id}')", Some("42501")),
            ("CALL tenancy.begin_copy('pg_authid', '{rolname}')", Some("42501")),
            ("CREATE TEMPORARY TABLE mine (id int)", Some("42501")),
            (
                "BEGIN; CALL tenancy.begin_copy('notes', '{id}'); ALTER TABLE pg_temp.tenantry_copy ADD a int",
                Some("42501"),
            ),
            ("ROLLBACK; BEGIN READ ONLY; COPY notes (id) FROM STDIN", Some("25006")),
            ("ROLLBACK", None),
        ] {
            let said = run(&mut other, &case(sql, b""), ALL).await;
            assert_eq!(sqlstate(&said).as_deref(), code, "{sql}");
        }
        world.rewriters.send_replace(Arc::default());
        assert_eq!(sqlstate(&run(&mut shared, &plain, ALL).await).as_deref(), Some("0A000"));
        world.close().await;
    }
}

/// The end of the pipeline before it must not be taken for that of the COPY.
#[tokio::test]
async fn a_copy_follows_another_pipeline_without_waiting_for_its_end() {
    let world = World::narrow(versions_for_tests()[0]).await;
    world.rewriters.send_replace(rewriters(&world).await);
    for mode in [PoolMode::Transaction, PoolMode::Session] {
        world.change_login("app", |login| login.pool_mode = mode);
        let mut raw = Raw::login(&world, "acme").await;
        for sql in ["SELECT pg_sleep(0.05)", "COPY notes (id) FROM STDIN"] {
            frontend::parse(&mut raw.out, b"", sql, &[]);
            frontend::bind_text(&mut raw.out, b"", b"", &[]);
            frontend::execute(&mut raw.out, b"", 0);
            frontend::sync(&mut raw.out);
        }
        assert_eq!(raw.tags().await, "12DCZ");
        while raw.message().await.unwrap().0 != tag::COPY_IN {}
        frontend::copy_data(&mut raw.out, b"1\n2\n");
        frontend::copy_done(&mut raw.out);
        frontend::sync(&mut raw.out);
        assert_eq!(said(&raw.until_ready().await, ALL)[0].1[0].1, "COPY 2\0");
        frontend::query(&mut raw.out, "DELETE FROM notes");
        assert_eq!(said(&raw.until_ready().await, ALL)[0].1[0].1, "DELETE 2\0");
    }
    world.close().await;
}
