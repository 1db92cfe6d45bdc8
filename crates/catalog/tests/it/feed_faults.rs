//! The feed when things go wrong: a lost catalog, a pruned log, a lost history, bad rows.

use crate::{Registry, SOON, active, config, key, on_each_version, pool, registry, until};
use std::sync::Arc;
use std::time::Duration;
use tenantry_catalog::{Catalog, Feed, FeedHandle, FeedOptions, NewTenant};
use tenantry_core::RouteTable;
use tenantry_testkit::{Postgres, PostgresOptions};
use tokio::sync::watch;

fn quick() -> FeedOptions {
    FeedOptions {
        poll_interval: Duration::from_hours(1),
        backoff_min: Duration::from_millis(10),
        backoff_max: Duration::from_millis(50),
        ..FeedOptions::default()
    }
}

async fn until_connected(feed: &FeedHandle, connected: bool) {
    let mut status = feed.watch();
    let wait = status.wait_for(|status| status.connected == connected);
    tokio::time::timeout(SOON, wait).await.expect("the feed notices").expect("the feed lives");
}

async fn create(catalog: &Catalog, name: &str) {
    let tx = catalog.transaction().await.unwrap();
    tx.create_tenant(&NewTenant::new(key(name))).await.unwrap();
    tx.commit().await.unwrap();
}

async fn start(registry: &Registry) -> (watch::Receiver<Arc<RouteTable>>, FeedHandle) {
    Feed::start(registry.config.clone(), quick()).await.unwrap()
}

/// Its own servers: the others of this process are shared.
#[tokio::test]
async fn a_lost_catalog_is_served_from_memory_and_caught_up_with() {
    for version in tenantry_testkit::versions_for_tests() {
        let dir = tempfile::tempdir().unwrap();
        let options = PostgresOptions {
            version: Some(version),
            data_dir: Some(dir.path().join("data")),
            ..PostgresOptions::default()
        };
        let postgres = Postgres::start(options).await.unwrap();
        let registry = registry(&postgres).await;
        create(&registry.catalog, "before").await;
        let (mut routes, feed) = start(&registry).await;
        assert_eq!(routes.borrow().tenant_count(), 1);
        let revision = feed.status().revision;

        postgres.crash().await;
        until_connected(&feed, false).await;
        assert!(routes.borrow().tenant_by_key("before").is_some());
        assert_eq!(feed.status().revision, revision);

        postgres.restart().await.unwrap();
        // The old connections are dead: the catalog must find out by itself.
        let catalog = Catalog::connect(config(&postgres, &registry.config.database)).await.unwrap();
        create(&catalog, "after").await;
        until(&mut routes, |table| table.tenant_count() == 2).await;
        until_connected(&feed, true).await;
        // And notifications arrive again.
        create(&catalog, "later").await;
        until(&mut routes, |table| table.tenant_count() == 3).await;
    }
}

/// Ends the feed's connection, and what happens before it comes back is up to `meanwhile`.
async fn cut(registry: &Registry, meanwhile: &str) {
    let sql = format!(
        "BEGIN; {meanwhile}; COMMIT;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()"
    );
    registry.admin.batch_execute(&sql).await.unwrap();
}

on_each_version! {
    async fn a_log_that_was_pruned_beyond_the_reader_means_a_full_load(postgres) {
        let registry = registry(postgres).await;
        registry.admin.batch_execute("UPDATE tenantry.route_feed SET keep_changes = 10").await.unwrap();
        create(&registry.catalog, "gone").await;
        let (mut routes, _feed) = start(&registry).await;
        // One transaction with many more changes than the log keeps, and a deletion among the first of them.
        let many = "DELETE FROM tenantry.tenants;
            INSERT INTO tenantry.tenants (key, name) SELECT 't-' || n, 'T' FROM generate_series(1, 500) n";
        registry.admin.batch_execute(many).await.unwrap();
        let table = until(&mut routes, |table| table.tenant_count() == 500).await;
        assert!(table.tenant_by_key("gone").is_none());
        let kept: i64 = registry.admin.query_one("SELECT count(*) FROM tenantry.route_changes", &[]).await.unwrap().get(0);
        assert!((10..=10 + 64).contains(&kept), "{kept} changes kept");
        create(&registry.catalog, "later").await;
        until(&mut routes, |table| table.tenant_count() == 501).await;
    }
}

on_each_version! {
    async fn an_emptied_table_means_a_full_load(postgres) {
        let registry = registry(postgres).await;
        create(&registry.catalog, "acme").await;
        let (mut routes, _feed) = start(&registry).await;
        registry.admin.batch_execute("TRUNCATE tenantry.tenants CASCADE").await.unwrap();
        until(&mut routes, |table| table.tenant_count() == 0).await;
    }
}

on_each_version! {
    /// As after a restore: the same revisions, another content.
    async fn another_history_means_a_full_load(postgres) {
        let registry = registry(postgres).await;
        create(&registry.catalog, "acme").await;
        let (mut routes, feed) = start(&registry).await;
        let revision = feed.status().revision;
        let rewritten = "SET LOCAL session_replication_role = replica;
            UPDATE tenantry.tenants SET key = 'other';
            UPDATE tenantry.route_changes SET changed_at = changed_at - interval '1 second'";
        cut(&registry, rewritten).await;
        let table = until(&mut routes, |table| table.tenant_by_key("other").is_some()).await;
        assert_eq!((table.tenant_count(), table.revision()), (1, revision));
    }
}

on_each_version! {
    async fn a_bad_row_is_not_served_and_keeps_nobody_else_from_being_served(postgres) {
        let registry = registry(postgres).await;
        let tx = registry.catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        active(&tx, &pool, "good").await;
        active(&tx, &pool, "bad").await;
        tx.commit().await.unwrap();
        let (mut routes, feed) = start(&registry).await;
        assert_eq!(routes.borrow().tenant_count(), 2);

        // It was good, and it must not be served as it was.
        let poison = "UPDATE tenantry.tenants SET limits = '{\"connections\": \"many\"}' WHERE key = 'bad'";
        registry.admin.batch_execute(poison).await.unwrap();
        let table = until(&mut routes, |table| table.tenant_by_key("bad").is_none()).await;
        assert!(table.tenant_by_key("good").is_some());
        assert_eq!(feed.status().skipped, 1);
        create(&registry.catalog, "third").await;
        until(&mut routes, |table| table.tenant_by_key("third").is_some()).await;

        // Also at a first load; and a reserved key is one that no route may have.
        registry.admin.batch_execute("UPDATE tenantry.tenants SET key = 'admin' WHERE key = 'third'").await.unwrap();
        let (loaded, again) = start(&registry).await;
        assert_eq!((loaded.borrow().tenant_count(), again.status().skipped), (1, 2));

        registry.admin.batch_execute("UPDATE tenantry.tenants SET limits = '{}' WHERE key = 'bad'").await.unwrap();
        until(&mut routes, |table| table.tenant_by_key("bad").is_some()).await;
    }
}

on_each_version! {
    async fn a_catalog_that_is_not_migrated_starts_no_feed(postgres) {
        let database = tenantry_testkit::fresh_database(postgres, "feed").await;
        let error = Feed::start(config(postgres, &database), quick()).await.unwrap_err();
        assert!(matches!(error, tenantry_catalog::CatalogError::NotMigrated { found: None, .. }), "{error:?}");
    }
}
