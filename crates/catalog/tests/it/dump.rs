//! The golden dump: what the migrations make, as text that a reviewer can read and that no version changes.

use crate::{on_each_version, registry};

on_each_version! {
    /// Write the file anew with `UPDATE_SCHEMA=1 cargo test -p tenantry-catalog dump`.
    async fn schema_sql_shows_what_the_migrations_make(postgres) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.sql");
        let registry = registry(postgres).await;
        let dump: String = registry.admin.query_one(include_str!("dump.sql"), &[]).await.unwrap().get(0);
        let dump = format!("-- Generated from pg_catalog after all migrations; see tests/it/dump.rs.\n{dump}\n");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &dump).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap_or_default();
        assert!(golden == dump, "schema.sql is stale: run UPDATE_SCHEMA=1 cargo test -p tenantry-catalog dump");
    }
}
