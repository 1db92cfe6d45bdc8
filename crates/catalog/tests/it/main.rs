//! The catalog on real servers: one cluster per version and process, one database per test.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests, too")]

mod dump;
mod errors;
mod feed;
mod feed_faults;
mod migrations;
mod operations;
mod registry;
mod tenants;

use std::sync::Arc;
use std::time::Duration;
use tenantry_catalog::{
    Catalog, CatalogConfig, Cluster, Database, DatabaseKind, NewCluster, NewDatabase, NewTenant,
    PasswordSource, Tenant, Tx,
};
use tenantry_core::{
    ContextKind, Epoch, Placement, RouteTable, ServerTls, SqlIdent, TenancyModel, TenantKey, TenantState,
};
use tenantry_testkit::{Postgres, fresh_database};
use tokio::sync::watch;

/// Defines a test that runs on every version, one after the other.
macro_rules! on_each_version {
    ($(#[$meta:meta])* async fn $name:ident($postgres:ident) $body:block) => {
        $(#[$meta])*
        #[tokio::test]
        async fn $name() {
            for version in tenantry_testkit::versions_for_tests() {
                // Shown when the test fails.
                println!("on PostgreSQL {version}");
                let $postgres = tenantry_testkit::shared(version).await;
                $body
            }
        }
    };
}
pub(crate) use on_each_version;

/// Longer than anything here takes, shorter than patience.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A test's own catalog and the way to it.
pub(crate) struct Registry {
    pub(crate) catalog: Catalog,
    pub(crate) config: CatalogConfig,
    pub(crate) admin: tokio_postgres::Client,
}

/// How to reach a database of a test's cluster.
pub(crate) fn config(postgres: &Postgres, database: &str) -> CatalogConfig {
    CatalogConfig::new(postgres.host(), postgres.port(), postgres.superuser(), database)
        .with_password(postgres.password().clone())
}

/// A database with a migrated catalog in it.
pub(crate) async fn registry(postgres: &Postgres) -> Registry {
    let database = fresh_database(postgres, "catalog").await;
    let config = config(postgres, &database);
    let catalog = Catalog::connect(config.clone()).await.unwrap();
    catalog.migrate().await.unwrap();
    Registry { catalog, config, admin: postgres.connect(&database).await.unwrap() }
}

pub(crate) fn key(text: &str) -> TenantKey {
    TenantKey::new(text).unwrap()
}

pub(crate) fn ident(name: &str) -> SqlIdent {
    SqlIdent::new(name).unwrap()
}

pub(crate) fn new_cluster(name: &str) -> NewCluster {
    NewCluster {
        name: name.into(),
        host: "db.example.com".into(),
        port: 5432,
        more_hosts: Vec::new(),
        replicas: Vec::new(),
        admin_user: "admin".into(),
        password: PasswordSource::Environment("ADMIN_PASSWORD".into()),
        maintenance_database: "postgres".into(),
        server_version: 180_000,
        max_connections: None,
        context: ContextKind::Carrier,
        tls: ServerTls::default(),
    }
}

pub(crate) fn new_database(cluster: &Cluster, name: &str, kind: DatabaseKind) -> NewDatabase {
    NewDatabase {
        cluster: cluster.id,
        name: ident(name),
        kind,
        login: ident(&format!("tenantry_app_{name}")),
        context: ContextKind::Carrier,
        max_connections: 20,
    }
}

/// The cluster `main` and its pool `app`.
pub(crate) async fn pool(tx: &Tx) -> Database {
    let cluster = tx.upsert_cluster(&new_cluster("main")).await.unwrap();
    tx.upsert_database(&new_database(&cluster, "app", DatabaseKind::Pool)).await.unwrap()
}

pub(crate) fn shared_in(pool: &Database) -> Placement {
    Placement { model: TenancyModel::Shared, database: pool.id, schema: ident("public"), epoch: Epoch::FIRST }
}

/// An active tenant of the shared model.
pub(crate) async fn active(tx: &Tx, pool: &Database, name: &str) -> Tenant {
    let tenant = tx.create_tenant(&NewTenant::new(key(name))).await.unwrap();
    tx.set_placement(tenant.id, &shared_in(pool)).await.unwrap();
    tx.set_tenant_state(tenant.id, TenantState::Provisioning, TenantState::Active).await.unwrap();
    tx.tenant(&tenant.key).await.unwrap()
}

/// Waits until the routes are as wanted.
#[track_caller]
pub(crate) fn until(
    routes: &mut watch::Receiver<Arc<RouteTable>>,
    wanted: impl FnMut(&Arc<RouteTable>) -> bool,
) -> impl Future<Output = Arc<RouteTable>> {
    let caller = std::panic::Location::caller();
    async move {
        let waited = tokio::time::timeout(SOON, routes.wait_for(wanted)).await;
        let found = waited.unwrap_or_else(|_| panic!("the routes never came to be as wanted at {caller}"));
        Arc::clone(&*found.expect("the feed lives"))
    }
}
