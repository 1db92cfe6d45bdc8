//! Limits of plans and tenants: what is written, what follows a plan, what is refused.

use crate::world::{World, key};
use tenantry_catalog::LimitsOverride;
use tenantry_core::{ErrorKind, Limits, TenancyModel};
use tenantry_ops::limits::{self, Before};
use tenantry_ops::{Silent, tenant};
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
