//! Read-only logins: what they see, and that they write nothing, whatever they send.

mod live;
mod tricks;

use crate::copying::plain::rewriters;
use crate::world::{PAIRS, PASSWORD, World, connect, id_of};
use futures_util::{SinkExt, StreamExt};
use std::pin::pin;
use std::sync::Arc;
use tenantry_core::{
    LoginAccess, LoginBinding, LoginId, LoginRoute, PoolMode, Rights, RouteChange, TenancyModel,
};
use tenantry_testkit::versions_for_tests;
use tenantry_wire::scram::ClientKeys;
use tokio_postgres::{Client, Config, Error, SimpleQueryMessage};

const HINT: &str = "login \"reports\" is read-only";

/// What a reader must not do, in every model.
const WRITES: &[&str] = &[
    "INSERT INTO notes (body) VALUES ('x')",
    "INSERT INTO notes DEFAULT VALUES",
    "UPDATE notes SET body = 'x'",
    "DELETE FROM notes",
    "MERGE INTO notes n USING (VALUES (1)) v(id) ON n.id = v.id WHEN NOT MATCHED THEN INSERT (body) VALUES ('x')",
    "TRUNCATE notes",
    "WITH w AS (INSERT INTO notes (body) VALUES ('x') RETURNING id) SELECT count(*) FROM w",
    "WITH w AS (DELETE FROM notes RETURNING id) SELECT count(*) FROM w",
    "SELECT id FROM notes FOR UPDATE",
    "SELECT id FROM notes FOR NO KEY UPDATE",
    "SELECT id FROM notes FOR SHARE",
    "SELECT id FROM notes FOR KEY SHARE",
    "SELECT nextval(pg_get_serial_sequence('notes', 'id'))",
    "SELECT setval(pg_get_serial_sequence('notes', 'id'), 1000)",
    "SELECT write_note('x')",
    "SELECT write_note_as_owner('x')",
    "CALL write_notes()",
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "SELECT 1 AS id INTO mine",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE SCHEMA mine",
    "CREATE SEQUENCE mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
    "CREATE INDEX ON notes (body)",
    "ALTER TABLE notes ADD COLUMN mine int",
    "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
    "DROP TABLE notes",
    "COMMENT ON TABLE notes IS 'mine'",
    "DO $$ BEGIN INSERT INTO notes (body) VALUES ('x'); END $$",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
];

/// Simple Query, an unnamed statement, and a named one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Simple,
    Extended,
    Prepared,
}

const PROTOCOLS: [Protocol; 3] = [Protocol::Simple, Protocol::Extended, Protocol::Prepared];
const MODES: [&str; 2] = ["transaction", "session"];

async fn run(client: &Client, sql: &str, protocol: Protocol) -> Result<Vec<String>, Error> {
    let shown = |row: &tokio_postgres::Row| row.get::<_, Option<String>>(0).unwrap_or_default();
    Ok(match protocol {
        Protocol::Simple => {
            let rows = client.simple_query(sql).await?;
            let rows = rows.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            });
            rows.collect()
        }
        Protocol::Extended => client.query_typed(sql, &[]).await?.iter().map(shown).collect(),
        Protocol::Prepared => {
            let statement = client.prepare(sql).await?;
            client.query(&statement, &[]).await?.iter().map(shown).collect()
        }
    })
}

/// The read-only login, which may act for every tenant.
fn add_reports(world: &World) {
    let login = LoginRoute {
        id: LoginId::new(50),
        name: "reports".into(),
        verifier: ClientKeys::derive(PASSWORD, b"0123456789abcdef", 4_096).verifier().to_string().into(),
        binding: LoginBinding::All,
        pool_mode: PoolMode::Either,
        admin: false,
        rights: Rights::Read,
        access: LoginAccess::default(),
    };
    world.routes.send_modify(|table| {
        let change = RouteChange::Login(Arc::new(login));
        *table = Arc::new(table.with_changes(table.revision() + 1, [change]));
    });
}

fn as_reports(world: &World, tenant: &str, mode: &str) -> Config {
    let mut config = world.config(tenant);
    config.user("reports").options(format!("-c tenantry.pool_mode={mode}"));
    config
}

/// Functions of the product's that write: with their caller's rights, and with their owner's.
async fn add_functions(world: &World, tenant: &str, model: TenancyModel) {
    let admin = world.admin_of(model, id_of(tenant)).await;
    let schema = if model == TenancyModel::Schema { format!("t_{}", id_of(tenant)) } else { "public".into() };
    let database: String = admin.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let login = format!("login_{database}");
    let sql = format!(
        "SET search_path TO {schema};
         CREATE FUNCTION write_note(text) RETURNS bigint LANGUAGE sql AS
           'INSERT INTO notes (body) VALUES ($1) RETURNING id';
         CREATE FUNCTION write_note_as_owner(text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
           'INSERT INTO {schema}.notes (body) VALUES ($1) RETURNING id';
         CREATE PROCEDURE write_notes() LANGUAGE sql AS 'INSERT INTO notes (body) VALUES (''x'')';
         ALTER FUNCTION write_note(text) OWNER TO tenantry_owner;
         ALTER FUNCTION write_note_as_owner(text) OWNER TO tenantry_owner;
         ALTER PROCEDURE write_notes() OWNER TO tenantry_owner;
         REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA {schema} FROM PUBLIC;
         GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {schema} TO {login};"
    );
    admin.batch_execute(&sql).await.unwrap();
    // What the reader gets of it is the core's to say.
    let sql = "SELECT * FROM tenancy.reader_grants($1, $2)";
    for row in admin.query(sql, &[&login, &format!("{login}_ro")]).await.unwrap() {
        admin.batch_execute(row.get(0)).await.unwrap();
    }
}

fn code(error: &Error) -> String {
    error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned())
}

/// The error of a denial, with its hint.
fn assert_denied<T: std::fmt::Debug>(outcome: Result<T, Error>, codes: &[&str], what: &str) {
    let error = outcome.expect_err(what);
    let said = error.as_db_error().unwrap_or_else(|| panic!("{what}: {error:?}"));
    assert!(codes.contains(&&*code(&error)), "{what}: {said:?}");
    assert!(said.hint().is_some(), "{what}: {said:?}");
}

async fn rows_of_all(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for (tenant, other) in PAIRS {
        for tenant in [tenant, other] {
            let client = world.connect(tenant).await;
            let rows = run(&client, "SELECT body FROM notes ORDER BY id", Protocol::Simple).await.unwrap();
            all.push(format!("{tenant}: {}", rows.join(",")));
        }
    }
    all
}

/// A world with rows, and so many server connections to a pool.
async fn filled(version: u32, connections: u32) -> World {
    let world = World::with(version, connections, tenantry_gateway::Config::default()).await;
    add_reports(&world);
    for (tenant, other) in PAIRS {
        for tenant in [tenant, other] {
            let client = world.connect(tenant).await;
            client.batch_execute(&format!("INSERT INTO notes (body) VALUES ('of {tenant}')")).await.unwrap();
        }
    }
    world
}

fn models() -> [(TenancyModel, &'static str); 3] {
    [
        (TenancyModel::Shared, PAIRS[0].0),
        (TenancyModel::Schema, PAIRS[1].0),
        (TenancyModel::Database, PAIRS[2].0),
    ]
}

#[tokio::test]
async fn a_reader_sees_its_tenants_rows_and_writes_nothing() {
    for version in versions_for_tests() {
        let world = filled(version, 4).await;
        for (model, tenant) in models() {
            add_functions(&world, tenant, model).await;
            // The application's role may call them all.
            let writer = world.connect(tenant).await;
            let id = run(&writer, "SELECT write_note_as_owner('y')::text", Protocol::Simple).await.unwrap();
            writer.batch_execute(&format!("DELETE FROM notes WHERE id = {}", id[0])).await.unwrap();
        }
        let before = rows_of_all(&world).await;
        for (_, tenant) in models() {
            for mode in MODES {
                let reader = connect(&as_reports(&world, tenant, mode)).await.unwrap();
                for protocol in PROTOCOLS {
                    sees_its_own(&reader, tenant, protocol).await;
                    for sql in WRITES {
                        let what = format!("{version} {tenant} {mode} {protocol:?}: {sql}");
                        // PostgreSQL's own courtesy comes first, until somebody forgoes it.
                        assert_denied(run(&reader, sql, protocol).await, &["42501", "25006"], &what);
                    }
                    reader.batch_execute("SET default_transaction_read_only = off").await.unwrap();
                    for sql in WRITES {
                        let what = format!("{version} {tenant} {mode} {protocol:?}, read write: {sql}");
                        assert_denied(run(&reader, sql, protocol).await, &["42501"], &what);
                    }
                    reader.batch_execute("RESET default_transaction_read_only").await.unwrap();
                    sees_its_own(&reader, tenant, protocol).await;
                }
                copies_out_and_not_in(&world, tenant, mode).await;
            }
        }
        assert_eq!(rows_of_all(&world).await, before);
        world.close().await;
    }
}

async fn sees_its_own(reader: &Client, tenant: &str, protocol: Protocol) {
    let rows = run(reader, "SELECT body FROM notes", protocol).await.unwrap();
    assert_eq!(rows, [format!("of {tenant}")], "{protocol:?}");
    let rows = run(reader, "SELECT tenancy.tenant_id()::text", protocol).await.unwrap();
    assert_eq!(rows, [id_of(tenant).to_string()], "{protocol:?}");
}

async fn copies_out_and_not_in(world: &World, tenant: &str, mode: &str) {
    let reader = connect(&as_reports(world, tenant, mode)).await.unwrap();
    let out = reader.copy_out("COPY (SELECT body FROM notes) TO STDOUT").await.unwrap();
    let mut out = pin!(out);
    let mut text = Vec::new();
    while let Some(part) = out.next().await {
        text.extend_from_slice(&part.unwrap());
    }
    assert_eq!(String::from_utf8(text).unwrap(), format!("of {tenant}\n"));
    for read_only in ["on", "off"] {
        // The driver sends a second Sync after a COPY that failed, and is of no more use.
        let reader = connect(&as_reports(world, tenant, mode)).await.unwrap();
        reader.batch_execute(&format!("SET default_transaction_read_only = {read_only}")).await.unwrap();
        let outcome = copy_in(&reader, "COPY notes (body) FROM STDIN").await;
        assert_denied(outcome, &["42501"], tenant);
    }
}

async fn copy_in(client: &Client, sql: &str) -> Result<u64, Error> {
    let mut sink = pin!(client.copy_in(sql).await?);
    sink.send(bytes::Bytes::from_static(b"x\n")).await?;
    sink.finish().await
}

#[tokio::test]
async fn the_rewriter_helps_readers_to_read_and_not_to_write() {
    let world = filled(*versions_for_tests().last().unwrap(), 4).await;
    world.rewriters.send_replace(rewriters(&world).await);
    for mode in MODES {
        let reader = connect(&as_reports(&world, "acme", mode)).await.unwrap();
        // Without the tenant's column, as in a plain database.
        let statement = reader.prepare("SELECT * FROM notes").await.unwrap();
        assert_eq!(statement.columns().len(), 3);
        assert_eq!(reader.query(&statement, &[]).await.unwrap().len(), 1);
        reader.batch_execute("SET default_transaction_read_only = off").await.unwrap();
        for sql in ["COPY notes FROM STDIN", "COPY notes (body) FROM STDIN"] {
            let other = connect(&as_reports(&world, "acme", mode)).await.unwrap();
            let error = copy_in(&other, sql).await.unwrap_err();
            let said = error.as_db_error().unwrap();
            assert_eq!(
                (said.code().code(), said.message(), said.hint().is_some_and(|hint| hint.starts_with(HINT))),
                ("42501", "permission denied for table notes", true),
                "{mode}: {said:?}"
            );
            let outcome = reader.simple_query(sql).await;
            assert_denied(outcome, &["42501"], sql);
        }
        let upsert = "INSERT INTO notes VALUES (1, 'a') ON CONFLICT (slug) DO UPDATE SET body = 'x'";
        assert_denied(reader.simple_query(upsert).await, &["42501"], upsert);
        assert_eq!(run(&reader, "SELECT body FROM notes", Protocol::Simple).await.unwrap(), ["of acme"]);
    }
    world.close().await;
}

/// That errors of all kinds, and of every protocol, say which login it is, and others' do not.
#[tokio::test]
async fn a_denial_says_why() {
    let world = filled(versions_for_tests()[0], 1).await;
    let reader = connect(&as_reports(&world, "acme", "transaction")).await.unwrap();
    for sql in ["DELETE FROM notes", "BEGIN READ WRITE; DELETE FROM notes"] {
        let error = reader.simple_query(sql).await.unwrap_err();
        let hint = error.as_db_error().unwrap().hint().unwrap();
        assert!(hint.starts_with(HINT), "{hint}");
    }
    reader.simple_query("ROLLBACK").await.unwrap();
    let error = reader.simple_query("SELECT nothing").await.unwrap_err();
    assert_eq!(error.as_db_error().unwrap().hint(), None);
    let writer = world.connect("acme").await;
    let error = writer.simple_query("TRUNCATE notes").await.unwrap_err();
    assert_eq!((code(&error).as_str(), error.as_db_error().unwrap().hint()), ("42501", None));
    world.close().await;
}
