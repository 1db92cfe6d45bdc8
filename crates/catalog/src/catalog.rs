//! The way in: a bounded set of connections, and transactions on them.

use crate::connection::Connection;
use crate::error::CatalogError;
use crate::migrate::{self, Migrated};
use crate::tx::{Isolation, Tx};
use crate::{CatalogConfig, queries};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The registry. Cloning is cheap, and all clones share the same connections.
#[derive(Debug, Clone)]
pub struct Catalog {
    pool: Arc<Pool>,
}

#[derive(Debug)]
pub(crate) struct Pool {
    config: CatalogConfig,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// A connection on loan. It goes back by [`Lease::give_back`]; dropped, it is closed, and the server rolls back.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

/// Says that one operation works on something, and keeps others from it until it is dropped.
#[derive(Debug)]
pub struct OperationLock {
    lease: Lease,
}

impl OperationLock {
    /// Lets the next operation in at once. A lock that is only dropped is freed when the server notices.
    pub async fn release(self) -> Result<(), CatalogError> {
        self.lease.connection.query_one(queries::OPERATION_UNLOCK, &[]).await?;
        self.lease.give_back();
        Ok(())
    }
}

impl Catalog {
    /// Checks that the catalog's server can be reached and lets us in. Says nothing of the catalog's version yet.
    pub async fn connect(config: CatalogConfig) -> Result<Self, CatalogError> {
        let permits = Arc::new(Semaphore::new(config.max_connections.max(1)));
        let catalog = Self { pool: Arc::new(Pool { config, idle: Mutex::default(), permits }) };
        catalog.lease().await?.give_back();
        Ok(catalog)
    }

    /// Where the catalog is.
    pub fn config(&self) -> &CatalogConfig {
        &self.pool.config
    }

    /// Brings the catalog's tables up to this build's version. Harmless when they are, and when others do the same.
    pub async fn migrate(&self) -> Result<Migrated, CatalogError> {
        let mut lease = self.lease().await?;
        let migrated = migrate::run(&mut lease.connection, migrate::MIGRATIONS).await?;
        lease.give_back();
        Ok(migrated)
    }

    /// Begins a transaction. All its effects, audit rows included, happen at [`Tx::commit`] or not at all.
    pub async fn transaction(&self) -> Result<Tx, CatalogError> {
        Tx::begin(self.lease_checked().await?, Isolation::ReadCommitted).await
    }

    /// Begins a read-only transaction in which every query sees the same moment.
    pub async fn snapshot(&self) -> Result<Tx, CatalogError> {
        Tx::begin(self.lease_checked().await?, Isolation::Snapshot).await
    }

    /// Takes the right to run an operation on `name` (`tenant/acme`), or says at once that somebody else has it.
    /// The lock needs a connection of its own while it is held, and is lost with it: steps stay idempotent.
    pub async fn lock(&self, name: &str) -> Result<OperationLock, CatalogError> {
        let lease = self.lease_checked().await?;
        let row = lease.connection.query_one(queries::OPERATION_LOCK, &[&name]).await?;
        if crate::row::get::<bool>(&row, "lock", "locked")? {
            Ok(OperationLock { lease })
        } else {
            lease.give_back();
            Err(CatalogError::Locked { name: name.to_owned() })
        }
    }

    async fn lease_checked(&self) -> Result<Lease, CatalogError> {
        let mut lease = self.lease().await?;
        if !lease.connection.version_checked {
            migrate::check(&lease.connection, migrate::MIGRATIONS).await?;
            lease.connection.version_checked = true;
        }
        Ok(lease)
    }

    async fn lease(&self) -> Result<Lease, CatalogError> {
        let config = &self.pool.config;
        let waiting = Arc::clone(&self.pool.permits).acquire_owned();
        // The semaphore is never closed, so an error means that the wait was too long as well.
        let Ok(Ok(permit)) = tokio::time::timeout(config.statement_timeout, waiting).await else {
            return Err(CatalogError::Busy { connections: config.max_connections });
        };
        let connection = match self.pool.take_idle() {
            Some(connection) => connection,
            None => Connection::open(config).await?,
        };
        Ok(Lease { connection, pool: Arc::clone(&self.pool), _permit: permit })
    }
}

impl Pool {
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }
}

impl Lease {
    /// Keeps the connection for the next caller. It must be outside a transaction and hold no lock.
    pub(crate) fn give_back(self) {
        // Never more than there are permits, as each lease holds one.
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.connection);
    }
}
