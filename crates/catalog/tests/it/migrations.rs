//! The catalog's own migrations on a real server. What is decided without one is tested beside the code.

use crate::{config, on_each_version, registry};
use tenantry_catalog::{Catalog, CatalogError, MIGRATIONS, Migrated};
use tenantry_testkit::fresh_database;

on_each_version! {
    async fn migrating_again_changes_nothing(postgres) {
        let database = fresh_database(postgres, "migrate").await;
        let catalog = Catalog::connect(config(postgres, &database)).await.unwrap();
        let to = MIGRATIONS.last().unwrap().version;
        assert_eq!(catalog.migrate().await.unwrap(), Migrated { from: None, to });
        assert_eq!(catalog.migrate().await.unwrap(), Migrated { from: Some(to), to });
    }
}

on_each_version! {
    async fn many_may_migrate_at_once(postgres) {
        let database = fresh_database(postgres, "migrate").await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let config = config(postgres, &database);
            tasks.spawn(async move { Catalog::connect(config).await?.migrate().await });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
        let admin = postgres.connect(&database).await.unwrap();
        let count: i64 = admin.query_one("SELECT count(*) FROM tenantry.migrations", &[]).await.unwrap().get(0);
        assert_eq!(usize::try_from(count).unwrap(), MIGRATIONS.len());
    }
}

on_each_version! {
    async fn a_catalog_that_is_not_there_or_newer_or_edited_is_refused(postgres) {
        let database = fresh_database(postgres, "migrate").await;
        let empty = Catalog::connect(config(postgres, &database)).await.unwrap();
        let error = empty.transaction().await.unwrap_err();
        assert!(matches!(error, CatalogError::NotMigrated { found: None, .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("migrate"));

        let registry = registry(postgres).await;
        registry.admin.execute("UPDATE tenantry.migrations SET checksum = 'edited' WHERE version = 1", &[]).await.unwrap();
        let fresh = Catalog::connect(registry.config.clone()).await.unwrap();
        let error = fresh.transaction().await.unwrap_err();
        assert!(matches!(error, CatalogError::EditedMigration { version: 1, .. }), "{error:?}");
        let error = fresh.migrate().await.unwrap_err();
        assert!(matches!(error, CatalogError::EditedMigration { version: 1, .. }), "{error:?}");

        let later = "INSERT INTO tenantry.migrations VALUES (99, 'later', '', '9.9.9')";
        registry.admin.execute(later, &[]).await.unwrap();
        let fresh = Catalog::connect(registry.config).await.unwrap();
        for error in [fresh.transaction().await.unwrap_err(), fresh.migrate().await.unwrap_err()] {
            assert!(matches!(error, CatalogError::Newer { found: 99, .. }), "{error:?}");
            assert!(error.hint().unwrap().contains("upgrade"));
        }
    }
}

on_each_version! {
    /// Also that a query stays valid for the schema when a later migration changes it.
    async fn every_query_prepares(postgres) {
        let registry = registry(postgres).await;
        for query in tenantry_catalog::queries() {
            if let Err(error) = registry.admin.prepare(query.sql).await {
                panic!("{}: {error:?}", query.name);
            }
        }
    }
}
