//! sqlx through the gateway: its pools and its statement cache, prepared and not, COPY, listeners, and one pool whose
//! clients go from tenant to tenant.

use super::in_every_model;
use super::peer::Pair;
use super::tables;
use crate::world::{PASSWORD, World};
use futures_util::{TryStreamExt, future};
use sqlx::postgres::types::PgInterval;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolCopyExt, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Row};
use std::time::Duration;
use tenantry_core::{PoolMode, TenancyModel};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;

/// The clients of one pool.
const CLIENTS: u32 = 4;
/// In session mode each keeps a server connection, and up to three pools are open. The gateway keeps an eighth back for
/// tenants that use none.
const FOR_SESSIONS: u32 = 4 * CLIENTS;
/// What a client keeps prepared. The server connection keeps as many for all of them.
const CACHED: usize = 4;

in_every_model!(pooled);

async fn pooled(pair: &Pair) {
    for version in versions_for_tests() {
        for (mode, connections) in [(PoolMode::Transaction, 1), (PoolMode::Session, FOR_SESSIONS)] {
            let config = Config { max_server_statements: CACHED, ..Config::default() };
            let world = World::with(version, connections, config).await;
            world.change_login("app", |login| login.pool_mode = mode);
            tables::samples(&world, pair).await;
            let (one, two) = (pool(&world, pair.tenant()), pool(&world, pair.other()));
            types(&one, &two).await;
            statements(&one, &two).await;
            transactions(&one, &two).await;
            streams(&one).await;
            copies(pair.model, &one, &two).await;
            switches(&world, pair, mode).await;
            listens(pair.model, &one).await;
            future::join(one.close(), two.close()).await;
            world.close().await;
        }
    }
}

fn pool(world: &World, tenant: &str) -> PgPool {
    let client = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(world.port())
        .username("app")
        .password(PASSWORD)
        .database(tenant)
        .statement_cache_capacity(CACHED);
    PgPoolOptions::new()
        .max_connections(CLIENTS)
        .acquire_timeout(Duration::from_mins(1))
        .connect_lazy_with(client)
}

fn code(error: &sqlx::Error) -> String {
    let error = error.as_database_error().unwrap_or_else(|| panic!("{error}"));
    error.code().unwrap().into_owned()
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

/// Values in binary form, and by a statement of several parts as text.
async fn types(one: &PgPool, two: &PgPool) {
    let raw: Vec<u8> = (0..=255).collect();
    let label = "Grüße, 世界 \\ ' \" %s $1";
    let span = PgInterval { months: 1, days: 3, microseconds: 14_400_000_005 };
    let numbers = vec![Some(1_i64), Some(-2), Some(1 << 62), None];
    let insert = "INSERT INTO samples (id, number, ratio, flag, label, raw, span, numbers, mood)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::mood)";
    let insert = sqlx::query(insert).bind(1_i64).bind(-42).bind(0.1_f64).bind(true).bind(label);
    let insert = insert.bind(&raw).bind(span).bind(&numbers).bind("curious");
    assert_eq!(insert.execute(one).await.unwrap().rows_affected(), 1);
    // It looks a type that it does not know up in the catalog, with statements of its own.
    let row = sqlx::query("SELECT * FROM samples WHERE id = $1").bind(1_i64).fetch_one(one).await.unwrap();
    assert_eq!((row.get::<i32, _>("number"), row.get::<bool, _>("flag")), (-42, true));
    assert_eq!((row.get::<&str, _>("label"), row.get::<Vec<u8>, _>("raw")), (label, raw));
    assert_eq!(
        (row.get::<PgInterval, _>("span"), row.get::<Vec<Option<i64>>, _>("numbers")),
        (span, numbers)
    );
    assert_eq!(row.get::<Option<String>, _>("labels"), None);
    let script = "UPDATE samples SET number = 7; SELECT number FROM samples; SELECT count(*) FROM samples";
    let rows = sqlx::raw_sql(script).fetch_all(one).await.unwrap();
    assert_eq!((rows[0].get::<i32, _>(0), rows[1].get::<i64, _>(0)), (7, 1));
    assert_eq!(count(two, "SELECT count(*) FROM samples").await, 0);
    assert_eq!(sqlx::query("DELETE FROM samples").execute(one).await.unwrap().rows_affected(), 1);
}

/// More statements than either side keeps, by all clients of both tenants at once: prepared for good, and for once.
async fn statements(one: &PgPool, two: &PgPool) {
    let mut seen = Vec::new();
    for pool in [one, two] {
        let asked = (0..60_i32).map(|n| async move {
            let sql = format!("SELECT $1::int + {}, tenancy.tenant_id()", n % 7);
            let query = sqlx::query_as::<_, (i32, i64)>(AssertSqlSafe(sql)).bind(n).persistent(n % 3 > 0);
            let (sum, tenant) = query.fetch_one(pool).await.unwrap();
            assert_eq!(sum, n + n % 7);
            tenant
        });
        seen.push(future::join_all(asked));
    }
    let tenants = future::join_all(seen).await;
    assert!(tenants.iter().all(|seen| seen.iter().all(|id| *id == seen[0])), "{tenants:?}");
    assert_ne!(tenants[0][0], tenants[1][0]);
    let mut client = one.acquire().await.unwrap();
    let failed = sqlx::query("SELECT 1 / $1::int").bind(0).execute(&mut *client).await.unwrap_err();
    assert_eq!(code(&failed), "22012");
    assert!(client.cached_statements_size() > 0);
    client.clear_cached_statements().await.unwrap();
    assert_eq!(client.cached_statements_size(), 0);
    client.ping().await.unwrap();
    let again = sqlx::query_scalar::<_, i32>("SELECT 1 / $1::int").bind(1).fetch_one(&mut *client);
    assert_eq!(again.await.unwrap(), 1);
}

async fn transactions(one: &PgPool, two: &PgPool) {
    let mut outer = one.begin().await.unwrap();
    sqlx::query("INSERT INTO notes (id, slug) VALUES (1, $1)")
        .bind("one")
        .execute(&mut *outer)
        .await
        .unwrap();
    let mut inner = outer.begin().await.unwrap();
    let again = sqlx::query("INSERT INTO notes (id, slug) VALUES (2, $1)").bind("one");
    let again = again.execute(&mut *inner).await.unwrap_err();
    assert_eq!(code(&again), "23505");
    assert!(again.as_database_error().unwrap().is_unique_violation());
    let failed = sqlx::query("SELECT 1").execute(&mut *inner).await.unwrap_err();
    assert_eq!(code(&failed), "25P02");
    inner.rollback().await.unwrap();
    outer.commit().await.unwrap();
    let mut read_only = one.begin_with("BEGIN READ ONLY").await.unwrap();
    let refused = sqlx::query("DELETE FROM notes").execute(&mut *read_only).await.unwrap_err();
    assert_eq!(code(&refused), "25006");
    // Rolled back when dropped: the next who gets the client sends it.
    drop(read_only);
    let mut dropped = one.begin().await.unwrap();
    sqlx::query("DELETE FROM notes").execute(&mut *dropped).await.unwrap();
    drop(dropped);
    assert_eq!(count(one, "SELECT count(*) FROM notes").await, 1);
    assert_eq!(count(two, "SELECT count(*) FROM notes").await, 0);
    sqlx::query("DELETE FROM notes").execute(one).await.unwrap();
}

/// A stream that is given up in the middle: the client reads what is left of it before it serves anybody again.
async fn streams(one: &PgPool) {
    let mut client = one.acquire().await.unwrap();
    let sql = "SELECT n FROM generate_series(1, $1::int) n";
    {
        let mut rows = sqlx::query(sql).bind(20_000).fetch(&mut *client);
        assert_eq!(rows.try_next().await.unwrap().unwrap().get::<i32, _>(0), 1);
    }
    let rows: Vec<i32> = sqlx::query_scalar(sql).bind(3).fetch_all(&mut *client).await.unwrap();
    assert_eq!(rows, [1, 2, 3]);
}

async fn copies(model: TenancyModel, one: &PgPool, two: &PgPool) {
    let begun = one.copy_in_raw("COPY notes (id, slug) FROM STDIN").await;
    if model == TenancyModel::Database {
        let mut copy = begun.unwrap();
        for n in 0..1000 {
            copy.send(format!("{n}\ts{n}\n").into_bytes()).await.unwrap();
        }
        assert_eq!(copy.finish().await.unwrap(), 1000);
        let mut aborted = one.copy_in_raw("COPY notes (id) FROM STDIN").await.unwrap();
        aborted.send(&b"5000\n"[..]).await.unwrap();
        aborted.abort("changed my mind").await.unwrap();
    } else {
        // PostgreSQL has no COPY into tables with row-level security.
        assert_eq!(code(&begun.err().unwrap()), "0A000");
        let insert = "INSERT INTO notes (id, slug) SELECT n, 's' || n FROM generate_series(0, 999) n";
        sqlx::query(insert).execute(one).await.unwrap();
    }
    for (pool, lines) in [(one, 1000), (two, 0)] {
        let chunks = pool.copy_out_raw("COPY (SELECT id, slug FROM notes) TO STDOUT").await.unwrap();
        let chunks: Vec<_> = chunks.try_collect().await.unwrap();
        assert_eq!(chunks.concat().split(|byte| *byte == b'\n').count() - 1, lines);
    }
    assert_eq!(sqlx::query("DELETE FROM notes").execute(one).await.unwrap().rows_affected(), 1000);
}

/// One pool for all tenants: its clients go where each transaction says, with the statements that they have prepared.
async fn switches(world: &World, pair: &Pair, mode: PoolMode) {
    let pool = pool(world, pair.tenant());
    let visits = (0..24_usize).map(|n| {
        let pool = &pool;
        async move {
            let (id, tenant) = pair.tenants[n % 2];
            if mode == PoolMode::Session {
                let mut client = pool.acquire().await.unwrap();
                let switch = format!("SET tenantry.tenant = '{tenant}'");
                sqlx::raw_sql(AssertSqlSafe(switch)).execute(&mut *client).await.unwrap();
                // The server connection that knew its statements is given up with the tenant.
                let ask = sqlx::query_scalar("SELECT tenancy.tenant_id() WHERE $1").bind(true);
                let seen: i64 = ask.persistent(false).fetch_one(&mut *client).await.unwrap();
                assert_eq!(seen, id);
                return;
            }
            let mut transaction = pool.begin().await.unwrap();
            let switch = format!("SET LOCAL tenantry.tenant = '{tenant}'");
            sqlx::query(AssertSqlSafe(switch)).execute(&mut *transaction).await.unwrap();
            for _ in 0..2 {
                let ask = sqlx::query_scalar::<_, i64>("SELECT tenancy.tenant_id() WHERE $1").bind(true);
                assert_eq!(ask.fetch_one(&mut *transaction).await.unwrap(), id);
            }
            transaction.commit().await.unwrap();
            let marked = format!("SELECT tenancy.tenant_id() /*tenant='{tenant}'*/");
            let ask = sqlx::query_scalar::<_, i64>(AssertSqlSafe(marked));
            assert_eq!(ask.fetch_one(pool).await.unwrap(), id);
        }
    });
    future::join_all(visits).await;
    pool.close().await;
}

/// A channel belongs to the whole database: only who has one for itself may listen.
async fn listens(model: TenancyModel, one: &PgPool) {
    let mut listener = PgListener::connect_with(one).await.unwrap();
    let listening = listener.listen("news").await;
    if model != TenancyModel::Database {
        assert_eq!(code(&listening.unwrap_err()), "0A000");
        return;
    }
    listening.unwrap();
    sqlx::query("NOTIFY news, 'hello'").execute(&mut listener).await.unwrap();
    let told = listener.recv().await.unwrap();
    assert_eq!((told.channel(), told.payload()), ("news", "hello"));
    listener.unlisten_all().await.unwrap();
}
