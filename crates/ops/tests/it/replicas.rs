//! A fence holds on replicas too.

use crate::world::{CLUSTER, World, key, request};
use std::time::Duration;
use tenantry_core::{ErrorKind, ServerAddress, TenancyModel, TenantState};
use tenantry_ops::cluster::servers::{self, Answer};
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::{Silent, cluster, tenant};
use tenantry_testkit::{Postgres, PostgresOptions, versions_for_tests};

const QUICK: FenceOptions =
    FenceOptions { grace: Duration::from_millis(100), deadline: Duration::from_millis(500) };
const PATIENT: FenceOptions =
    FenceOptions { grace: Duration::from_millis(100), deadline: Duration::from_secs(30) };

#[tokio::test]
async fn a_suspended_tenant_is_left_on_replicas_too_or_the_suspension_says_that_it_is_not() {
    for version in versions_for_tests() {
        let options = PostgresOptions { version: Some(version), ..PostgresOptions::default() };
        let primary: &'static Postgres = Box::leak(Box::new(Postgres::start(options).await.unwrap()));
        let mut world = World::on(primary).await;
        cluster::add(&world.control, &world.add_cluster(), &Silent).await.unwrap();
        world.publish().await;
        let wanted = request("acme", TenancyModel::Shared);
        let made = tenant::create(&world.control, &wanted, &Silent).await.unwrap();
        let replica = primary.replica().await.unwrap();
        let address = ServerAddress::new(replica.host(), replica.port());
        world.control.clusters.get_mut(CLUSTER).unwrap().replicas = vec![address.clone()];
        cluster::add(&world.control, &world.add_cluster(), &Silent).await.unwrap();
        let listed = cluster::list(&world.control).await.unwrap();
        assert_eq!(listed[0].replicas, [address]);

        let asked = servers::ask(&world.control, CLUSTER).await.unwrap();
        let named: Vec<_> = asked.iter().map(|server| (server.may_lead, server.takes_reads)).collect();
        assert_eq!(named, [(true, false), (false, true)]);
        assert_eq!(asked[0].answer, Answer::Primary);
        assert!(matches!(asked[1].answer, Answer::Replica { behind_bytes: Some(_) }), "{asked:?}");

        // Somebody reads there, and the replica hears of nothing.
        let reader = replica.connect(world.pool.as_str()).await.unwrap();
        let lock = "SELECT pg_advisory_lock_shared(tenancy.fence_key($1))";
        reader.execute(lock, &[&made.id.get()]).await.unwrap();
        let admin = replica.connect("postgres").await.unwrap();
        admin.execute("SELECT pg_wal_replay_pause()", &[]).await.unwrap();
        let error = tenant::suspend(&world.control, &key("acme"), &QUICK, &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("has not heard of it"), "{error}");
        assert!(reader.execute("SELECT 1", &[]).await.is_ok());

        admin.execute("SELECT pg_wal_replay_resume()", &[]).await.unwrap();
        let suspended = tenant::suspend(&world.control, &key("acme"), &PATIENT, &Silent).await.unwrap();
        assert_eq!(suspended.state, TenantState::Suspended);
        assert!(reader.execute("SELECT 1", &[]).await.is_err(), "who stays inside is ended");
        let gate = "SELECT state FROM tenancy.gate WHERE tenant = $1";
        let there = replica.connect(world.pool.as_str()).await.unwrap();
        let state: String = there.query_one(gate, &[&made.id.get()]).await.unwrap().get(0);
        assert_eq!(state, "suspended");

        // One that is away is no reason to believe that nobody reads there.
        tenant::resume(&world.control, &key("acme"), &Silent).await.unwrap();
        replica.stop().await;
        let asked = servers::ask(&world.control, CLUSTER).await.unwrap();
        assert!(matches!(&asked[1].answer, Answer::None(why) if !why.is_empty()), "{asked:?}");
        let error = tenant::suspend(&world.control, &key("acme"), &QUICK, &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ServerUnavailable, "{error}");
        world.control.clusters.get_mut(CLUSTER).unwrap().replicas = Vec::new();
        cluster::add(&world.control, &world.add_cluster(), &Silent).await.unwrap();
        tenant::suspend(&world.control, &key("acme"), &QUICK, &Silent).await.unwrap();
        primary.crash().await;
    }
}
