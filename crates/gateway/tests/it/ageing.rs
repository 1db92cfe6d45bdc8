//! Prepared statements that servers keep for longer than clients, and what becomes of them when tables and types change: who
//! prepares a text again has what it means now, as on a direct connection.

mod kept;

use crate::raw::{Raw, sqlstate};
use crate::world::{TENANTS, World, id_of};
use bytes::BytesMut;
use tenantry_core::TenancyModel;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::tag;
use tenantry_wire::frontend;

const TEXT: &str = "SELECT * FROM notes";

fn columns(messages: &[(u8, BytesMut)]) -> u16 {
    let (_, body) = messages.iter().find(|(tag, _)| *tag == tag::ROW_DESCRIPTION).expect("a description");
    u16::from_be_bytes([body[0], body[1]])
}

async fn prepare(raw: &mut Raw, name: &[u8], sql: &str) -> Vec<(u8, BytesMut)> {
    frontend::parse(&mut raw.out, name, sql, &[]);
    frontend::describe(&mut raw.out, frontend::STATEMENT, name);
    frontend::sync(&mut raw.out);
    raw.until_ready().await
}

async fn execute(raw: &mut Raw, name: &[u8]) -> Vec<(u8, BytesMut)> {
    frontend::bind_text(&mut raw.out, b"", name, &[]);
    frontend::execute(&mut raw.out, b"", 0);
    frontend::sync(&mut raw.out);
    raw.until_ready().await
}

async fn query(raw: &mut Raw, sql: &str) {
    frontend::query(&mut raw.out, sql);
    assert_eq!(sqlstate(&raw.until_ready().await), None, "{sql}");
}

/// Somebody else changes a table: clients are told once, and what they prepare then is the new table.
#[tokio::test]
async fn who_prepares_again_after_a_migration_has_the_new_table() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        for (tenant, table) in [("acme", "notes"), ("globex", "t_3.notes"), ("initech", "notes")] {
            let (_, _, model) = TENANTS.iter().find(|(_, key, _)| *key == tenant).unwrap();
            let admin = world.admin_of(*model, id_of(tenant)).await;
            let mut first = Raw::login(&world, tenant).await;
            let before = columns(&prepare(&mut first, b"one", TEXT).await);
            for (added, used) in [("more", Some(&b"one"[..])), ("still_more", None)] {
                admin.batch_execute(&format!("ALTER TABLE {table} ADD COLUMN {added} text")).await.unwrap();
                // By using it, or by preparing the same text again: what the server has is not what the client means.
                let told = match used {
                    Some(name) => execute(&mut first, name).await,
                    None => prepare(&mut first, b"three", TEXT).await,
                };
                assert_eq!(sqlstate(&told).as_deref(), Some("0A000"), "{tenant}, {version}, {added}");
                let mut second = Raw::login(&world, tenant).await;
                for raw in [&mut first, &mut second] {
                    for name in [&b"one"[..], b"two", b"three"] {
                        frontend::close(&mut raw.out, frontend::STATEMENT, name);
                    }
                    let prepared = prepare(raw, b"two", TEXT).await;
                    assert_eq!(sqlstate(&prepared), None, "{tenant}, {version}, {added}");
                    assert_eq!(columns(&prepared), before + 1 + u16::from(used.is_none()));
                    assert_eq!(sqlstate(&execute(raw, b"two").await), None);
                }
            }
        }
        world.close().await;
    }
}

/// What a client defines itself it is never told of: on a direct connection there is nothing to tell.
#[tokio::test]
async fn what_a_client_defines_is_what_it_prepares_next() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let tenant = "initech";
        let admin = world.admin_of(TenancyModel::Database, id_of(tenant)).await;
        let database = &world.databases()[1];
        admin.batch_execute(&format!("GRANT TEMP ON DATABASE {database} TO PUBLIC")).await.unwrap();
        let text = "SELECT * FROM scratch";
        let mut clients = [Raw::login(&world, tenant).await, Raw::login(&world, tenant).await];
        for raw in &mut clients {
            for (name, between) in
                [(&b"a"[..], "DROP TABLE scratch"), (b"b", "ROLLBACK"), (b"c", "DROP TABLE scratch")]
            {
                let mut found = Vec::new();
                for (turn, table) in ["(x int)", "(x text, y text)"].into_iter().enumerate() {
                    if between == "ROLLBACK" {
                        query(raw, "BEGIN").await;
                    }
                    query(raw, &format!("CREATE TEMP TABLE scratch {table}")).await;
                    let name = [name, turn.to_string().as_bytes()].concat();
                    let prepared = prepare(raw, &name, text).await;
                    assert_eq!(sqlstate(&prepared), None, "{between}, {table}, {version}");
                    found.push(columns(&prepared));
                    assert_eq!(sqlstate(&execute(raw, &name).await), None, "{between}, {table}, {version}");
                    query(raw, between).await;
                }
                assert_eq!(found, [1, 2], "{between}, {version}");
            }
        }
        world.close().await;
    }
}
