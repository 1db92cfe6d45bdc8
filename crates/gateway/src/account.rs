//! What a tenant may use, and uses, on one worker: its limits in force, its connections, its place among those who wait.
//!
//! There is one account for each tenant that somebody is connected for, made when it is first needed and forgotten when
//! nothing of it matters any more. It has no task and no timer. What must hold over all workers of a gateway (connections
//! in use, the rate, what the tenant has had of its server) stands in [`Totals`], which they share. Who is served next is the pool's
//! business (`pool/queue.rs`).

use crate::error::ClientError;
use crate::limit::rate::{Admission, Rate};
use crate::stats::TenantStats;
use crate::weak::WeakMap;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tenantry_core::{ClusterId, Epoch, ErrorKind, Limits, TenantId};

/// A tenant on one worker.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) tenant: TenantId,
    /// Where its placement is. Server time is compared with that of the same server's other tenants alone, so a tenant that
    /// moves to another server gets a new account.
    pub(crate) cluster: ClusterId,
    pub(crate) stats: Arc<TenantStats>,
    limits: Mutex<Limits>,
    totals: Arc<Totals>,
    /// The gateway's start, which the rate's time is counted from.
    started: Instant,
}

/// What a tenant has had of its server, in virtual time: microseconds for a tenant of weight 1.
#[derive(Debug, Default, Clone, Copy)]
struct Share {
    cluster: Option<ClusterId>,
    /// When its next transaction is due.
    due: u64,
    /// How long its transactions hold a connection, on the average.
    estimate: u64,
}

/// A tenant on all workers.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    in_use: AtomicU32,
    /// Transactions that wait for a connection, and for their turn under the rate.
    waiting: AtomicU32,
    throttled: AtomicU32,
    /// In how many queues somebody waits until the tenant gives a connection back.
    held_back: AtomicU32,
    share: Mutex<Share>,
    rate: Rate,
    /// Nanoseconds after the gateway's start: when a transaction on the primary ended last.
    wrote: AtomicU64,
    /// The newest placement that was served.
    epoch: AtomicI64,
}

/// What was assumed of a transaction when it was lent a connection, to be corrected when its time is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Charge {
    /// When the transaction was due.
    pub(crate) due: u64,
    cost: u64,
}

/// One transaction's assumed time is at most this, so that a single slow one does not make the next wait for its like.
const MAX_ESTIMATE_US: u64 = 1_000_000;

impl Account {
    pub(crate) fn limits(&self) -> Limits {
        *self.limits.lock()
    }

    /// Limits that are in force from now on.
    pub(crate) fn set_limits(&self, limits: Limits) {
        *self.limits.lock() = limits;
    }

    /// A transaction that may have written has ended: reads after this must see what it wrote.
    pub(crate) fn note_write(&self) {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.totals.wrote.fetch_max(now, Ordering::AcqRel);
    }

    /// When that was last. Nothing is known of the time before the account was made, so it counts as a write.
    pub(crate) fn wrote(&self) -> Instant {
        self.started + Duration::from_nanos(self.totals.wrote.load(Ordering::Acquire))
    }

    /// A replica must know the placement too before it is asked to serve it.
    pub(crate) fn note_placement(&self, epoch: Epoch) {
        if self.totals.epoch.swap(epoch.get(), Ordering::AcqRel) != epoch.get() {
            self.note_write();
        }
    }

    /// Server connections in use.
    pub(crate) fn in_use(&self) -> u32 {
        self.totals.in_use.load(Ordering::SeqCst)
    }

    /// Whether the tenant may use one more connection.
    pub(crate) fn has_room(&self) -> bool {
        self.in_use() < self.limits().connections.max(1)
    }

    /// What the tenant has had of the server that this account is for. What it had of another is no debt here.
    fn share(&self) -> MutexGuard<'_, Share> {
        let mut share = self.totals.share.lock();
        if share.cluster != Some(self.cluster) {
            *share = Share { cluster: Some(self.cluster), ..Share::default() };
        }
        share
    }

    /// When the tenant's next transaction is due, if it asks at `clock`: what it did not use before counts for nothing.
    pub(crate) fn due(&self, clock: u64) -> u64 {
        let mut share = self.share();
        share.due = share.due.max(clock);
        share.due
    }

    /// Takes a connection. `None` when the tenant has all that it may have.
    pub(crate) fn begin(&self, clock: u64) -> Option<Charge> {
        let limits = self.limits();
        let most = limits.connections.max(1);
        let taken = |n| (n < most).then_some(n + 1);
        self.totals.in_use.fetch_update(Ordering::SeqCst, Ordering::SeqCst, taken).ok()?;
        let mut share = self.share();
        let cost = weighed(share.estimate, limits.weight);
        let due = share.due.max(clock);
        share.due = due.saturating_add(cost);
        Some(Charge { due, cost })
    }

    /// Gives a connection back that was held for `held`; `None` when it was not used after all.
    pub(crate) fn end(&self, charge: Charge, held: Option<Duration>) {
        let weight = self.limits().weight;
        self.totals.in_use.fetch_sub(1, Ordering::SeqCst);
        let mut share = self.share();
        share.due = share.due.saturating_sub(charge.cost);
        if let Some(held) = held {
            let used = u64::try_from(held.as_micros()).unwrap_or(u64::MAX);
            share.due = share.due.saturating_add(weighed(used, weight));
            share.estimate = (share.estimate - share.estimate / 8 + used / 8).min(MAX_ESTIMATE_US);
        }
    }

    /// One more transaction waits for a connection. `None` when so many of the tenant's do.
    pub(crate) fn wait(&self, most: usize) -> Option<Waiting<'_>> {
        Waiting::among(&self.totals.waiting, most)
    }

    /// Notes that somebody waits, as long as the note is kept, until the tenant gives a connection back. Whether it has room must be
    /// asked again behind this: who gives one back looks for the note after that.
    pub(crate) fn hold_back(self: &Arc<Self>) -> HeldBack {
        self.totals.held_back.fetch_add(1, Ordering::SeqCst);
        HeldBack(Arc::clone(self))
    }

    /// Whether somebody waits for that, on any worker.
    pub(crate) fn is_held_back(&self) -> bool {
        self.totals.held_back.load(Ordering::SeqCst) > 0
    }

    /// Whether transactions are limited in their rate.
    pub(crate) fn has_rate(&self) -> bool {
        self.limits().transactions_per_minute > 0
    }

    /// Waits until the rate allows one more transaction, or refuses it when that would take too long: longer than the tenant
    /// lets its transactions wait, or than the gateway lets anybody (`most`).
    pub(crate) async fn admit(&self, most: Duration) -> Result<(), ClientError> {
        let limits = self.limits();
        let patience = self.patience(&limits, most);
        let admission = self.totals.rate.admit(&limits, self.started.elapsed(), patience);
        if admission != Admission::Now {
            self.stats.limited.add(1);
        }
        match admission {
            Admission::Now => {}
            Admission::After(wait) => {
                let _place = Waiting::among(&self.totals.throttled, usize::MAX);
                tokio::time::sleep(wait).await;
            }
            Admission::Never(wait) => return Err(over_rate(&limits, wait)),
        }
        Ok(())
    }

    /// Notes how many transactions there were on one loan: those that nobody asked for the rate's leave are a debt.
    pub(crate) fn count(&self, transactions: u32) {
        if transactions > 1 {
            self.totals.rate.owe(&self.limits(), self.started.elapsed(), transactions - 1);
        }
    }

    /// How long a transaction may be kept waiting for its turn.
    fn patience(&self, limits: &Limits, most: Duration) -> Duration {
        let waiting = self.totals.throttled.load(Ordering::Relaxed);
        if limits.queue_length > 0 && waiting >= limits.queue_length {
            return Duration::ZERO;
        }
        match limits.queue_wait_ms {
            0 => most,
            wait => most.min(Duration::from_millis(wait.into())),
        }
    }

    /// Whether nothing would be lost with the account: the rate remembers nothing.
    fn is_spent(&self) -> bool {
        self.totals.rate.is_forgotten(self.started.elapsed())
    }
}

/// A note that somebody waits until the tenant gives a connection back.
#[derive(Debug)]
pub(crate) struct HeldBack(Arc<Account>);

impl Drop for HeldBack {
    fn drop(&mut self) {
        self.0.totals.held_back.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A place among those who wait, for as long as somebody does.
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    /// `None` when so many wait already.
    pub(crate) fn among(waiting: &'a AtomicU32, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        usize::try_from(before).is_ok_and(|before| before < most).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn weighed(micros: u64, weight: u32) -> u64 {
    // In thousandths, so that a large weight does not make everything free.
    micros.saturating_mul(1_000) / u64::from(weight.max(1))
}

fn over_rate(limits: &Limits, wait: Duration) -> ClientError {
    let rate = limits.transactions_per_minute;
    let seconds = wait.as_secs() + 1;
    ClientError::new(
        ErrorKind::LimitReached,
        format!("the tenant's limit of {rate} transactions a minute is reached; try again in {seconds} s"),
    )
    .with_hint("send fewer or larger transactions, or have the limit of the tenant's plan raised")
}

/// The accounts of one worker.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    by_tenant: Mutex<HashMap<TenantId, Arc<Account>>>,
}

/// The totals of all tenants that are active on any worker.
#[derive(Debug)]
pub(crate) struct AllTotals {
    by_tenant: WeakMap<TenantId, Totals>,
    started: Instant,
}

impl Default for AllTotals {
    fn default() -> Self {
        Self { by_tenant: WeakMap::default(), started: Instant::now() }
    }
}

impl Accounts {
    /// A tenant's account with these limits, made if there is none.
    pub(crate) fn of(
        &self,
        all: &AllTotals,
        tenant: TenantId,
        cluster: ClusterId,
        limits: Limits,
        stats: &Arc<TenantStats>,
    ) -> Arc<Account> {
        let mut accounts = self.by_tenant.lock();
        if let Some(account) = accounts.get(&tenant).filter(|account| account.cluster == cluster) {
            account.set_limits(limits);
            return Arc::clone(account);
        }
        let account = Arc::new(Account {
            tenant,
            cluster,
            stats: Arc::clone(stats),
            limits: Mutex::new(limits),
            totals: all.by_tenant.of(tenant, Totals::default),
            started: all.started,
        });
        accounts.insert(tenant, Arc::clone(&account));
        account
    }

    /// Forgets the tenants that nobody is connected for, once their rate has nothing to remember.
    pub(crate) fn sweep(&self) {
        let mut accounts = self.by_tenant.lock();
        accounts.retain(|_, account| Arc::strong_count(account) > 1 || !account.is_spent());
        if accounts.capacity() > 4 * accounts.len().max(64) {
            accounts.shrink_to_fit();
        }
    }
}
