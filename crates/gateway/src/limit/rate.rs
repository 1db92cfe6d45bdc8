//! Transactions in a minute: the generic cell rate algorithm, on one number per tenant.
//!
//! The number is the *theoretical arrival time* (Rec. ITU-T I.371): when the next transaction would be due if all came
//! evenly. One that comes earlier than the burst allows waits until it is not, and has its turn from then on: those who
//! wait are not overtaken. One that would wait too long is refused, and leaves the number as it was.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tenantry_core::Limits;

const MINUTE_NS: u64 = 60_000_000_000;

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Now,
    /// Its turn comes after so long.
    After(Duration),
    /// It is refused; its turn would have come after so long.
    Never(Duration),
}

/// The transactions of one tenant, on all workers. Times are nanoseconds since the gateway's start.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// When the next transaction would be due.
    due: AtomicU64,
    /// The time between two transactions that `due` was reckoned with.
    interval: AtomicU64,
}

impl Rate {
    /// Decides on a transaction that comes at `now`, and would wait for its turn up to `patience`.
    pub(crate) fn admit(&self, limits: &Limits, now: Duration, patience: Duration) -> Admission {
        let Some(interval) = interval(limits) else { return Admission::Now };
        let (now, patience) = (nanos(now), nanos(patience));
        self.reckon_with(interval, now);
        let burst = match u64::from(limits.transaction_burst) {
            0 => u64::from(limits.transactions_per_minute),
            burst => burst,
        };
        let tolerance = interval.saturating_mul(burst - 1);
        let mut wait = 0;
        let turn = |due: u64| {
            let due = due.max(now);
            wait = due.saturating_sub(tolerance).saturating_sub(now);
            (wait <= patience).then(|| due.saturating_add(interval))
        };
        let admitted = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, turn).is_ok();
        match (admitted, Duration::from_nanos(wait)) {
            (true, Duration::ZERO) => Admission::Now,
            (true, wait) => Admission::After(wait),
            (false, wait) => Admission::Never(wait),
        }
    }

    /// Counts transactions that have taken place already.
    pub(crate) fn owe(&self, limits: &Limits, now: Duration, transactions: u32) {
        let Some(interval) = interval(limits) else { return };
        let debt = interval.saturating_mul(transactions.into());
        let later = |due: u64| Some(due.max(nanos(now)).saturating_add(debt));
        // It never refuses.
        let _before = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }

    /// Whether all transactions so far have had their time.
    pub(crate) fn is_forgotten(&self, now: Duration) -> bool {
        self.due.load(Ordering::Relaxed) <= nanos(now)
    }

    /// Under a new limit, as many transactions are ahead of their time as under the old.
    fn reckon_with(&self, interval: u64, now: u64) {
        let old = self.interval.swap(interval, Ordering::Relaxed);
        if old == interval || old == 0 {
            return;
        }
        let rescaled = |due: u64| {
            let ahead = due.saturating_sub(now) / old;
            Some(now.saturating_add(ahead.saturating_mul(interval)))
        };
        let _before = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rescaled);
    }
}

/// The time between two transactions, if there is a limit.
fn interval(limits: &Limits) -> Option<u64> {
    MINUTE_NS.checked_div(limits.transactions_per_minute.into())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(rate: u32, burst: u32) -> Limits {
        Limits { transactions_per_minute: rate, transaction_burst: burst, ..Limits::default() }
    }

    #[test]
    fn a_burst_then_the_rate() {
        let rate = Rate::default();
        let limits = limits(60, 3);
        let at =
            |ms, patience| rate.admit(&limits, Duration::from_millis(ms), Duration::from_millis(patience));
        assert_eq!([at(0, 0), at(0, 0), at(0, 0)], [Admission::Now; 3]);
        assert_eq!(at(0, 999), Admission::Never(Duration::from_secs(1)));
        // A refusal costs nothing; who waits has the next turn, and the one behind the turn after that.
        assert_eq!(at(0, 1_000), Admission::After(Duration::from_secs(1)));
        assert_eq!(at(500, 5_000), Admission::After(Duration::from_millis(1_500)));
        assert_eq!(at(3_000, 0), Admission::Now);
        assert_eq!(at(3_000, 0), Admission::Never(Duration::from_secs(1)));
    }

    #[test]
    fn no_limit_is_no_limit_and_a_minute_s_worth_is_the_burst_unless_said() {
        let rate = Rate::default();
        for _ in 0..10_000 {
            assert_eq!(rate.admit(&limits(0, 0), Duration::ZERO, Duration::ZERO), Admission::Now);
        }
        let admitted = (0..1_000)
            .filter(|_| rate.admit(&limits(100, 0), Duration::ZERO, Duration::ZERO) == Admission::Now)
            .count();
        assert_eq!(admitted, 100);
    }

    #[test]
    fn a_raised_limit_counts_at_once() {
        let rate = Rate::default();
        let at = |per_minute| rate.admit(&limits(per_minute, 2), Duration::ZERO, Duration::ZERO);
        assert_eq!([at(1), at(1)], [Admission::Now; 2]);
        assert_eq!(at(1), Admission::Never(Duration::from_mins(1)));
        assert_eq!(at(60_000), Admission::Never(Duration::from_millis(1)));
    }

    proptest! {
        /// Whenever they come, in no stretch of time do more start than the burst and the rate allow.
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            per_minute in 1_u32..6_000, burst in 1_u32..50, gaps in prop::collection::vec(0_u64..3_000, 1..200)
        ) {
            let rate = Rate::default();
            let (mut now, mut starts) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                let at = Duration::from_millis(now);
                match rate.admit(&limits(per_minute, burst), at, Duration::from_secs(5)) {
                    Admission::Now => starts.push(at),
                    Admission::After(wait) => starts.push(at + wait),
                    Admission::Never(_) => {}
                }
            }
            starts.sort();
            for (i, from) in starts.iter().enumerate() {
                for (j, until) in starts.iter().enumerate().skip(i) {
                    let started = f64::from(u32::try_from(j - i + 1).unwrap());
                    let within = until.saturating_sub(*from);
                    let allowed = f64::from(burst) + within.as_secs_f64() * f64::from(per_minute) / 60.0;
                    prop_assert!(started <= allowed + 0.01, "{started} in {within:?}");
                }
            }
        }
    }
}
