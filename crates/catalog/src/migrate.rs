//! The catalog's own migrations: forward only, each in one transaction, and never edited once released.

use crate::connection::Connection;
use crate::error::CatalogError;

/// One step of the catalog's schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Counts up from 1.
    pub version: i32,
    pub name: &'static str,
    pub sql: &'static str,
}

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[];

/// What `migrate` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// `None` when there was no catalog.
    pub from: Option<i32>,
    pub to: i32,
}

pub(crate) async fn run(
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<Migrated, CatalogError> {
    let _ = (connection, migrations);
    todo!()
}

/// Refuses a catalog of another version than this build's.
pub(crate) async fn check(connection: &Connection, migrations: &[Migration]) -> Result<(), CatalogError> {
    let _ = (connection, migrations);
    todo!()
}
