//! The feed: what changes in the catalog arrives, whole, in order, and at once.

use crate::{SOON, active, key, new_cluster, new_database, on_each_version, pool, registry, until};
use std::sync::Arc;
use std::time::Duration;
use tenantry_catalog::{Catalog, DatabaseKind, Feed, FeedOptions, NewCluster, NewLogin, NewPlan, NewTenant};
use tenantry_core::{
    Domain, Epoch, KeyId, Limits, LoginBinding, RouteTable, Secret, TenancyModel, TenantState,
};

/// With a poll that no test waits for: what arrives was notified.
fn notified() -> FeedOptions {
    FeedOptions { poll_interval: Duration::from_hours(1), chunk_rows: 3, ..FeedOptions::default() }
}

async fn full_load(registry: &crate::Registry) -> Arc<RouteTable> {
    let (routes, feed) = Feed::start(registry.config.clone(), notified()).await.unwrap();
    feed.stop().await;
    Arc::clone(&routes.borrow())
}

on_each_version! {
    async fn every_kind_of_change_arrives(postgres) {
        let registry = registry(postgres).await;
        let (mut routes, _feed) = Feed::start(registry.config.clone(), notified()).await.unwrap();
        assert_eq!(routes.borrow().tenant_count(), 0);
        let catalog = &registry.catalog;

        let tx = catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        let small = NewPlan { name: "small".into(), model: TenancyModel::Shared, limits: Limits::default() };
        tx.upsert_plan(&small).await.unwrap();
        let acme = active(&tx, &pool, "acme").await;
        let globex = tx.create_tenant(&NewTenant { plan: Some("small".into()), ..NewTenant::new(key("globex")) }).await.unwrap();
        tx.commit().await.unwrap();
        let table = until(&mut routes, |table| table.tenant_count() == 2).await;
        let route = table.tenant_by_key("acme").unwrap();
        assert_eq!((route.state, route.placement.as_ref()), (TenantState::Active, acme.placement.as_ref()));
        assert_eq!(table.database(pool.id).unwrap().stable_name.as_ref(), "main/app");

        let tx = catalog.transaction().await.unwrap();
        tx.rename_tenant(acme.id, &key("apex")).await.unwrap();
        tx.add_domain(acme.id, &Domain::new("apex.com").unwrap()).await.unwrap();
        tx.set_tenant_state(acme.id, TenantState::Active, TenantState::Suspended).await.unwrap();
        tx.raise_epoch(acme.id, Epoch::FIRST).await.unwrap();
        let binding = LoginBinding::Only([acme.id].into());
        let verifier = Secret::new("SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy");
        tx.upsert_login(&NewLogin { name: "app".into(), verifier, binding }).await.unwrap();
        tx.commit().await.unwrap();
        let table = until(&mut routes, |table| table.login("app").is_some()).await;
        let route = table.tenant_by_domain("apex.com").unwrap();
        assert_eq!((route.key.as_str(), route.state), ("apex", TenantState::Suspended));
        assert_eq!(route.placement.as_ref().unwrap().epoch, Epoch::new(2));
        assert!(table.tenant_by_key("acme").is_none());
        assert!(!table.login("app").unwrap().binding.allows(globex.id));

        // Changes that concern many: a plan's limits, a cluster's address.
        let tx = catalog.transaction().await.unwrap();
        let limits = Limits { connections: 1, ..Limits::default() };
        tx.upsert_plan(&NewPlan { limits, ..small }).await.unwrap();
        let replicas = vec!["db2:5432".parse().unwrap()];
        tx.upsert_cluster(&NewCluster { port: 6000, replicas: replicas.clone(), ..new_cluster("main") })
            .await
            .unwrap();
        tx.rotate_database_key(pool.id, KeyId::new(1)).await.unwrap();
        tx.commit().await.unwrap();
        let table = until(&mut routes, |table| table.database(pool.id).unwrap().port == 6000).await;
        assert_eq!(*table.database(pool.id).unwrap().replicas, *replicas);
        assert_eq!(table.tenant_by_key("globex").unwrap().limits, limits);
        assert_eq!(table.tenant_by_key("apex").unwrap().limits, Limits::default());
        assert_eq!(table.database(pool.id).unwrap().key, KeyId::new(2));

        let tx = catalog.transaction().await.unwrap();
        tx.set_tenant_state(acme.id, TenantState::Suspended, TenantState::Dropping).await.unwrap();
        tx.delete_tenant(acme.id).await.unwrap();
        tx.delete_database(pool.id).await.unwrap();
        tx.commit().await.unwrap();
        let table = until(&mut routes, |table| table.database(pool.id).is_none()).await;
        assert!(table.tenant(acme.id).is_none() && table.tenant_by_domain("apex.com").is_none());
        // The login was bound to the tenant that is gone.
        assert_eq!(table.login("app").unwrap().binding, LoginBinding::Only([].into()));

        let tx = catalog.transaction().await.unwrap();
        tx.delete_login("app").await.unwrap();
        tx.commit().await.unwrap();
        let table = until(&mut routes, |table| table.login("app").is_none()).await;
        assert_eq!(full_load(&registry).await.revision(), table.revision());
    }
}

on_each_version! {
    /// Revision 1 is drawn first and commits last. A reader that saw 2 before 1 would never look for 1 again.
    async fn a_later_revision_never_hides_an_earlier_one(postgres) {
        let registry = registry(postgres).await;
        let (mut routes, _feed) = Feed::start(registry.config.clone(), notified()).await.unwrap();
        let slow = registry.catalog.transaction().await.unwrap();
        slow.create_tenant(&NewTenant::new(key("slow"))).await.unwrap();

        let other = Catalog::connect(registry.config.clone()).await.unwrap();
        let quick = tokio::spawn(async move {
            let tx = other.transaction().await.unwrap();
            tx.create_tenant(&NewTenant::new(key("quick"))).await.unwrap();
            tx.commit().await.unwrap();
        });
        // The quick one has come as far as it can when it waits for the slow one's lock.
        let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let waiting = async {
            while registry.admin.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, waiting).await.expect("the later transaction draws no revision before the earlier ends");
        assert!(!quick.is_finished());
        slow.commit().await.unwrap();
        quick.await.unwrap();
        until(&mut routes, |table| table.tenant_count() == 2).await;
    }
}

on_each_version! {
    /// Many writers, some of them giving up: the table that grew by changes is the one that is read at once.
    async fn what_follows_equals_what_is_loaded(postgres) {
        let registry = registry(postgres).await;
        let tx = registry.catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        tx.commit().await.unwrap();
        let (mut routes, _feed) = Feed::start(registry.config.clone(), notified()).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..4 {
            let (catalog, pool) = (registry.catalog.clone(), pool.clone());
            writers.spawn(async move {
                for number in 0..15 {
                    let tx = catalog.transaction().await.unwrap();
                    let tenant = active(&tx, &pool, &format!("t-{writer}-{number}")).await;
                    if number % 5 == 1 {
                        drop(tx);
                        continue;
                    }
                    if number % 5 == 2 {
                        tx.set_tenant_state(tenant.id, TenantState::Active, TenantState::Dropping).await.unwrap();
                        tx.delete_tenant(tenant.id).await.unwrap();
                    }
                    tx.commit().await.unwrap();
                }
            });
        }
        writers.join_all().await;
        let loaded = full_load(&registry).await;
        let followed = until(&mut routes, |table| table.revision() == loaded.revision()).await;
        assert_eq!((loaded.tenant_count(), followed.tenant_count()), (4 * 9, 4 * 9));
        for writer in 0..4 {
            for number in 0..15 {
                let key = format!("t-{writer}-{number}");
                assert_eq!(loaded.tenant_by_key(&key), followed.tenant_by_key(&key), "{key}");
            }
        }
    }
}

on_each_version! {
    async fn a_poll_finds_what_no_notification_told(postgres) {
        let registry = registry(postgres).await;
        let options = FeedOptions { poll_interval: Duration::from_millis(20), ..FeedOptions::default() };
        let (mut routes, _feed) = Feed::start(registry.config.clone(), options).await.unwrap();
        // `replica` switches triggers off, and with them the log and its notification.
        let silent = "SET session_replication_role = replica;
            INSERT INTO tenantry.tenants (key, name) VALUES ('silent', 'Silent');
            INSERT INTO tenantry.route_changes (revision, entity, entity_id)
                SELECT nextval('tenantry.route_revision'), 'tenant', id FROM tenantry.tenants;";
        registry.admin.batch_execute(silent).await.unwrap();
        until(&mut routes, |table| table.tenant_by_key("silent").is_some()).await;
    }
}

on_each_version! {
    async fn what_a_gateway_can_not_see_is_no_change(postgres) {
        let registry = registry(postgres).await;
        let tx = registry.catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        active(&tx, &pool, "acme").await;
        tx.commit().await.unwrap();
        let before = full_load(&registry).await.revision();
        let tx = registry.catalog.transaction().await.unwrap();
        tx.set_database_fingerprint(pool.id, "abc").await.unwrap();
        let cluster = tx.cluster("main").await.unwrap();
        tx.upsert_database(&new_database(&cluster, "app", DatabaseKind::Pool)).await.unwrap();
        tx.upsert_cluster(&new_cluster("main")).await.unwrap();
        tx.commit().await.unwrap();
        registry.admin.batch_execute("UPDATE tenantry.tenants SET name = 'x', settings = '{\"a\": 1}'").await.unwrap();
        assert_eq!(full_load(&registry).await.revision(), before);
    }
}

on_each_version! {
    async fn a_gateway_acknowledges_what_it_serves(postgres) {
        let registry = registry(postgres).await;
        let gone = "INSERT INTO tenantry.gateways VALUES ('old', 1, now() - interval '1 hour')";
        registry.admin.batch_execute(gone).await.unwrap();
        let options = FeedOptions { gateway: Some("gw-1".into()), ..notified() };
        let (_routes, _feed) = Feed::start(registry.config.clone(), options).await.unwrap();
        let tx = registry.catalog.transaction().await.unwrap();
        tx.create_tenant(&NewTenant::new(key("acme"))).await.unwrap();
        tx.commit().await.unwrap();
        let revision = full_load(&registry).await.revision();
        let acknowledged = async {
            loop {
                let tx = registry.catalog.snapshot().await.unwrap();
                let gateways = tx.gateways().await.unwrap();
                tx.commit().await.unwrap();
                assert!(gateways.iter().all(|gateway| gateway.id == "gw-1"), "{gateways:?}");
                if gateways.iter().any(|gateway| gateway.revision == revision) {
                    break;
                }
            }
        };
        tokio::time::timeout(SOON, acknowledged).await.expect("the revision is acknowledged");
        let rows: i64 = registry.admin.query_one("SELECT count(*) FROM tenantry.gateways", &[]).await.unwrap().get(0);
        assert_eq!(rows, 1, "what was not renewed goes away");
    }
}

on_each_version! {
    async fn a_feed_ends_with_its_receivers_or_its_handle(postgres) {
        let registry = registry(postgres).await;
        let (routes, feed) = Feed::start(registry.config.clone(), notified()).await.unwrap();
        let mut status = feed.watch();
        drop(routes);
        // The status channel closes with the task.
        let ended = async { while status.changed().await.is_ok() {} };
        tokio::time::timeout(SOON, ended).await.unwrap();

        let (mut routes, feed) = Feed::start(registry.config.clone(), notified()).await.unwrap();
        drop(feed);
        let ended = async { while routes.changed().await.is_ok() {} };
        tokio::time::timeout(SOON, ended).await.unwrap();
        assert_eq!(routes.borrow().tenant_count(), 0, "the last snapshot stays");
    }
}
