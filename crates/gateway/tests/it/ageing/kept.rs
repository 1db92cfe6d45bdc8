//! A statement that a client keeps, on a server connection that never had it: what the client knows of it, or an error, never
//! anything else.

use super::{columns, execute, prepare, query};
use crate::differential::compare::difference;
use crate::raw::{Raw, sqlstate};
use crate::world::{TENANTS, World, id_of};
use bytes::BytesMut;
use std::fmt::Write;
use std::sync::Arc;
use tenantry_core::TenancyModel;
use tenantry_core::rewrite::{NotRewritten, QuotedStrings, Rewrite, Rewritten};
use tenantry_gateway::{Config, Rewriters};
use tenantry_testkit::proxy::{Proxy, Sender};
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{DataRow, ErrorFields, tag};
use tenantry_wire::frontend;

/// Where in its conversation the client uses the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Alone,
    /// By describing it once more.
    Described,
    FirstInTransaction,
    LaterInTransaction,
    /// Behind a statement that wrote something, and in front of another.
    InPipeline,
    /// Behind another in one write, whose Sync is on its way.
    BehindSync,
}

const USES: [Use; 6] = [
    Use::Alone,
    Use::Described,
    Use::FirstInTransaction,
    Use::LaterInTransaction,
    Use::InPipeline,
    Use::BehindSync,
];

const MODELS: [(&str, &str); 3] = [("acme", "notes"), ("globex", "t_3.notes"), ("initech", "notes")];

/// One worker with two server connections for each pool.
async fn world(version: u32) -> World {
    World::with(version, 2, Config { workers: 1, ..Config::default() }).await
}

fn model_of(tenant: &str) -> TenancyModel {
    TENANTS.iter().find(|(_, key, _)| *key == tenant).unwrap().2
}

fn values(messages: &[(u8, BytesMut)]) -> Vec<String> {
    let rows = messages.iter().filter(|(tag, _)| *tag == tag::DATA_ROW);
    rows.map(|(_, body)| {
        let row = DataRow::decode(body).unwrap();
        row.iter()
            .map(|value| value.map_or("NULL".into(), String::from_utf8_lossy))
            .collect::<Vec<_>>()
            .join(",")
    })
    .collect()
}

async fn asked(raw: &mut Raw, sql: &str) -> String {
    frontend::query(&mut raw.out, sql);
    values(&raw.until_ready().await).concat()
}

/// Prepares statements, and says on which server connection.
async fn prepared_on(raw: &mut Raw, statements: &[(&[u8], &str)]) -> String {
    query(raw, "BEGIN").await;
    let pid = asked(raw, "SELECT pg_backend_pid()").await;
    for (name, sql) in statements {
        let told = prepare(raw, name, sql).await;
        assert_eq!(sqlstate(&told), None, "{sql}");
    }
    // Not a simple Query, which would drop the unnamed statement.
    prepare(raw, b"the end", "COMMIT").await;
    assert_eq!(sqlstate(&execute(raw, b"the end").await), None);
    frontend::close(&mut raw.out, frontend::STATEMENT, b"the end");
    frontend::sync(&mut raw.out);
    raw.until_ready().await;
    pid
}

/// Two other clients of the tenant.
struct Others([Raw; 2]);

impl Others {
    async fn login(world: &World, tenant: &str) -> Self {
        Self([Raw::login(world, tenant).await, Raw::login(world, tenant).await])
    }

    /// One of them is in a transaction on this server connection from now on: whoever comes is given the other one.
    async fn occupy(&mut self, pid: &str) {
        let [one, two] = &mut self.0;
        query(one, "BEGIN").await;
        if asked(one, "SELECT pg_backend_pid()").await != pid {
            query(two, "BEGIN").await;
            assert_eq!(asked(two, "SELECT pg_backend_pid()").await, pid, "there are two connections");
            query(one, "ROLLBACK").await;
        }
    }

    async fn leave(&mut self) {
        for raw in &mut self.0 {
            query(raw, "ROLLBACK").await;
        }
    }
}

fn bind(raw: &mut Raw, name: &[u8]) {
    frontend::bind_text(&mut raw.out, b"", name, &[]);
    frontend::execute(&mut raw.out, b"", 0);
}

/// Uses the statement, and returns what it is told from there on.
async fn used(raw: &mut Raw, name: &[u8], how: Use) -> Vec<(u8, BytesMut)> {
    match how {
        Use::Alone => {}
        Use::Described => {
            frontend::describe(&mut raw.out, frontend::STATEMENT, name);
            frontend::sync(&mut raw.out);
            return raw.until_ready().await;
        }
        Use::FirstInTransaction => begin(raw).await,
        Use::LaterInTransaction => {
            begin(raw).await;
            assert_eq!(sqlstate(&execute(raw, b"plain").await), None);
        }
        Use::InPipeline => {
            bind(raw, b"insert");
            bind(raw, name);
            bind(raw, b"insert");
            frontend::sync(&mut raw.out);
            return raw.until_ready().await;
        }
        Use::BehindSync => {
            bind(raw, b"plain");
            frontend::sync(&mut raw.out);
            bind(raw, name);
            frontend::sync(&mut raw.out);
            assert_eq!(sqlstate(&raw.until_ready().await), None);
            return raw.until_ready().await;
        }
    }
    execute(raw, name).await
}

/// A simple Query would drop the unnamed statement.
async fn begin(raw: &mut Raw) {
    assert_eq!(sqlstate(&execute(raw, b"begin").await), None);
}

/// In PostgreSQL's very words, and nothing besides.
fn assert_outdated(told: &[(u8, BytesMut)], how: Use, context: &str) {
    let error = told.iter().find(|(tag, _)| *tag == tag::ERROR);
    let Some((_, body)) = error else { panic!("{context}: {:?}", values(told)) };
    let fields = ErrorFields::decode(body).unwrap();
    let said = [b'S', b'C', b'M', b'R'].map(|field| fields.text(field).into_owned());
    let expected = ["ERROR", "0A000", "cached plan must not change result type", "RevalidateCachedQuery"];
    assert_eq!(said, expected, "{context}");
    assert_eq!(values(told), [""; 0], "{context}");
    let in_transaction = matches!(how, Use::FirstInTransaction | Use::LaterInTransaction);
    let status = if in_transaction { b'E' } else { b'I' };
    assert_eq!(told.last().unwrap().1[..], [status], "{context}");
    let before: String = told.iter().map(|(tag, _)| char::from(*tag)).collect();
    assert_eq!(before, if how == Use::InPipeline { "2CEZ" } else { "EZ" }, "{context}");
}

/// A client whose statement is another after a migration is told so, however it comes to a connection where it is prepared for
/// the first time; and what it prepares again is what there is.
#[tokio::test]
async fn another_shape_is_told_on_a_connection_that_never_had_the_statement() {
    for version in versions_for_tests() {
        let world = world(version).await;
        let mut turn = 0;
        for (tenant, table) in MODELS {
            let admin = world.admin_of(model_of(tenant), id_of(tenant)).await;
            let (mut raw, mut others) =
                (Raw::login(&world, tenant).await, Others::login(&world, tenant).await);
            let mut direct = match tenant {
                "initech" => Some(Raw::direct_to_own(&world).await),
                _ => None,
            };
            for (how, name) in USES.iter().flat_map(|how| [(*how, &b"kept"[..]), (*how, b"")]) {
                turn += 1;
                let mut context = String::new();
                write!(context, "{tenant}, {version}, {how:?}, {:?}", String::from_utf8_lossy(name)).unwrap();
                // A text of its own: no connection has it yet.
                let text = format!("SELECT *, {turn} AS turn FROM notes");
                let same = format!("SELECT id, slug, {turn} AS turn FROM notes");
                let insert = format!("INSERT INTO notes (slug) VALUES ('never {turn}')");
                let statements: [(&[u8], &str); 5] = [
                    (b"begin", "BEGIN"),
                    (b"plain", "SELECT 1"),
                    (b"insert", &insert),
                    (b"same", &same),
                    (name, &text),
                ];
                let pid = prepared_on(&mut raw, &statements).await;
                if let Some(direct) = &mut direct {
                    prepared_on(direct, &statements).await;
                }
                admin
                    .batch_execute(&format!("ALTER TABLE {table} ADD COLUMN more_{turn} text"))
                    .await
                    .unwrap();
                others.occupy(&pid).await;
                let told = used(&mut raw, name, how).await;
                assert_outdated(&told, how, &context);
                if let Some(direct) = &mut direct {
                    let mut told_directly = used(direct, name, how).await;
                    // Of a Describe PostgreSQL tells the parameters before it looks at the rows.
                    told_directly.retain(|(tag, _)| *tag != tag::PARAMETER_DESCRIPTION);
                    assert_eq!(difference(&told_directly, &told), None, "{context}");
                    query(direct, "ROLLBACK").await;
                    query(direct, "DEALLOCATE ALL").await;
                }
                query(&mut raw, "ROLLBACK").await;
                // Nothing of the pipeline is there, what is as it was goes on, what is prepared again is what there is.
                let found = format!("SELECT count(*) FROM notes WHERE slug = 'never {turn}'");
                assert_eq!(asked(&mut raw, &found).await, "0", "{context}");
                assert_eq!(sqlstate(&execute(&mut raw, b"same").await), None, "{context}");
                frontend::close(&mut raw.out, frontend::STATEMENT, name);
                let again = prepare(&mut raw, name, &text).await;
                assert_eq!(sqlstate(&again), None, "{context}");
                let simple = asked_columns(&mut raw, &text).await;
                assert_eq!(columns(&again), simple, "{context}");
                others.leave().await;
                query(&mut raw, "DEALLOCATE ALL").await;
            }
        }
        world.close().await;
    }
}

async fn asked_columns(raw: &mut Raw, sql: &str) -> u16 {
    frontend::query(&mut raw.out, sql);
    columns(&raw.until_ready().await)
}

/// Who has prepared a text since the migration is not told because a connection still has it from before.
#[tokio::test]
async fn who_prepared_after_the_migration_is_not_told_of_it() {
    for version in versions_for_tests() {
        let world = world(version).await;
        for (tenant, table) in MODELS {
            let admin = world.admin_of(model_of(tenant), id_of(tenant)).await;
            let text = format!("SELECT *, 'of {tenant}' FROM notes");
            let (mut one, mut two) = (Raw::login(&world, tenant).await, Raw::login(&world, tenant).await);
            let mut others = Others::login(&world, tenant).await;
            let before = prepared_on(&mut one, &[(b"kept", &text)]).await;
            admin
                .batch_execute(&format!("ALTER TABLE {table} ADD COLUMN more_of_{tenant} text"))
                .await
                .unwrap();
            others.occupy(&before).await;
            let after = prepared_on(&mut two, &[(b"new", &text)]).await;
            assert_ne!(before, after);
            others.leave().await;
            others.occupy(&after).await;
            assert_eq!(sqlstate(&execute(&mut two, b"new").await), None, "{tenant}, {version}");
            others.leave().await;
            // The one from before is told, on both.
            for pid in [&before, &after] {
                others.occupy(pid).await;
                let told = execute(&mut one, b"kept").await;
                assert_eq!(sqlstate(&told).as_deref(), Some("0A000"), "{tenant}, {version}");
                others.leave().await;
            }
        }
        world.close().await;
    }
}

/// What the server was sent since the proxy was told to watch, by its messages' types.
fn sent(proxy: &Proxy) -> String {
    let seen = proxy.seen();
    let sent = seen.iter().filter(|seen| seen.sender == Sender::Client);
    sent.map(|seen| char::from(seen.tag)).collect()
}

/// A statement is described, and waited for, once on each connection, and never where the connection has it.
#[tokio::test]
async fn what_a_connection_has_costs_nothing() {
    for version in versions_for_tests() {
        let world = world(version).await;
        let proxy = Proxy::to(world.postgres.host(), world.postgres.port()).await.unwrap();
        world.change_databases(|route| route.port = proxy.port());
        for (tenant, _) in MODELS {
            let (mut raw, mut others) =
                (Raw::login(&world, tenant).await, Others::login(&world, tenant).await);
            let text = format!("SELECT id, 'at {tenant}' FROM notes");
            let pid = prepared_on(&mut raw, &[(b"kept", &text)]).await;
            let watched = async |raw: &mut Raw, name: &[u8]| {
                proxy.watch();
                assert_eq!(sqlstate(&execute(raw, name).await), None, "{tenant}, {version}");
                sent(&proxy)
            };
            others.occupy(&pid).await;
            let first = watched(&mut raw, b"kept").await;
            assert!(first.ends_with("PDHBES"), "{tenant}, {version}: {first}");
            for _ in 0..2 {
                assert_eq!(watched(&mut raw, b"kept").await, "BES", "{tenant}, {version}");
            }
            // By its own Parse it need not be waited for; and what is run once is not described.
            proxy.watch();
            frontend::parse(&mut raw.out, b"new", "SELECT 'new' FROM notes", &[]);
            bind(&mut raw, b"new");
            frontend::parse(&mut raw.out, b"", "SELECT 'unnamed' FROM notes", &[]);
            bind(&mut raw, b"");
            frontend::sync(&mut raw.out);
            assert_eq!(sqlstate(&raw.until_ready().await), None, "{tenant}, {version}");
            assert_eq!(sent(&proxy), "PDBEPBES", "{tenant}, {version}");
            others.leave().await;
        }
        world.close().await;
    }
}

/// A rewriter of one version of the schema that leaves every text alone.
#[derive(Debug)]
struct Version;

impl Rewrite for Version {
    fn might_need(&self, _: &str) -> bool {
        false
    }

    fn rewrite(&self, _: &str, _: QuotedStrings) -> Result<Option<Rewritten>, NotRewritten> {
        Ok(None)
    }
}

/// The gateway hears of a new version of the schema: what is prepared from then on is what there is, without an error first.
#[tokio::test]
async fn a_new_version_of_the_schema_is_followed() {
    let follow = |world: &World| {
        let version: Arc<dyn Rewrite> = Arc::new(Version);
        let (everywhere, own_schemas) = (Some(Arc::clone(&version)), Some(version));
        world.rewriters.send_replace(Arc::new(Rewriters { everywhere, own_schemas, ..Rewriters::default() }));
    };
    for version in versions_for_tests() {
        let world = world(version).await;
        follow(&world);
        for (tenant, table) in &MODELS[..2] {
            let admin = world.admin_of(model_of(tenant), id_of(tenant)).await;
            let text = format!("SELECT *, 'for {tenant}' FROM notes");
            let (mut one, mut two) = (Raw::login(&world, tenant).await, Raw::login(&world, tenant).await);
            let before = columns(&prepare(&mut one, b"kept", &text).await);
            admin
                .batch_execute(&format!("ALTER TABLE {table} ADD COLUMN more_for_{tenant} text"))
                .await
                .unwrap();
            follow(&world);
            let told = prepare(&mut two, b"new", &text).await;
            assert_eq!((sqlstate(&told), columns(&told)), (None, before + 1), "{tenant}, {version}");
            assert_eq!(sqlstate(&execute(&mut two, b"new").await), None, "{tenant}, {version}");
            let told = execute(&mut one, b"kept").await;
            assert_eq!(sqlstate(&told).as_deref(), Some("0A000"), "{tenant}, {version}");
            let told = prepare(&mut one, b"new", &text).await;
            assert_eq!((sqlstate(&told), columns(&told)), (None, before + 1), "{tenant}, {version}");
        }
        world.close().await;
    }
}

/// A parameter that the client would encode as what it is no more.
#[tokio::test]
async fn another_type_of_a_parameter_is_told() {
    for version in versions_for_tests() {
        let world = world(version).await;
        for (tenant, table) in MODELS {
            let admin = world.admin_of(model_of(tenant), id_of(tenant)).await;
            admin.batch_execute(&format!("ALTER TABLE {table} ADD COLUMN amount int")).await.unwrap();
            let text = format!("INSERT INTO notes (slug, amount) VALUES ('of {tenant}', $1)");
            let (mut raw, mut others) =
                (Raw::login(&world, tenant).await, Others::login(&world, tenant).await);
            let pid = prepared_on(&mut raw, &[(b"kept", &text)]).await;
            admin
                .batch_execute(&format!("ALTER TABLE {table} ALTER amount TYPE timestamptz USING NULL"))
                .await
                .unwrap();
            others.occupy(&pid).await;
            frontend::bind_text(&mut raw.out, b"", b"kept", &[Some(b"2026-11-21")]);
            frontend::execute(&mut raw.out, b"", 0);
            frontend::sync(&mut raw.out);
            let told = raw.until_ready().await;
            assert_eq!(sqlstate(&told).as_deref(), Some("0A000"), "{tenant}, {version}");
            others.leave().await;
        }
        world.close().await;
    }
}

/// Tenants have types of their own, which have other numbers: a statement follows its client from one to the next all the same.
#[tokio::test]
async fn a_statement_follows_its_client_to_another_tenant() {
    for version in versions_for_tests() {
        let world = world(version).await;
        for (one, two) in [("globex", "hooli"), ("initech", "tyrell")] {
            for (number, tenant) in (0..).zip([one, two]) {
                let schema = if one == "globex" { format!("t_{}", id_of(tenant)) } else { "public".into() };
                let admin = world.admin_of(model_of(tenant), id_of(tenant)).await;
                // So that the numbers differ in databases of their own, too.
                let before = "CREATE TYPE public.before AS ENUM (); DROP TYPE public.before;".repeat(number);
                let sql = format!(
                    "{before} CREATE TYPE {schema}.mood AS ENUM ('calm');
                     ALTER TABLE {schema}.notes ADD COLUMN mood {schema}.mood"
                );
                admin.batch_execute(&sql).await.unwrap();
            }
            let mut raw = Raw::login(&world, one).await;
            let told = prepare(&mut raw, b"kept", "SELECT mood, $1::mood FROM notes").await;
            assert_eq!(sqlstate(&told), None);
            for tenant in [two, one, two] {
                query(&mut raw, &format!("SET tenantry.tenant = '{tenant}'")).await;
                frontend::bind_text(&mut raw.out, b"", b"kept", &[Some(b"calm")]);
                frontend::execute(&mut raw.out, b"", 0);
                frontend::sync(&mut raw.out);
                assert_eq!(sqlstate(&raw.until_ready().await), None, "{tenant}, {version}");
            }
            // With another type it is another statement there.
            let schema = if one == "globex" { format!("t_{}", id_of(two)) } else { "public".into() };
            let admin = world.admin_of(model_of(two), id_of(two)).await;
            admin.batch_execute(&format!("ALTER TABLE {schema}.notes ALTER mood TYPE text")).await.unwrap();
            query(&mut raw, &format!("SET tenantry.tenant = '{one}'")).await;
            frontend::bind_text(&mut raw.out, b"", b"kept", &[Some(b"calm")]);
            frontend::execute(&mut raw.out, b"", 0);
            frontend::sync(&mut raw.out);
            assert_eq!(sqlstate(&raw.until_ready().await), None, "{one}, {version}");
            query(&mut raw, &format!("SET tenantry.tenant = '{two}'")).await;
            frontend::bind_text(&mut raw.out, b"", b"kept", &[Some(b"calm")]);
            frontend::execute(&mut raw.out, b"", 0);
            frontend::sync(&mut raw.out);
            assert_eq!(sqlstate(&raw.until_ready().await).as_deref(), Some("0A000"), "{two}, {version}");
        }
        world.close().await;
    }
}
