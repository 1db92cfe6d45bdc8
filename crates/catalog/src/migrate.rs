//! The catalog's own migrations: forward only, each in one transaction, and never edited once released.

use crate::connection::Connection;
use crate::error::CatalogError;
use crate::queries::{self, Query};
use crate::row::get;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tokio_postgres::error::SqlState;

/// One step of the catalog's schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Counts up from 1.
    pub version: i32,
    pub name: &'static str,
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal,)*) => {
        &[$(Migration { version: $version, name: $name, sql: include_str!(concat!("../migrations/", $name, ".sql")) }),*]
    };
}

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = migrations! {
    1 "0001_registry",
    2 "0002_route_feed",
    3 "0003_login_pool_mode",
    4 "0004_login_admin",
    5 "0005_cluster_connections",
    6 "0006_connections",
    7 "0007_replicas",
    8 "0008_read_only",
};

/// What `migrate` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// `None` when there was no catalog.
    pub from: Option<i32>,
    pub to: i32,
}

/// A migration as the catalog remembers it.
struct Applied {
    version: i32,
    checksum: String,
}

impl Migration {
    fn checksum(&self) -> String {
        Sha256::digest(self.sql).iter().fold(String::new(), |mut text, byte| {
            // Writing to a String can't fail.
            write!(text, "{byte:02x}").ok();
            text
        })
    }
}

/// Applies what is missing. Several processes may do so at once: each step is decided under one lock.
pub(crate) async fn run(
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<Migrated, CatalogError> {
    let mut from = None;
    for (index, migration) in migrations.iter().enumerate() {
        connection.batch("begin", "BEGIN").await?;
        connection.query_one(queries::MIGRATION_LOCK, &[]).await?;
        connection.batch("migration_table", include_str!("queries/migration_table.sql")).await?;
        let applied = applied(connection, queries::MIGRATIONS_APPLIED).await?;
        verify(&applied, migrations)?;
        if index == 0 {
            from = applied.last().map(|last| last.version);
        }
        if applied.len() <= index {
            apply(connection, migration).await?;
        }
        connection.batch("commit", "COMMIT").await?;
    }
    connection.version_checked = true;
    Ok(Migrated { from, to: latest(migrations) })
}

/// Refuses a catalog of another version than this build's.
pub(crate) async fn check(connection: &Connection, migrations: &[Migration]) -> Result<(), CatalogError> {
    let needed = latest(migrations);
    let applied = match applied(connection, queries::MIGRATIONS_APPLIED).await {
        Ok(applied) => applied,
        Err(CatalogError::Server { source, .. })
            if source.is(&SqlState::UNDEFINED_TABLE) || source.is(&SqlState::INVALID_SCHEMA_NAME) =>
        {
            return Err(CatalogError::NotMigrated { found: None, needed });
        }
        Err(error) => return Err(error),
    };
    verify(&applied, migrations)?;
    match applied.last().map(|last| last.version) {
        Some(found) if found == needed => Ok(()),
        found => Err(CatalogError::NotMigrated { found, needed }),
    }
}

async fn applied(connection: &Connection, query: Query) -> Result<Vec<Applied>, CatalogError> {
    let rows = connection.query(query, &[]).await?;
    let read = |row| {
        Ok(Applied {
            version: get(row, "migration", "version")?,
            checksum: get(row, "migration", "checksum")?,
        })
    };
    rows.iter().map(read).collect()
}

/// What was applied must be the beginning of what this build has, unedited.
fn verify(applied: &[Applied], migrations: &[Migration]) -> Result<(), CatalogError> {
    let known = latest(migrations);
    if let Some(newest) = applied.last().filter(|newest| newest.version > known) {
        return Err(CatalogError::Newer { found: newest.version, known });
    }
    for (applied, migration) in applied.iter().zip(migrations) {
        if applied.version != migration.version || applied.checksum != migration.checksum() {
            let (version, name) = (migration.version, migration.name.to_owned());
            return Err(CatalogError::EditedMigration { version, name });
        }
    }
    Ok(())
}

async fn apply(connection: &Connection, migration: &Migration) -> Result<(), CatalogError> {
    let failed = |error| match error {
        CatalogError::Server { source, .. } => {
            CatalogError::Migration { version: migration.version, name: migration.name.to_owned(), source }
        }
        other => other,
    };
    connection.batch(migration.name, migration.sql).await.map_err(failed)?;
    let build = env!("CARGO_PKG_VERSION");
    let params: crate::connection::Params<'_> =
        &[&migration.version, &migration.name, &migration.checksum(), &build];
    connection.execute(queries::MIGRATION_RECORD, params).await?;
    Ok(())
}

fn latest(migrations: &[Migration]) -> i32 {
    migrations.last().map_or(0, |migration| migration.version)
}

#[cfg(test)]
mod tests;
