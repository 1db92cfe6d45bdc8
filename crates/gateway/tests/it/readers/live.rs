//! Connections of readers and of writers, and a login that becomes the other while it is connected.

use super::{HINT, MODES, Protocol, add_reports, as_reports, assert_denied, code, filled, models, run};
use crate::console;
use crate::protocol::until;
use crate::replicas::Pair;
use crate::world::{PAIRS, PASSWORD, World, connect, id_of};
use std::collections::BTreeSet;
use std::time::Duration;
use tenantry_core::{Limits, PoolMode, Rights, TenancyModel};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::startup;
use tokio_postgres::{Client, NoTls};

const WHO: &str = "SELECT pg_backend_pid() || ' ' || current_user";

async fn who(client: &Client, protocol: Protocol) -> (String, String) {
    let said = run(client, WHO, protocol).await.unwrap().remove(0);
    let (pid, role) = said.split_once(' ').unwrap();
    (pid.to_owned(), role.to_owned())
}

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

#[tokio::test]
async fn no_connection_goes_from_a_reader_to_a_writer() {
    let world = filled(newest(), 1).await;
    for (model, tenant) in models() {
        let admin = world.admin_of(model, id_of(tenant)).await;
        let readers = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE '%\\_ro'";
        let count: i64 = admin.query_one(readers, &[]).await.unwrap().get(0);
        let asked = i64::from(model == TenancyModel::Schema);
        assert_eq!(count, asked, "{tenant}: nobody else has asked for one");
        let (writer, reader) =
            (world.connect(tenant).await, connect(&as_reports(&world, tenant, "transaction")).await.unwrap());
        let (mut of_writers, mut of_readers) = (BTreeSet::new(), BTreeSet::new());
        for round in 0..6 {
            let protocol = super::PROTOCOLS[round % 3];
            for (client, seen, suffix) in [(&writer, &mut of_writers, ""), (&reader, &mut of_readers, "_ro")]
            {
                // The one starts and the other ends in a transaction that failed.
                if round % 2 == 0 {
                    client.simple_query("BEGIN; SELECT 1/0").await.unwrap_err();
                    client.simple_query("ROLLBACK").await.unwrap();
                }
                let (pid, role) = who(client, protocol).await;
                assert_eq!(role.ends_with("_ro"), !suffix.is_empty(), "{tenant} {protocol:?}: {role}");
                seen.insert(pid);
            }
        }
        assert!(of_writers.is_disjoint(&of_readers), "{tenant}");
        assert_eq!((of_writers.len(), of_readers.len()), (1, 1), "{tenant}: each pool has one");
    }
    world.close().await;
}

#[tokio::test]
async fn a_login_that_becomes_read_only_is_so_from_its_next_transaction_on() {
    for version in versions_for_tests() {
        let world = filled(version, 1).await;
        for (_, tenant) in models() {
            for mode in MODES {
                let mut config = world.config(tenant);
                config.options(format!("-c tenantry.pool_mode={mode}"));
                let (idle, busy) = (connect(&config).await.unwrap(), connect(&config).await.unwrap());
                // One connection is all there is.
                idle.simple_query("SET tenantry_test.mark = 'kept'").await.unwrap();
                if mode == "session" {
                    drop(busy);
                    switches(&world, tenant, &idle, None).await;
                } else {
                    switches(&world, tenant, &idle, Some(&busy)).await;
                }
            }
        }
        world.close().await;
    }
}

async fn switches(world: &World, tenant: &str, idle: &Client, busy: Option<&Client>) {
    const WRITE: &str =
        "INSERT INTO notes (body) VALUES ('written'); DELETE FROM notes WHERE body = 'written'";
    idle.simple_query(WRITE).await.unwrap();
    if let Some(busy) = busy {
        busy.simple_query("BEGIN; INSERT INTO notes (body) VALUES ('written')").await.unwrap();
    }
    world.change_login("app", |login| login.rights = Rights::Read);
    assert_denied(idle.simple_query(WRITE).await, &["25006"], tenant);
    assert_denied(idle.simple_query(&format!("BEGIN READ WRITE; {WRITE}")).await, &["42501"], tenant);
    idle.simple_query("ROLLBACK").await.unwrap();
    let rows = run(idle, "SELECT body FROM notes", Protocol::Prepared).await.unwrap();
    assert_eq!(rows, [format!("of {tenant}")]);
    let mark = run(idle, "SELECT current_setting('tenantry_test.mark')", Protocol::Simple).await.unwrap();
    assert_eq!(mark, ["kept"], "settings come along");
    if let Some(busy) = busy {
        // It had begun; nothing that begins after it writes.
        busy.simple_query("INSERT INTO notes (body) VALUES ('written'); COMMIT").await.unwrap();
        assert_denied(busy.simple_query(WRITE).await, &["25006"], tenant);
    }
    world.change_login("app", |login| login.rights = Rights::Write);
    idle.simple_query("DELETE FROM notes WHERE body = 'written'").await.unwrap();
}

#[tokio::test]
async fn the_fence_keeps_readers_out_too() {
    let world = filled(newest(), 1).await;
    for (model, tenant) in models() {
        let admin = world.admin_of(model, id_of(tenant)).await;
        let reader = connect(&as_reports(&world, tenant, "transaction")).await.unwrap();
        run(&reader, "SELECT body FROM notes", Protocol::Simple).await.unwrap();
        let state = format!("UPDATE tenancy.gate SET state = $1 WHERE tenant = {}", id_of(tenant));
        // The connection may linger inside, but nobody enters any more.
        reader.simple_query("RESET ALL").await.unwrap();
        admin.execute(&state, &[&"suspended"]).await.unwrap();
        let other = connect(&as_reports(&world, PAIRS[0].1, "transaction")).await.unwrap();
        run(&other, "SELECT 1::text", Protocol::Simple).await.unwrap();
        drop(other);
        world.change(id_of(tenant), |route| {
            route.placement.as_mut().unwrap().epoch = tenantry_core::Epoch::FIRST.next();
        });
        let error = run(&reader, "SELECT body FROM notes", Protocol::Simple).await.unwrap_err();
        assert_eq!(code(&error), "57P03", "{tenant}");
        admin.execute(&state, &[&"active"]).await.unwrap();
        world.change(id_of(tenant), |route| {
            route.placement.as_mut().unwrap().epoch = tenantry_core::Epoch::FIRST;
        });
        let rows = run(&reader, "SELECT body FROM notes", Protocol::Simple).await.unwrap();
        assert_eq!(rows, [format!("of {tenant}")]);
    }
    world.close().await;
}

#[tokio::test]
async fn a_reader_s_statement_is_cancelled_like_any_other() {
    let world = filled(newest(), 1).await;
    let reader = connect(&as_reports(&world, "acme", "transaction")).await.unwrap();
    let admin = world.postgres.connect(&world.pool).await.unwrap();
    let token = reader.cancel_token();
    let (outcome, ()) = tokio::join!(reader.simple_query("SELECT pg_sleep(60)"), async {
        let sleeps = "SELECT count(*) = 1 FROM pg_stat_activity
                       WHERE datname = current_database() AND usename LIKE '%\\_ro' AND wait_event = 'PgSleep'";
        until(&admin, sleeps).await;
        token.cancel_query(NoTls).await.unwrap();
    });
    assert_eq!(code(&outcome.unwrap_err()), "57014");
    assert_eq!(run(&reader, "SELECT body FROM notes", Protocol::Simple).await.unwrap(), ["of acme"]);
    world.close().await;
}

#[tokio::test]
async fn a_database_without_a_reader_says_what_is_missing() {
    let world = filled(newest(), 1).await;
    let admin = world.postgres.connect(&world.pool).await.unwrap();
    let role = format!("login_{}_ro", world.pool);
    admin.batch_execute(&format!("ALTER ROLE {role} NOLOGIN")).await.unwrap();
    let Err(error) = connect(&as_reports(&world, "acme", "transaction")).await else { panic!("let in") };
    let said = error.as_db_error().unwrap();
    assert_eq!(said.message(), "this tenant's database is not ready for read-only logins");
    assert!(said.hint().unwrap().contains("cluster add"), "{said:?}");
    assert!(!format!("{said:?}").contains(&role));
    // Nobody else is concerned.
    world.connect("acme").await.simple_query("DELETE FROM notes").await.unwrap();
    admin.batch_execute(&format!("ALTER ROLE {role} LOGIN")).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn the_console_tells_readers_apart() {
    let world = filled(newest(), 1).await;
    let reader = connect(&as_reports(&world, "acme", "session")).await.unwrap();
    run(&reader, "SELECT body FROM notes", Protocol::Simple).await.unwrap();
    let mut operator = world.config("admin");
    let operator = connect(operator.user("operator")).await.unwrap();
    let logins = console::ask(&operator, "SHOW LOGINS").await;
    let read_only = logins.iter().filter(|row| row["read_only"] != "0").map(|row| &*row["login"]);
    assert_eq!(read_only.collect::<Vec<_>>(), ["reports"]);
    let role = format!("login_{}_ro", world.pool);
    let pools = console::ask(&operator, "SHOW POOLS").await;
    let pool = pools.iter().find(|row| row["user"] == role).unwrap();
    assert_eq!((&*pool["cl_active"], &*pool["sv_active"]), ("1", "1"), "{pool:?}");
    let writers = pools.iter().find(|row| row["user"] == role.trim_end_matches("_ro")).unwrap();
    assert_eq!((&*writers["cl_active"], &*writers["database"]), ("0", &*pool["database"]), "{writers:?}");
    let servers = console::ask(&operator, "SHOW SERVERS").await;
    assert!(servers.iter().any(|row| row["user"] == role && row["state"] == "active"), "{servers:?}");
    // By database they are one.
    let databases = console::ask(&operator, "SHOW DATABASES").await;
    let own = databases.iter().filter(|row| row["name"] == pool["database"]).collect::<Vec<_>>();
    assert_eq!((own.len(), &*own[0]["current_connections"]), (1, "2"), "{own:?}");
    drop(reader);
    world.close().await;
}

#[tokio::test]
async fn a_reader_reads_on_replicas_where_it_asks_for_them() {
    let config = Config { replica_wait: Duration::from_secs(30), ..Config::default() };
    let pair = Pair::start(newest(), 4, config).await;
    add_reports(&pair.world);
    for (_, tenant) in models() {
        pair.world.change_limits(id_of(tenant), Limits { replica_required: true, ..Limits::UNLIMITED });
        let writer = pair.world.connect(tenant).await;
        writer.batch_execute(&format!("INSERT INTO notes (body) VALUES ('of {tenant}')")).await.unwrap();
        let mut config = as_reports(&pair.world, tenant, "transaction");
        let primary = connect(&config).await.unwrap();
        config.options("-c tenantry.read=replica");
        let replica = connect(&config).await.unwrap();
        for (client, recovering) in [(&primary, "false"), (&replica, "true")] {
            let said = "SELECT pg_is_in_recovery()::text || ' ' || current_user || ' ' || body FROM notes";
            let said = run(client, said, Protocol::Prepared).await.unwrap().remove(0);
            assert!(said.starts_with(recovering) && said.ends_with(&format!("_ro of {tenant}")), "{said}");
            let error = client.simple_query("DELETE FROM notes").await.unwrap_err();
            assert_eq!(code(&error), "25006");
            assert!(error.as_db_error().unwrap().hint().unwrap().starts_with(HINT), "{error:?}");
        }
    }
    pair.close().await;
}

/// Login modes bind readers as they bind others.
#[tokio::test]
async fn a_reader_keeps_a_connection_only_where_it_may() {
    let world = filled(newest(), 1).await;
    world.change_login("reports", |login| login.pool_mode = PoolMode::Transaction);
    let Err(error) = connect(&as_reports(&world, "acme", "session")).await else { panic!("let in") };
    assert_eq!(code(&error), "42501");
    world.change_login("reports", |login| login.pool_mode = PoolMode::Session);
    let mut config = world.config("acme");
    let reader = connect(config.user("reports")).await.unwrap();
    reader.simple_query("PREPARE p AS SELECT body FROM notes").await.unwrap();
    assert_eq!(run(&reader, "EXECUTE p", Protocol::Simple).await.unwrap(), ["of acme"]);
    world.close().await;
}

/// Drivers that look for a server which takes writes are told before they try.
#[tokio::test]
async fn a_reader_is_told_at_login_that_it_only_reads() {
    let world = filled(newest(), 2).await;
    // Some server connection is known by now: a writer's.
    for (user, tenant, expected) in
        [("app", "acme", "off"), ("reports", "acme", "on"), ("reports", "", "on"), ("app", "", "off")]
    {
        let mut raw = crate::raw::Raw::open(&world).await;
        let database = if tenant.is_empty() { user } else { tenant };
        startup::startup(&mut raw.out, 0, [("user", user), ("database", database)]);
        let told = raw.told_at_login(PASSWORD).await;
        assert_eq!(told["default_transaction_read_only"], expected, "{user} {tenant:?}");
    }
    world.close().await;
}
