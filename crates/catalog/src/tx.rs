//! A transaction on the catalog. What can be done in one stands beside what it is done to (`tenant`, `login`, …).

use crate::catalog::Lease;
use crate::connection::Params;
use crate::error::CatalogError;
use crate::queries::Query;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

/// An open transaction. Dropped without [`Tx::commit`], nothing of it happened.
///
/// A transaction that changes anything a gateway must know holds a lock, from that change until its end, that every
/// other such transaction waits for: keep it short, and do nothing slow (a data database, the network) inside.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Tx {
    lease: Lease,
}

/// What a transaction sees of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadCommitted,
    /// Read only, and one moment for all queries.
    Snapshot,
}

impl Isolation {
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            Self::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

impl Tx {
    pub(crate) async fn begin(lease: Lease, isolation: Isolation) -> Result<Self, CatalogError> {
        lease.connection.batch("begin", isolation.begin()).await?;
        Ok(Self { lease })
    }

    /// Makes all of it happen.
    pub async fn commit(self) -> Result<(), CatalogError> {
        // COMMIT of a transaction in which a statement failed answers ROLLBACK, not an error: the caller must not
        // believe in it. The failed statement was an error already, so only a caller that swallowed it gets here.
        match self.lease.connection.execute(crate::queries::STILL_VALID, &[]).await {
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        match self.lease.connection.batch("commit", "COMMIT").await {
            Ok(()) => {
                self.lease.give_back();
                Ok(())
            }
            Err(CatalogError::Server { source, .. }) if source.is_lost() => {
                Err(CatalogError::CommitUnknown { source })
            }
            Err(error) => Err(error),
        }
    }

    /// Gives it up, and keeps the connection for the next transaction.
    pub async fn rollback(self) -> Result<(), CatalogError> {
        self.lease.connection.batch("rollback", "ROLLBACK").await?;
        self.lease.give_back();
        Ok(())
    }

    pub(crate) async fn query(&self, query: Query, params: Params<'_>) -> Result<Vec<Row>, CatalogError> {
        self.lease.connection.query(query, params).await
    }

    pub(crate) async fn query_opt(
        &self,
        query: Query,
        params: Params<'_>,
    ) -> Result<Option<Row>, CatalogError> {
        self.lease.connection.query_opt(query, params).await
    }

    pub(crate) async fn query_one(&self, query: Query, params: Params<'_>) -> Result<Row, CatalogError> {
        self.lease.connection.query_one(query, params).await
    }

    pub(crate) async fn execute(&self, query: Query, params: Params<'_>) -> Result<u64, CatalogError> {
        self.lease.connection.execute(query, params).await
    }
}

/// Turns a broken constraint into the error that says what it means.
pub(crate) fn constraint(
    error: CatalogError,
    meaning: impl FnOnce(&SqlState, &str) -> Option<CatalogError>,
) -> CatalogError {
    let CatalogError::Server { source, .. } = &error else { return error };
    let known = source.state().zip(source.constraint()).and_then(|(state, name)| meaning(state, name));
    known.unwrap_or(error)
}

/// A row that others refer to can't go.
pub(crate) fn in_use(error: CatalogError, what: &'static str, name: &str) -> CatalogError {
    constraint(error, |state, _| {
        let referred = *state == SqlState::FOREIGN_KEY_VIOLATION || *state == SqlState::RESTRICT_VIOLATION;
        referred.then(|| CatalogError::InUse { what, name: name.to_owned() })
    })
}

/// For updates by id: a row must have been there.
pub(crate) fn found(count: u64, what: &'static str, id: impl std::fmt::Display) -> Result<(), CatalogError> {
    if count == 0 {
        return Err(CatalogError::Unknown { what, name: id.to_string(), suggestion: None });
    }
    Ok(())
}
