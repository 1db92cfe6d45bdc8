//! One connection that acts for several tenants: by statement, for a transaction, by comment; in every model, over every
//! protocol, with one server connection per pool.

use crate::raw::{Raw, sqlstate};
use crate::world::{PAIRS, TENANTS, World, connect};
use bytes::BytesMut;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{DataRow, tag};
use tenantry_wire::frontend;
use tokio_postgres::{Client, SimpleQueryMessage};

const NOTES: &str = "SELECT string_agg(body, ',') FROM notes";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Simple,
    /// Prepared in one round, executed in the next.
    Prepared,
    /// Everything in one round, without a name.
    Unnamed,
}

const PROTOCOLS: [Protocol; 3] = [Protocol::Simple, Protocol::Prepared, Protocol::Unnamed];

/// The first value of the first row, or the SQLSTATE.
async fn run(client: &Client, protocol: Protocol, sql: &str) -> Result<String, String> {
    let failed = |error: tokio_postgres::Error| match error.code() {
        Some(code) => code.code().to_owned(),
        None => error.to_string(),
    };
    let value = match protocol {
        Protocol::Simple => {
            let messages = client.simple_query(sql).await.map_err(failed)?;
            messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
        }
        Protocol::Prepared => {
            let rows = client.query(sql, &[]).await.map_err(failed)?;
            rows.first().and_then(|row| row.get(0))
        }
        Protocol::Unnamed => {
            let rows = client.query_typed(sql, &[]).await.map_err(failed)?;
            rows.first().and_then(|row| row.get(0))
        }
    };
    Ok(value.unwrap_or_default())
}

async fn ok(client: &Client, protocol: Protocol, sql: &str) -> String {
    run(client, protocol, sql).await.unwrap_or_else(|code| panic!("{sql} ({protocol:?}): {code}"))
}

/// Each tenant has one note, with its own name.
async fn world() -> World {
    let world = World::narrow(*versions_for_tests().last().unwrap()).await;
    for (_, tenant, _) in TENANTS {
        let client = world.connect(tenant).await;
        client.simple_query(&format!("INSERT INTO notes (body) VALUES ('{tenant}')")).await.unwrap();
    }
    world
}

/// Connections without a tenant, and with one.
async fn homes(world: &World) -> [(&'static str, Client); 2] {
    [("", connect(&world.config("app")).await.unwrap()), ("acme", world.connect("acme").await)]
}

#[tokio::test]
async fn a_connection_is_switched_between_transactions_over_every_protocol() {
    let world = world().await;
    for (home, client) in homes(&world).await {
        for protocol in PROTOCOLS {
            for (_, tenant, _) in TENANTS {
                ok(&client, protocol, &format!("SET tenantry.tenant = '{tenant}'")).await;
                assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, tenant);
                assert_eq!(ok(&client, protocol, NOTES).await, tenant, "{protocol:?}");
            }
            assert_eq!(run(&client, protocol, "SET tenantry.tenant = 'nobody'").await, Err("3D000".into()));
            assert_eq!(ok(&client, protocol, NOTES).await, "tyrell", "a refusal changes nothing");
            ok(&client, protocol, "RESET tenantry.tenant").await;
            assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, home);
            let back = run(&client, protocol, NOTES).await;
            assert_eq!(back, if home.is_empty() { Err("08004".into()) } else { Ok(home.into()) });
        }
    }
    world.close().await;
}

#[tokio::test]
async fn a_transaction_chooses_its_tenant_first() {
    let world = world().await;
    for (home, client) in homes(&world).await {
        for protocol in PROTOCOLS {
            for (_, tenant, _) in TENANTS {
                for (end, kept) in [("COMMIT", 2), ("ROLLBACK", 1)] {
                    ok(&client, protocol, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
                    ok(&client, protocol, &format!("SET LOCAL tenantry.tenant = '{tenant}'")).await;
                    assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, tenant);
                    ok(&client, protocol, &format!("INSERT INTO notes (body) VALUES ('{tenant}')")).await;
                    let level = ok(&client, protocol, "SHOW transaction_isolation").await;
                    assert_eq!(level, "repeatable read", "the transaction is the one that was begun");
                    assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, tenant);
                    ok(&client, protocol, end).await;
                    assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, home, "{end}");
                    let theirs = world.connect(tenant).await;
                    let notes = ok(&theirs, Protocol::Simple, NOTES).await;
                    assert_eq!(notes, [tenant].repeat(kept).join(","), "{protocol:?}, {end}");
                    theirs.simple_query("DELETE FROM notes").await.unwrap();
                    theirs
                        .simple_query(&format!("INSERT INTO notes (body) VALUES ('{tenant}')"))
                        .await
                        .unwrap();
                }
            }
        }
    }
    world.close().await;
}

#[tokio::test]
async fn a_switch_in_a_transaction_stays_unless_it_is_rolled_back() {
    let world = world().await;
    for (home, client) in homes(&world).await {
        for protocol in PROTOCOLS {
            for (end, kept) in [("COMMIT", "globex"), ("ROLLBACK", home)] {
                ok(&client, protocol, "START TRANSACTION").await;
                ok(&client, protocol, "SET tenantry.tenant = 'globex'").await;
                assert_eq!(ok(&client, protocol, NOTES).await, "globex");
                ok(&client, protocol, end).await;
                assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, kept, "{end}");
                // And one that never had a statement.
                ok(&client, protocol, "BEGIN").await;
                ok(&client, protocol, "SET LOCAL tenantry.tenant = 'initech'").await;
                ok(&client, protocol, end).await;
                assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, kept, "{end}");
                ok(&client, protocol, "RESET tenantry.tenant").await;
            }
            // A transaction that fails is rolled back, whatever is said at its end.
            ok(&client, protocol, "BEGIN").await;
            ok(&client, protocol, "SET tenantry.tenant = 'globex'").await;
            assert_eq!(run(&client, protocol, "SELECT 1/0").await, Err("22012".into()));
            ok(&client, protocol, "COMMIT").await;
            assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, home);
        }
    }
    world.close().await;
}

#[tokio::test]
async fn a_comment_chooses_the_tenant_of_its_transaction() {
    let world = world().await;
    for (home, client) in homes(&world).await {
        for protocol in PROTOCOLS {
            for (_, tenant, _) in TENANTS {
                for sql in [
                    format!("{NOTES} /*tenant='{tenant}'*/"),
                    format!("/*action='x',tenant='{tenant}'*/ {NOTES}"),
                ] {
                    assert_eq!(ok(&client, protocol, &sql).await, tenant, "{sql}");
                    assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, home);
                }
                // As drivers with sqlcommenter send it: with every statement of a transaction.
                let said = format!("/*tenant='{tenant}'*/");
                ok(&client, protocol, &format!("BEGIN {said}")).await;
                assert_eq!(ok(&client, protocol, &format!("{NOTES} {said}")).await, tenant);
                assert_eq!(ok(&client, protocol, NOTES).await, tenant, "until the transaction ends");
                ok(&client, protocol, &format!("COMMIT {said}")).await;
                // Only the first statement may: whoever says later that it is elsewhere is wrong.
                ok(&client, protocol, "BEGIN").await;
                assert_eq!(ok(&client, protocol, &format!("{NOTES} {said}")).await, tenant);
                let other = TENANTS.iter().find(|(_, other, _)| *other != tenant).unwrap().1;
                let astray = format!("{NOTES} /*tenant='{other}'*/");
                assert_eq!(run(&client, protocol, &astray).await, Err("25001".into()), "{protocol:?}");
                assert_eq!(run(&client, protocol, NOTES).await, Err("25P02".into()), "as PostgreSQL refuses");
                ok(&client, protocol, "ROLLBACK").await;
            }
            let nobody = format!("{NOTES} /*tenant='nobody'*/");
            assert_eq!(run(&client, protocol, &nobody).await, Err("3D000".into()));
            assert_eq!(ok(&client, protocol, "SHOW tenantry.tenant").await, home);
        }
    }
    world.close().await;
}

#[tokio::test]
async fn what_comes_too_late_or_means_nobody_fails_the_transaction() {
    let world = world().await;
    for (_, client) in homes(&world).await {
        for protocol in PROTOCOLS {
            let outside = "SET LOCAL tenantry.tenant = 'acme'";
            assert_eq!(
                run(&client, protocol, outside).await,
                Err("25P01".into()),
                "outside of a transaction"
            );
            // No server knows of it yet.
            ok(&client, protocol, "BEGIN").await;
            assert_eq!(
                run(&client, protocol, "SET LOCAL tenantry.tenant = 'nobody'").await,
                Err("3D000".into())
            );
            for sql in [NOTES, "SET LOCAL tenantry.tenant = 'acme'", "SHOW tenantry.tenant", "BEGIN"] {
                assert_eq!(run(&client, protocol, sql).await, Err("25P02".into()), "{sql}");
            }
            ok(&client, protocol, "COMMIT").await;
            // The server does.
            ok(&client, protocol, "BEGIN").await;
            ok(&client, protocol, "SET LOCAL tenantry.tenant = 'umbrella'").await;
            assert_eq!(ok(&client, protocol, NOTES).await, "umbrella");
            for sql in [
                "SET LOCAL tenantry.tenant = 'acme'",
                "SET tenantry.tenant = 'acme'",
                "RESET tenantry.tenant",
            ] {
                ok(&client, protocol, "SAVEPOINT here").await;
                assert_eq!(run(&client, protocol, sql).await, Err("25001".into()), "{sql}");
                ok(&client, protocol, "ROLLBACK TO here").await;
            }
            assert_eq!(ok(&client, protocol, NOTES).await, "umbrella", "the transaction goes on");
            ok(&client, protocol, "COMMIT").await;
        }
    }
    world.close().await;
}

#[tokio::test]
async fn a_bound_login_stays_where_it_is_whatever_it_says() {
    let world = world().await;
    let mut config = world.config("acme");
    let bound = connect(config.user("bound")).await.unwrap();
    for protocol in PROTOCOLS {
        for (_, other, _) in TENANTS.into_iter().skip(1) {
            let set = format!("SET tenantry.tenant = '{other}'");
            assert_eq!(run(&bound, protocol, &set).await, Err("3D000".into()));
            assert_eq!(ok(&bound, protocol, &format!("{NOTES} /*tenant='{other}'*/")).await, "acme");
            ok(&bound, protocol, "BEGIN").await;
            assert!(run(&bound, protocol, &format!("SET LOCAL tenantry.tenant = '{other}'")).await.is_err());
            ok(&bound, protocol, "ROLLBACK").await;
            assert_eq!(ok(&bound, protocol, NOTES).await, "acme");
        }
        ok(&bound, protocol, "SET tenantry.tenant = 'acme'").await;
        assert_eq!(ok(&bound, protocol, NOTES).await, "acme");
    }
    world.close().await;
}

/// The rows of the answers to simple Queries, and the state behind each.
async fn answers(raw: &mut Raw, queries: usize) -> Vec<(Option<String>, u8)> {
    let mut found = Vec::new();
    for _ in 0..queries {
        let messages = raw.until_ready().await;
        found.push((first_value(&messages), messages.last().unwrap().1[0]));
    }
    found
}

fn first_value(messages: &[(u8, BytesMut)]) -> Option<String> {
    if let Some(code) = sqlstate(messages) {
        return Some(code);
    }
    let row = messages.iter().find(|(kind, _)| *kind == tag::DATA_ROW)?;
    let value = DataRow::decode(&row.1).unwrap().get(0).map(String::from_utf8_lossy)?;
    Some(value.into_owned())
}

/// Each statement in a pipeline of its own, all of them sent before the first is answered.
fn unnamed(out: &mut BytesMut, sql: &str) {
    frontend::parse(out, b"", sql, &[]);
    frontend::bind_text(out, b"", b"", &[]);
    frontend::execute(out, b"", 0);
}

#[tokio::test]
async fn what_is_sent_in_one_packet_goes_where_it_says() {
    let world = world().await;
    for (one, other) in PAIRS {
        let set = format!("SET LOCAL tenantry.tenant = '{other}'");
        let hinted = format!("{NOTES} /*tenant='{other}'*/");
        let script =
            [NOTES, "BEGIN", &set, NOTES, "COMMIT", NOTES, &hinted, NOTES, "BEGIN", NOTES, "COMMIT", &hinted];
        let expected = [
            Some(one),
            None,
            None,
            Some(other),
            None,
            Some(one),
            Some(other),
            Some(one),
            None,
            Some(one),
            None,
            Some(other),
        ];
        let states = b"ITTTIIIITTII";
        for simple in [true, false] {
            let mut raw = Raw::login(&world, one).await;
            for sql in script {
                if simple {
                    frontend::query(&mut raw.out, sql);
                } else {
                    unnamed(&mut raw.out, sql);
                    frontend::sync(&mut raw.out);
                }
            }
            let got = answers(&mut raw, script.len()).await;
            let expected: Vec<_> = expected
                .iter()
                .zip(states)
                .map(|(value, state)| (value.map(str::to_owned), *state))
                .collect();
            assert_eq!(got, expected, "simple: {simple}");
        }
    }
    world.close().await;
}

/// As JDBC has it: BEGIN and what follows in one pipeline.
#[tokio::test]
async fn a_pipeline_begins_a_transaction_and_chooses_its_tenant() {
    let world = world().await;
    for (one, other) in PAIRS {
        let mut raw = Raw::login(&world, one).await;
        for round in 0..2 {
            if round == 0 {
                frontend::parse(&mut raw.out, b"S_1", "BEGIN", &[]);
            }
            frontend::bind_text(&mut raw.out, b"", b"S_1", &[]);
            frontend::execute(&mut raw.out, b"", 0);
            unnamed(&mut raw.out, &format!("SET LOCAL tenantry.tenant = '{other}'"));
            unnamed(&mut raw.out, NOTES);
            frontend::sync(&mut raw.out);
            unnamed(&mut raw.out, "COMMIT");
            frontend::sync(&mut raw.out);
            unnamed(&mut raw.out, NOTES);
            frontend::sync(&mut raw.out);
            let got = answers(&mut raw, 3).await;
            let expected = [(Some(other.to_owned()), b'T'), (None, b'I'), (Some(one.to_owned()), b'I')];
            assert_eq!(got, expected, "{one}, round {round}");
        }
        // In the middle of a pipeline that has begun elsewhere it is too late, and the pipeline fails.
        unnamed(&mut raw.out, "INSERT INTO notes (body) VALUES ('lost')");
        unnamed(&mut raw.out, &format!("SET tenantry.tenant = '{other}'"));
        unnamed(&mut raw.out, NOTES);
        frontend::sync(&mut raw.out);
        unnamed(&mut raw.out, NOTES);
        frontend::sync(&mut raw.out);
        let got = answers(&mut raw, 2).await;
        assert_eq!(got, [(Some("25001".to_owned()), b'I'), (Some(one.to_owned()), b'I')]);
    }
    world.close().await;
}

#[tokio::test]
async fn what_needs_the_connection_is_not_left_to_another_tenant() {
    let world = world().await;
    let client = connect(&world.config("app")).await.unwrap();
    for sql in ["BEGIN", "SET LOCAL tenantry.tenant = 'acme'", "DECLARE held CURSOR WITH HOLD FOR SELECT 1"] {
        ok(&client, Protocol::Simple, sql).await;
    }
    let said = client.simple_query("COMMIT").await;
    let next = client.simple_query("SHOW tenantry.tenant").await;
    assert!(said.is_err() || next.is_err(), "it is told, and the session is over");
    // With the tenant for the session it may.
    let client = connect(&world.config("app")).await.unwrap();
    for sql in
        ["SET tenantry.tenant = 'acme'", "BEGIN", "DECLARE held CURSOR WITH HOLD FOR SELECT 'kept'", "COMMIT"]
    {
        ok(&client, Protocol::Simple, sql).await;
    }
    assert_eq!(run(&client, Protocol::Simple, "SET tenantry.tenant = 'globex'").await, Err("25001".into()));
    assert_eq!(ok(&client, Protocol::Simple, "FETCH ALL FROM held").await, "kept");
    ok(&client, Protocol::Simple, "CLOSE held").await;
    ok(&client, Protocol::Simple, "SET tenantry.tenant = 'globex'").await;
    assert_eq!(ok(&client, Protocol::Simple, NOTES).await, "globex");
    world.close().await;
}
