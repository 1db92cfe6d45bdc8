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

/// Decides on a transaction that comes at `now`, and would wait for its turn up to `patience`.
pub(crate) fn admit(due: &AtomicU64, limits: &Limits, now: Duration, patience: Duration) -> Admission {
    if limits.transactions_per_minute == 0 {
        return Admission::Now;
    }
    let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    let patience = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
    let rate = u64::from(limits.transactions_per_minute);
    let interval = MINUTE_NS / rate;
    let burst = match u64::from(limits.transaction_burst) {
        0 => rate,
        burst => burst,
    };
    let tolerance = interval.saturating_mul(burst - 1);
    let mut wait = 0;
    let turn = |due: u64| {
        let due = due.max(now);
        wait = due.saturating_sub(tolerance).saturating_sub(now);
        (wait <= patience).then(|| due.saturating_add(interval))
    };
    let admitted = due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, turn).is_ok();
    match (admitted, Duration::from_nanos(wait)) {
        (true, Duration::ZERO) => Admission::Now,
        (true, wait) => Admission::After(wait),
        (false, wait) => Admission::Never(wait),
    }
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
        let due = AtomicU64::new(0);
        let limits = limits(60, 3);
        let at =
            |ms, patience| admit(&due, &limits, Duration::from_millis(ms), Duration::from_millis(patience));
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
        let due = AtomicU64::new(0);
        for _ in 0..10_000 {
            assert_eq!(admit(&due, &limits(0, 0), Duration::ZERO, Duration::ZERO), Admission::Now);
        }
        let admitted = (0..1_000)
            .filter(|_| admit(&due, &limits(100, 0), Duration::ZERO, Duration::ZERO) == Admission::Now)
            .count();
        assert_eq!(admitted, 100);
    }

    proptest! {
        /// Whenever they come, in no stretch of time do more start than the burst and the rate allow.
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            rate in 1_u32..6_000, burst in 1_u32..50, gaps in prop::collection::vec(0_u64..3_000, 1..200)
        ) {
            let due = AtomicU64::new(0);
            let (mut now, mut starts) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                let at = Duration::from_millis(now);
                match admit(&due, &limits(rate, burst), at, Duration::from_secs(5)) {
                    Admission::Now => starts.push(at),
                    Admission::After(wait) => starts.push(at + wait),
                    Admission::Never(_) => {}
                }
            }
            starts.sort();
            for (i, from) in starts.iter().enumerate() {
                for (j, until) in starts.iter().enumerate().skip(i) {
                    let started = (j - i + 1) as f64;
                    let allowed = f64::from(burst) + (*until - *from).as_secs_f64() * f64::from(rate) / 60.0;
                    prop_assert!(started <= allowed + 0.01, "{started} in {:?}", *until - *from);
                }
            }
        }
    }
}
