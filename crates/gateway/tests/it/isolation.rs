//! Two tenants on one server connection: a context that ends in any way becomes nobody else's, and without one there is nothing. What
//! else one may leave behind or reach for is listed, and played, in `isolation_table.rs`.

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
