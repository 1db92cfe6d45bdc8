//! The arithmetic: what one run gave, and what several rounds say together.

use crate::usage::Snapshot;
use anyhow::{Result, ensure};
use serde::Serialize;
use tenantry_bench::percentile;

/// The figures of one run. "Transaction" is one statement here.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    pub(crate) transactions: usize,
    pub(crate) tps: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// CPU microseconds per transaction of the pooler's process, by the scheduler's clock.
    pub(crate) pooler_cpu_us: Option<f64>,
    /// The same from `utime` + `stime`.
    pub(crate) pooler_times_us: Option<f64>,
    /// CPU microseconds per transaction of all of PostgreSQL's processes.
    pub(crate) server_cpu_us: f64,
    pub(crate) pooler_rss_mib: Option<f64>,
}

impl Sample {
    /// `latencies` are those of the transactions that ended between the snapshots, in microseconds.
    #[allow(clippy::cast_precision_loss, reason = "counts and times of seconds, far below 2^52")]
    pub(crate) fn of(
        before: &Snapshot,
        after: &Snapshot,
        mut latencies: Vec<u32>,
        resident_bytes: Option<u64>,
    ) -> Result<Self> {
        ensure!(latencies.len() >= 100, "only {} transactions in the measured window", latencies.len());
        latencies.sort_unstable();
        let count = latencies.len() as f64;
        let per_transaction = |nanos: u64| nanos as f64 / 1_000.0 / count;
        let cpu = before.pooler.zip(after.pooler);
        let scheduled = cpu.map(|(b, a)| per_transaction(a.scheduled - b.scheduled));
        let accounted = cpu.map(|(b, a)| per_transaction(a.accounted - b.accounted));
        Ok(Self {
            transactions: latencies.len(),
            tps: count / ((after.at - before.at) as f64 / 1e6),
            p50_us: percentile(&latencies, 50),
            p99_us: percentile(&latencies, 99),
            // A kernel without schedstat reports nothing; then the coarser clock stands for both.
            pooler_cpu_us: scheduled.filter(|us| *us > 0.0).or(accounted),
            pooler_times_us: accounted,
            server_cpu_us: per_transaction(after.server.saturating_sub(before.server)),
            pooler_rss_mib: resident_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20)),
        })
    }
}

/// The median of some rounds, and how far they lay apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Cpu;

    #[test]
    fn medians_and_ranks() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]).unwrap().median.to_string(), "2.5");
        assert_eq!(Spread::of([]), None);
        let sorted: Vec<u32> = (1..=200).collect();
        assert_eq!(percentile(&sorted, 50).to_string(), "100");
        assert_eq!(percentile(&sorted, 99).to_string(), "198");
        assert_eq!(percentile(&[7], 99).to_string(), "7");
    }

    #[test]
    fn a_sample_divides_by_the_transactions_of_its_window() {
        let snapshot = |at, nanos| Snapshot {
            at,
            pooler: Some(Cpu { scheduled: nanos, accounted: nanos }),
            server: nanos * 2,
        };
        let sample =
            Sample::of(&snapshot(0, 0), &snapshot(2_000_000, 2_000_000), vec![100; 200], Some(1 << 20))
                .unwrap();
        assert_eq!(sample.tps.to_string(), "100");
        assert_eq!(sample.pooler_cpu_us.unwrap().to_string(), "10");
        assert_eq!(sample.server_cpu_us.to_string(), "20");
        assert_eq!(sample.pooler_rss_mib.unwrap().to_string(), "1");
        assert!(Sample::of(&snapshot(0, 0), &snapshot(1, 1), vec![1], None).is_err());
    }
}
