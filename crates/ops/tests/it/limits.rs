//! Limits of plans and tenants: what is written, what follows a plan, what is refused.

use crate::world::{CLUSTER, World, key};
use std::collections::BTreeMap;
use tenantry_catalog::{LimitsOf, LimitsOverride};
use tenantry_core::{ErrorKind, Limits, TenancyModel};
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::limits::{self, Before};
use tenantry_ops::tenant::DataLoss;
use tenantry_ops::{Control, OpsError, Silent, cluster, plan, tenant};
use tenantry_testkit::versions_for_tests;

#[tokio::test]
async fn a_tenant_follows_its_plan_except_where_it_has_limits_of_its_own() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let control = &world.control;
        let few = LimitsOverride { connections: Some(3), ..LimitsOverride::default() };
        let made = limits::create_plan(control, "small", TenancyModel::Shared, &few).await.unwrap();
        assert_eq!(made.limits, Limits { connections: 3, ..Limits::default() });
        assert_eq!(
            limits::create_plan(control, "small", TenancyModel::Shared, &few).await.unwrap().id,
            made.id
        );
        let other = LimitsOverride { connections: Some(4), ..LimitsOverride::default() };
        let error = limits::create_plan(control, "small", TenancyModel::Shared, &other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");

        let request =
            tenant::CreateTenant { plan: Some("small".into()), ..tenant::CreateTenant::new(key("acme")) };
        tenant::create(control, &request, &Silent).await.unwrap();
        let slow = LimitsOverride { statement_timeout_ms: Some(60_000), ..LimitsOverride::default() };
        let (acme, own) = limits::set_tenant(control, &key("acme"), Before::Kept, &slow).await.unwrap();
        assert_eq!((acme.limits.connections, acme.limits.statement_timeout_ms), (3, 60_000));
        assert_eq!(own, slow);
        // The plan changes what the tenant has not of its own, and nothing else.
        let change = LimitsOverride {
            connections: Some(7),
            statement_timeout_ms: Some(1_000),
            ..LimitsOverride::default()
        };
        limits::set_plan(control, "small", None, &change).await.unwrap();
        let acme = tenant::show(control, &key("acme")).await.unwrap();
        assert_eq!((acme.limits.connections, acme.limits.statement_timeout_ms), (7, 60_000));
        let nothing = LimitsOverride::default();
        let (acme, own) = limits::set_tenant(control, &key("acme"), Before::GivenUp, &nothing).await.unwrap();
        assert_eq!((acme.limits.statement_timeout_ms, own), (1_000, nothing));

        let none = LimitsOverride { connections: Some(0), ..LimitsOverride::default() };
        let error = limits::set_tenant(control, &key("acme"), Before::Kept, &none).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.hint().is_some());
        assert!(limits::set_plan(control, "smal", None, &none).await.is_err());
    }
}

/// What the catalog lets one gateway open to a tenant's own database, and its server each of the two login roles.
async fn allowed(world: &World, tenant: &str) -> (u32, [i32; 2]) {
    let tx = world.control.catalog.snapshot().await.unwrap();
    let database = tx.own_databases(Some(&key(tenant)), &[]).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    let sql = "SELECT rolconnlimit FROM pg_roles WHERE rolname = $1";
    let admin = world.admin("postgres").await;
    let of = async |role: &str| admin.query_one(sql, &[&role]).await.unwrap().get::<_, i32>(0);
    let login = database.login.as_str();
    (database.max_connections, [of(login).await, of(&format!("{login}_ro")).await])
}

/// For a limit of so many connections: four gateways may have them, or sixteen workers one each.
fn follows(connections: u32) -> (u32, [i32; 2]) {
    let most = i32::try_from(connections.max(16) * 4).unwrap();
    (connections, [most, most])
}

fn connections(n: u32) -> LimitsOverride {
    LimitsOverride { connections: Some(n), ..LimitsOverride::default() }
}

async fn make(world: &World, tenant: &str, plan: &str) {
    let request = tenant::CreateTenant { plan: Some(plan.into()), ..tenant::CreateTenant::new(key(tenant)) };
    tenant::create(&world.control, &request, &Silent).await.unwrap();
}

async fn set(world: &World, tenant: &str, change: &LimitsOverride) {
    limits::set_tenant(&world.control, &key(tenant), Before::Kept, change).await.unwrap();
}

async fn drop_all(world: &World, tenants: &[&str]) {
    for tenant in tenants {
        tenant::drop(&world.control, &key(tenant), DataLoss::Accept, &FenceOptions::default(), &Silent)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_tenant_s_own_database_follows_its_limit_and_its_plan_s() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let control = &world.control;
        limits::create_plan(control, "own", TenancyModel::Database, &connections(3)).await.unwrap();
        make(&world, "acme", "own").await;
        make(&world, "globex", "own").await;
        assert_eq!(allowed(&world, "acme").await, follows(3));

        set(&world, "globex", &connections(50)).await;
        assert_eq!(allowed(&world, "globex").await, follows(50));
        assert_eq!(allowed(&world, "acme").await, follows(3));
        // Its own limit stands whatever the plan says.
        limits::set_plan(control, "own", None, &connections(30)).await.unwrap();
        assert_eq!(allowed(&world, "acme").await, follows(30));
        assert_eq!(allowed(&world, "globex").await, follows(50));
        let nothing = LimitsOverride::default();
        limits::set_tenant(control, &key("globex"), Before::GivenUp, &nothing).await.unwrap();
        assert_eq!(allowed(&world, "globex").await, follows(30));
        let configured = |connections| plan::Plan {
            name: "own".into(),
            model: TenancyModel::Database,
            limits: Limits { connections, ..Limits::default() },
        };
        plan::upsert(control, &[configured(40)]).await.unwrap();
        assert_eq!(allowed(&world, "acme").await, follows(40));
        set(&world, "acme", &connections(2)).await;
        assert_eq!(allowed(&world, "acme").await, follows(2));
        assert_eq!(cluster_warnings(&world).await, [""; 0]);
        drop_all(&world, &["acme", "globex"]).await;
    }
}

/// What the check says of connection limits.
async fn cluster_warnings(world: &World) -> Vec<String> {
    let found = cluster::check(&world.control, CLUSTER).await.unwrap();
    found.into_iter().filter(|found| found.rule == "connection-limit").map(|found| found.place).collect()
}

#[tokio::test]
async fn a_change_of_a_limit_that_was_stopped_is_finished_when_it_is_made_again() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let control = &world.control;
        limits::create_plan(control, "own", TenancyModel::Database, &connections(3)).await.unwrap();
        make(&world, "acme", "own").await;
        // Where the server can't be reached nothing changes: gateways would open what it refuses.
        let cut_off = Control { clusters: BTreeMap::default(), ..control.clone() };
        let error =
            limits::set_tenant(&cut_off, &key("acme"), Before::Kept, &connections(50)).await.unwrap_err();
        assert!(matches!(error, OpsError::NoAccess(_)), "{error}");
        assert!(limits::set_plan(&cut_off, "own", None, &connections(50)).await.is_err());
        assert_eq!(tenant::show(control, &key("acme")).await.unwrap().limits.connections, 3);
        assert_eq!(allowed(&world, "acme").await, follows(3));
        // What does not concern servers needs none.
        let slow = LimitsOverride { statement_timeout_ms: Some(60_000), ..LimitsOverride::default() };
        limits::set_tenant(&cut_off, &key("acme"), Before::Kept, &slow).await.unwrap();
        limits::set_plan(&cut_off, "own", None, &slow).await.unwrap();

        // Raised at the server alone; in the catalog alone, as older programs did; lowered in the catalog alone.
        let login = format!("tenantry_t{}", tenant::show(control, &key("acme")).await.unwrap().id);
        let admin = world.admin("postgres").await;
        for (left, wanted) in [(200, 50), (15, 50), (-1, 50), (200, 5)] {
            let tx = control.catalog.transaction().await.unwrap();
            let id = tx.tenant(&key("acme")).await.unwrap().id;
            tx.set_tenant_limits(id, &connections(wanted)).await.unwrap();
            tx.commit().await.unwrap();
            for role in [&login, &format!("{login}_ro")] {
                let sql = format!("ALTER ROLE {role} CONNECTION LIMIT {left}");
                admin.batch_execute(&sql).await.unwrap();
            }
            let place = if left == 15 { vec![format!("tenant_{id}")] } else { Vec::new() };
            assert_eq!(cluster_warnings(&world).await, place);
            set(&world, "acme", &connections(wanted)).await;
            assert_eq!(allowed(&world, "acme").await, follows(wanted));
        }
        // `cluster add` does it too, for limits that were changed by an older program.
        let tx = control.catalog.transaction().await.unwrap();
        let id = tx.tenant(&key("acme")).await.unwrap().id;
        tx.set_tenant_limits(id, &connections(70)).await.unwrap();
        tx.commit().await.unwrap();
        admin.batch_execute(&format!("ALTER ROLE {login} CONNECTION LIMIT 15")).await.unwrap();
        cluster::add(control, &world.add_cluster(), &Silent).await.unwrap();
        assert_eq!(allowed(&world, "acme").await, follows(70));
        // And `plan apply`, for a plan that was changed by one that was stopped.
        let tx = control.catalog.transaction().await.unwrap();
        tx.set_tenant_limits(id, &LimitsOverride::default()).await.unwrap();
        tx.follow_limits(LimitsOf::Tenant(id)).await.unwrap();
        let plan = tx.plan("own").await.unwrap();
        tx.commit().await.unwrap();
        let plan = plan::Plan { name: plan.name, model: plan.model, limits: plan.limits };
        plan::apply(control, &[plan]).await.unwrap();
        assert_eq!(allowed(&world, "acme").await, follows(3));
        drop_all(&world, &["acme"]).await;
    }
}
