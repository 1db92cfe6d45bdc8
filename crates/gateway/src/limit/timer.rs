//! Statements, transactions and pauses that take too long: one coarse timer for all of them.
//!
//! Each server connection has a [`Timer`], which its borrower tells what it is doing by plain stores. A tick of the worker looks at
//! those that are lent (there are as many as there are server connections, however many clients) and wakes the sessions
//! that are overdue. A clock that only the tick advances stands for the time, so that nothing costs a system call or an entry in a
//! timer wheel per statement. What is overdue is found within two ticks, never early.

use crate::account::Account;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

/// How often the timers are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(25);
/// A statement that goes on for so long after it was cancelled ends with its connection.
const GRACE_MS: u64 = 5_000;

/// What the borrower of a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Doing {
    /// Nothing that is limited.
    Nothing,
    /// The server has something to answer.
    Running,
    /// An open transaction waits for its client.
    Idling,
    /// A statement was cancelled and has not ended yet.
    Cancelled,
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Overdue {
    Nothing,
    Statement,
    /// A transaction in the middle of a statement.
    Transaction,
    /// A transaction that waits for its client.
    IdleTransaction,
    IdleInTransaction,
    /// A statement that can't be cancelled.
    Stuck,
}

/// Times the loans of one server connection.
#[derive(Debug)]
pub(crate) struct Timer {
    clock: Arc<Clock>,
    doing: AtomicU8,
    overdue: AtomicU8,
    /// On the clock: since when it is doing that.
    since: AtomicU64,
    /// When the transaction began.
    began: AtomicU64,
    loan: Mutex<Option<Loan>>,
}

#[derive(Debug)]
struct Loan {
    account: Arc<Account>,
    session: Waker,
}

/// Milliseconds, as of the last tick.
#[derive(Debug)]
struct Clock {
    started: Instant,
    now: AtomicU64,
}

/// The timers of one worker's connections to one server.
#[derive(Debug)]
pub(crate) struct Timers {
    clock: Arc<Clock>,
    timers: Mutex<Vec<Weak<Timer>>>,
}

impl Default for Timers {
    fn default() -> Self {
        let clock = Arc::new(Clock { started: Instant::now(), now: AtomicU64::new(0) });
        Self { clock, timers: Mutex::default() }
    }
}

impl Timers {
    /// A timer for a new connection.
    pub(crate) fn add(&self) -> Arc<Timer> {
        let timer = Arc::new(Timer {
            clock: Arc::clone(&self.clock),
            doing: AtomicU8::new(Doing::Nothing as u8),
            overdue: AtomicU8::new(Overdue::Nothing as u8),
            since: AtomicU64::new(0),
            began: AtomicU64::new(0),
            loan: Mutex::new(None),
        });
        self.timers.lock().push(Arc::downgrade(&timer));
        timer
    }

    /// Advances the clock and wakes who is overdue.
    pub(crate) fn tick(&self) {
        self.tick_at(self.clock.started.elapsed());
    }

    fn tick_at(&self, now: Duration) {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.clock.now.store(now, Ordering::Relaxed);
        self.timers.lock().retain(|timer| {
            let timer = timer.upgrade();
            if let Some(timer) = &timer {
                timer.look(now);
            }
            timer.is_some()
        });
    }
}

impl Timer {
    /// The connection is lent to a tenant's session.
    pub(crate) fn lend(&self, account: &Arc<Account>, session: &Waker) {
        let mut loan = self.loan.lock();
        match &mut *loan {
            Some(loan) => {
                loan.session.clone_from(session);
                if !Arc::ptr_eq(&loan.account, account) {
                    loan.account = Arc::clone(account);
                }
            }
            None => *loan = Some(Loan { account: Arc::clone(account), session: session.clone() }),
        }
        self.overdue.store(Overdue::Nothing as u8, Ordering::Relaxed);
        self.restart();
        self.began.store(self.clock.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The connection is nobody's. Its last borrower is not kept alive by it.
    pub(crate) fn give_back(&self) {
        self.set(Doing::Nothing);
    }

    #[inline]
    pub(crate) fn set(&self, doing: Doing) {
        self.doing.store(doing as u8, Ordering::Relaxed);
        self.restart();
    }

    /// The next statement begins.
    #[inline]
    pub(crate) fn restart(&self) {
        self.since.store(self.clock.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The next transaction begins.
    #[inline]
    pub(crate) fn next_transaction(&self) {
        self.began.store(self.clock.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// What is overdue; the caller sees to it.
    #[inline]
    pub(crate) fn overdue(&self) -> Overdue {
        match self.overdue.load(Ordering::Relaxed) {
            0 => Overdue::Nothing,
            byte => Overdue::read(byte),
        }
    }

    /// What was overdue has been seen to.
    pub(crate) fn seen_to(&self) {
        self.overdue.store(Overdue::Nothing as u8, Ordering::Relaxed);
    }

    fn look(&self, now: u64) {
        let doing = self.doing.load(Ordering::Relaxed);
        if doing == Doing::Nothing as u8 || self.overdue() != Overdue::Nothing {
            return;
        }
        let loan = self.loan.lock();
        let Some(loan) = &*loan else { return };
        let limits = loan.account.limits();
        // Both may have been read up to a tick before they were written.
        let over = |limit: u32, at: &AtomicU64| {
            limit > 0 && now.saturating_sub(at.load(Ordering::Relaxed)) > u64::from(limit) + TICK_MS
        };
        let late = over(limits.transaction_timeout_ms, &self.began);
        let overdue = if doing == Doing::Running as u8 {
            match (over(limits.statement_timeout_ms, &self.since), late) {
                (true, _) => Overdue::Statement,
                (_, true) => Overdue::Transaction,
                _ => return,
            }
        } else if doing == Doing::Idling as u8 {
            match (over(limits.idle_in_transaction_ms, &self.since), late) {
                (true, _) => Overdue::IdleInTransaction,
                (_, true) => Overdue::IdleTransaction,
                _ => return,
            }
        } else if now.saturating_sub(self.since.load(Ordering::Relaxed)) > GRACE_MS {
            Overdue::Stuck
        } else {
            return;
        };
        self.overdue.store(overdue as u8, Ordering::Relaxed);
        loan.session.wake_by_ref();
    }
}

const TICK_MS: u64 = 25;
const _: () = assert!(TICK_MS as u128 == TICK.as_millis(), "two ways to write one tick");

impl Overdue {
    fn read(byte: u8) -> Self {
        let all = [Self::Statement, Self::Transaction, Self::IdleTransaction, Self::IdleInTransaction];
        all.into_iter().find(|overdue| *overdue as u8 == byte).unwrap_or(Self::Stuck)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Accounts, AllTotals};
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;
    use tenantry_core::{ClusterId, Limits, TenantId};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lent(limits: Limits) -> (Timers, Arc<Timer>, Arc<Account>, Arc<Woken>) {
        let (accounts, totals, timers) = (Accounts::default(), AllTotals::default(), Timers::default());
        let account = accounts.of(&totals, TenantId::new(1), ClusterId::new(1), limits, &Arc::default());
        let (timer, woken) = (timers.add(), Arc::new(Woken::default()));
        timer.lend(&account, &Waker::from(Arc::clone(&woken)));
        (timers, timer, account, woken)
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_statement_is_overdue_after_its_time_and_not_before() {
        let limits = Limits { statement_timeout_ms: 100, ..Limits::UNLIMITED };
        let (timers, timer, account, woken) = lent(limits);
        timers.tick_at(ms(1_000));
        timer.set(Doing::Running);
        timers.tick_at(ms(1_100));
        timer.restart();
        timers.tick_at(ms(1_225));
        assert_eq!(timer.overdue(), Overdue::Nothing, "the next statement has its own time");
        timers.tick_at(ms(1_226));
        assert_eq!(timer.overdue(), Overdue::Statement);
        timers.tick_at(ms(2_000));
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        // A limit that changes is in force for the statement that runs.
        timer.seen_to();
        account.set_limits(Limits::UNLIMITED);
        timers.tick_at(ms(90_000));
        assert_eq!(timer.overdue(), Overdue::Nothing);
    }

    #[test]
    fn a_transaction_s_time_goes_on_from_statement_to_statement() {
        let limits = Limits { transaction_timeout_ms: 500, idle_in_transaction_ms: 300, ..Limits::UNLIMITED };
        let (timers, timer, ..) = lent(limits);
        for at in [100, 200, 300, 400] {
            timer.set(Doing::Running);
            timers.tick_at(ms(at));
            timer.set(Doing::Idling);
        }
        timers.tick_at(ms(526));
        assert_eq!(timer.overdue(), Overdue::IdleTransaction);
        timer.seen_to();
        timer.next_transaction();
        timers.tick_at(ms(726));
        assert_eq!(timer.overdue(), Overdue::IdleInTransaction);
        timer.seen_to();
        timer.give_back();
        timers.tick_at(ms(90_000));
        assert_eq!(timer.overdue(), Overdue::Nothing, "who holds nothing owes nothing");
    }

    #[test]
    fn a_statement_that_outlives_its_cancel_is_stuck_and_gone_connections_are_forgotten() {
        let (timers, timer, ..) = lent(Limits::UNLIMITED);
        timer.set(Doing::Cancelled);
        timers.tick_at(ms(GRACE_MS));
        assert_eq!(timer.overdue(), Overdue::Nothing);
        timers.tick_at(ms(GRACE_MS + 1));
        assert_eq!(timer.overdue(), Overdue::Stuck);
        drop(timer);
        timers.tick_at(ms(GRACE_MS + 2));
        assert!(timers.timers.lock().is_empty());
    }
}
