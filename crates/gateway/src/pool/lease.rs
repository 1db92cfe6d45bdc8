//! What a borrower of a connection holds besides it: a tenant's claim, and a place in the pool's count. Each gives itself back
//! when it is dropped, so that nothing stays counted, whatever becomes of its connection.

use super::Pool;
use super::cluster::NotGranted;
use crate::account::{Account, Charge};
use crate::backend::ServerConnection;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// A connection's place in the pool's count.
#[derive(Debug)]
pub(crate) struct Slot(Weak<Pool>);

impl Slot {
    /// Of a connection that no pool counts.
    pub(crate) fn nobodys() -> Self {
        Self(Weak::new())
    }

    pub(super) fn of(pool: Weak<Pool>) -> Self {
        Self(pool)
    }

    /// Is counted by that pool from now on; it is no longer by the other.
    pub(super) fn pass(&mut self, pool: Weak<Pool>) {
        self.0 = pool;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.slot_freed();
        }
    }
}

/// The use of a connection by a tenant, from when it is lent to when it is given back or lost.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) account: Arc<Account>,
    charge: Charge,
    since: Option<Instant>,
    /// `None` once it has ended.
    pool: Option<Arc<Pool>>,
}

impl Lease {
    /// Called under the pool's lock, which the pool's end takes too: only a lease that is begun holds it.
    pub(super) fn begin(pool: &Weak<Pool>, account: &Arc<Account>, clock: u64) -> Result<Self, NotGranted> {
        let charge = account.begin(clock).ok_or(NotGranted::NoRoom)?;
        let Some(pool) = pool.upgrade() else {
            account.end(charge, None);
            return Err(NotGranted::Gone);
        };
        Ok(Self { account: Arc::clone(account), charge, since: None, pool: Some(pool) })
    }

    /// The connection is there: the tenant's time begins.
    pub(super) fn start(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// When the transaction was due, in virtual time.
    pub(super) fn due(&self) -> u64 {
        self.charge.due
    }

    /// When the tenant's time began.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Ends it, for a caller that tells the pool.
    pub(super) fn finish(mut self, now: Instant) -> Arc<Account> {
        self.settle(now);
        Arc::clone(&self.account)
    }

    fn settle(&mut self, now: Instant) -> Option<Arc<Pool>> {
        let pool = self.pool.take()?;
        self.account.end(self.charge, self.since.map(|since| now.duration_since(since)));
        Some(pool)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Once it has ended nobody asks for the time.
        if self.pool.is_some()
            && let Some(pool) = self.settle(Instant::now())
        {
            pool.lease_ended(&self.account);
        }
    }
}

/// What somebody who asks for a connection gets.
#[derive(Debug)]
pub(super) enum Grant {
    Connection(Box<ServerConnection>),
    /// The right to open one.
    Open(Slot, Lease),
}
