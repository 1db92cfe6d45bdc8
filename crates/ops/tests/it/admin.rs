//! Schemas, logins, plans, keys, and what `cluster check` finds.

use crate::world::{CLUSTER, Recorder, SCHEMA, World, declaration, key, request, source};
use std::error::Error as _;
use std::time::Duration;
use tenantry_core::{ErrorKind, KeyId, Limits, Secret, TenancyModel};
use tenantry_ops::login::{self, LoginChange, LoginScope};
use tenantry_ops::plan::{self, Plan};
use tenantry_ops::schema::{self, Applied};
use tenantry_ops::{OpsError, Silent, cluster, isolation, tenant};
use tenantry_testkit::{Postgres, PostgresOptions, versions_for_tests};

async fn scratch_databases(world: &World) -> i64 {
    let sql = "SELECT count(*) FROM pg_database WHERE datname LIKE 'tenantry\\_scratch\\_%'";
    world.admin("postgres").await.query_one(sql, &[]).await.unwrap().get(0)
}

/// On a server of its own, where nobody else makes scratch databases.
#[tokio::test]
async fn a_scratch_database_is_gone_whatever_happened() {
    for version in versions_for_tests() {
        let own = Postgres::start(PostgresOptions { version: Some(version), ..PostgresOptions::default() })
            .await
            .unwrap();
        let mut world = World::empty(version).await;
        let access = world.control.clusters.get_mut(CLUSTER).unwrap();
        (access.port, access.password) = (own.port(), Some(own.password().clone()));
        let count = || async {
            let admin = own.connect("postgres").await.unwrap();
            let sql = "SELECT count(*) FROM pg_database WHERE datname LIKE 'tenantry\\_scratch\\_%'";
            admin.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
        };
        let admin = own.connect("postgres").await.unwrap();
        admin.batch_execute("CREATE DATABASE tenantry_scratch_1000_00ff").await.unwrap();
        schema::load(&world.control, CLUSTER, &source(SCHEMA), &declaration()).await.unwrap();
        assert_eq!(count().await, 0, "its own and an old leftover");
        for bad in
            ["CREATE TABEL x ()", "BEGIN; CREATE TABLE a ()", "SELECT pg_terminate_backend(pg_backend_pid())"]
        {
            let _outcome = schema::load(&world.control, CLUSTER, &source(bad), &declaration()).await;
            assert_eq!(count().await, 0, "{bad}");
        }
        own.stop().await;
    }
}

#[tokio::test]
async fn an_error_in_the_schema_points_at_its_place() {
    for version in versions_for_tests() {
        let world = World::empty(version).await;
        let sql = "CREATE TABLE a (id bigint PRIMARY KEY);\n-- é\nCREATE TABLE b (\n  a_id bigint REFERENCES c\n);\nCREATE TABLE d (x inte);\n";
        let error = schema::load(&world.control, CLUSTER, &source(sql), &declaration()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(
            text.starts_with("schema.sql:3:1: relation \"c\" does not exist\n  CREATE TABLE b (\n  ^"),
            "{error}"
        );
        let sql = "CREATE TABLE a (\n  id inte\n);";
        let error = schema::load(&world.control, CLUSTER, &source(sql), &declaration()).await.unwrap_err();
        assert_eq!(error.to_string(), "schema.sql:2:6: type \"inte\" does not exist\n    id inte\n       ^");
        let error =
            schema::load(&world.control, CLUSTER, &source("\\connect x"), &declaration()).await.unwrap_err();
        assert!(error.hint().unwrap().contains("psql"), "{error}");
        let _ = scratch_databases(&world).await;
    }
}

#[tokio::test]
async fn a_schema_is_published_and_applied_once() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let plain = schema::load(&world.control, CLUSTER, &source(SCHEMA), &declaration()).await.unwrap();
        let first = schema::publish(&world.control, &source(SCHEMA), &plain).await.unwrap();
        assert_eq!(schema::publish(&world.control, &source(SCHEMA), &plain).await.unwrap(), first);
        let pool = world.pool.as_str();
        assert_eq!(schema::apply(&world.control, CLUSTER, pool, &Silent).await.unwrap(), Applied::Now);
        assert_eq!(
            schema::apply(&world.control, CLUSTER, pool, &Silent).await.unwrap(),
            Applied::AlreadyThere
        );
        let other = source("CREATE TABLE other (id bigint PRIMARY KEY)");
        let plain = schema::load(&world.control, CLUSTER, &other, &tenantry_schema::Declaration::default())
            .await
            .unwrap();
        assert!(schema::publish(&world.control, &other, &plain).await.unwrap() > first);
        let error = schema::apply(&world.control, CLUSTER, pool, &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSupported, "{error}");
        let error = schema::apply(&world.control, CLUSTER, "nowhere", &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

#[tokio::test]
async fn logins_are_verifiers_and_plans_give_limits() {
    let world = World::new(versions_for_tests()[0]).await;
    let limits = Limits { connections: 3, ..Limits::default() };
    let gold = Plan { name: "gold".into(), model: TenancyModel::Schema, limits };
    plan::upsert(&world.control, std::slice::from_ref(&gold)).await.unwrap();
    plan::upsert(&world.control, &[gold]).await.unwrap();
    let request =
        tenant::CreateTenant { plan: Some("gold".into()), ..tenant::CreateTenant::new(key("acme")) };
    let acme = tenant::create(&world.control, &request, &Silent).await.unwrap();
    assert_eq!((acme.limits, acme.placement.unwrap().model), (limits, TenancyModel::Schema));

    let scope = LoginScope::Only(vec![key("acme")]);
    let password = Secret::new("a good password");
    login::create(&world.control, "app", &password, &scope, &LoginChange::default()).await.unwrap();
    login::create(&world.control, "all", &password, &LoginScope::All, &LoginChange::default()).await.unwrap();
    let listed = login::list(&world.control).await.unwrap();
    assert_eq!(listed.iter().map(|login| login.name.as_str()).collect::<Vec<_>>(), ["all", "app"]);
    assert_eq!(listed[1].scope, scope);
    let unknown = login::create(
        &world.control,
        "x",
        &password,
        &LoginScope::Only(vec![key("nobody")]),
        &LoginChange::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::UnknownTenant, "{unknown}");
    login::drop(&world.control, "app").await.unwrap();
    assert!(
        login::drop(&world.control, "app").await.unwrap_err().hint().is_some()
            || login::list(&world.control).await.unwrap().len() == 1
    );
    assert!(
        login::create(&world.control, "", &password, &LoginScope::All, &LoginChange::default())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_key_rotation_stopped_anywhere_is_finished() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        tenant::create(&world.control, &request("acme", TenancyModel::Shared), &Silent).await.unwrap();
        let tx = world.control.catalog.snapshot().await.unwrap();
        let cluster = tx.cluster(CLUSTER).await.unwrap();
        let pool = tx.find_database(cluster.id, &world.pool).await.unwrap().unwrap();
        tx.rollback().await.unwrap();
        let mut expected = 1;
        for stop in 0..6 {
            let stopped = isolation::rotate_key(
                &world.control,
                pool.id,
                Duration::ZERO,
                &Recorder::stopping_before(stop),
            )
            .await;
            if stopped.is_err() {
                isolation::rotate_key(&world.control, pool.id, Duration::ZERO, &Silent).await.unwrap();
            }
            expected += 1;
            let admin = world.admin(world.pool.as_str()).await;
            let rows = admin.query("SELECT id FROM tenancy.keys", &[]).await.unwrap();
            let ids: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
            assert_eq!(ids, [expected], "stopped before {stop}");
            let tx = world.control.catalog.snapshot().await.unwrap();
            let found = tx.database(pool.id).await.unwrap();
            tx.rollback().await.unwrap();
            assert_eq!((found.key, found.previous_key), (KeyId::new(expected), None));
        }
    }
}

#[tokio::test]
async fn check_finds_what_was_broken_and_add_repairs_it() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let acme =
            tenant::create(&world.control, &request("acme", TenancyModel::Shared), &Silent).await.unwrap();
        let admin = world.admin(world.pool.as_str()).await;
        let login = format!("tenantry_app_{}", world.pool.as_str());
        admin
            .batch_execute(&format!(
                "GRANT EXECUTE ON FUNCTION pg_cancel_backend(int) TO PUBLIC; GRANT TEMP ON DATABASE {} TO PUBLIC;
                 ALTER ROLE {login} CREATEDB; ALTER ROLE {login} PASSWORD 'x';
                 UPDATE tenancy.gate SET epoch = epoch + 5;
                 INSERT INTO tenancy.gate VALUES (999999, 'ghost', '1', 1, 'active', '{{}}')",
                world.pool
            ))
            .await
            .unwrap();
        let rules = |findings: &[cluster::Finding]| {
            let mut rules: Vec<&str> =
                findings.iter().map(|finding| finding.rule).filter(|rule| *rule != "connect").collect();
            rules.sort_unstable();
            rules.dedup();
            rules.join(" ")
        };
        let findings = cluster::check(&world.control, CLUSTER).await.unwrap();
        assert_eq!(rules(&findings), "gate login orphan surface", "{findings:?}");
        assert!(
            findings.iter().all(|finding| finding.hint.is_some() || finding.rule == "orphan"),
            "{findings:?}"
        );
        // A role that may do more is a person's doing: it is refused until a person has looked.
        assert!(cluster::add(&world.control, &world.add_cluster(), &Silent).await.is_err());
        admin
            .batch_execute(&format!(
                "ALTER ROLE {login} NOCREATEDB; DELETE FROM tenancy.gate WHERE key = 'ghost'"
            ))
            .await
            .unwrap();
        cluster::add(&world.control, &world.add_cluster(), &Silent).await.unwrap();
        let findings = cluster::check(&world.control, CLUSTER).await.unwrap();
        assert_eq!(rules(&findings), "gate", "{findings:?}");
        admin.batch_execute("UPDATE tenancy.gate SET epoch = epoch - 5").await.unwrap();
        assert!(world.enter(&acme).await.is_ok());
    }
}

#[tokio::test]
async fn errors_say_what_to_do_and_hold_no_secret() {
    let mut world = World::empty(versions_for_tests()[0]).await;
    let secret = "a wrong password that must not be shown";
    world.control.clusters.get_mut(CLUSTER).unwrap().password = Some(Secret::new(secret));
    let error = cluster::add(&world.control, &world.add_cluster(), &Silent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerUnavailable);
    assert!(error.hint().unwrap().contains("[clusters.main]"));
    let told = format!("{error} {:?} {:?}", error.source(), world.control);
    assert!(!told.contains(secret), "{told}");
    world.control.clusters.clear();
    let error = cluster::add(&world.control, &world.add_cluster(), &Silent).await.unwrap_err();
    assert!(matches!(error, OpsError::NoAccess(_)), "{error}");
}
