use super::labels::{Counts, Labels};
use super::page::{METRICS, Page};
use super::*;
use crate::stats::Histogram;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn a_page_has_help_and_type_once_and_escapes_labels() {
    let mut page = Page::default();
    page.sample("tenantry_tenant_limited_total", &[("tenant", "a\"b\\c\nd"), ("pool", "")], 3);
    page.seconds("tenantry_tenant_queue_seconds_total", &[("tenant", "x"), ("pool", "")], 1_500_000);
    page.sample("tenantry_tenant_limited_total", &[("tenant", "x"), ("pool", "")], 4);
    assert_eq!(
        page.finish(),
        "# HELP tenantry_tenant_queue_seconds_total Time that transactions waited for a server connection.\n\
         # TYPE tenantry_tenant_queue_seconds_total counter\n\
         tenantry_tenant_queue_seconds_total{tenant=\"x\",pool=\"\"} 1.500000\n\
         # HELP tenantry_tenant_limited_total Transactions that a limit refused.\n\
         # TYPE tenantry_tenant_limited_total counter\n\
         tenantry_tenant_limited_total{tenant=\"a\\\"b\\\\c\\nd\",pool=\"\"} 3\n\
         tenantry_tenant_limited_total{tenant=\"x\",pool=\"\"} 4\n"
    );
}

#[test]
fn a_histogram_is_cumulative_and_ends_with_everything() {
    let histogram = Histogram::default();
    for ms in [1, 10, 100, 1_000_000] {
        histogram.record(Duration::from_millis(ms));
    }
    let mut page = Page::default();
    page.histogram("tenantry_pool_queue_seconds", &[("pool", "p")], &histogram.snapshot());
    let text = page.finish();
    let buckets: Vec<u64> = text
        .lines()
        .filter(|line| line.contains("_bucket"))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(buckets.is_sorted() && buckets.len() == 24, "{text}");
    assert!(text.contains("tenantry_pool_queue_seconds_bucket{pool=\"p\",le=\"0.001024\"} 1\n"), "{text}");
    assert!(text.contains("le=\"+Inf\"} 4\n") && text.contains("_sum{pool=\"p\"} 1000.111000\n"), "{text}");
}

#[test]
fn names_follow_the_conventions() {
    for metric in METRICS {
        assert_eq!(metric.kind == "counter", metric.name.ends_with("_total"), "{}", metric.name);
        assert!(metric.help.ends_with('.'), "{}", metric.name);
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Count(u64);

impl Counts for Count {
    fn add(&mut self, other: &Self) {
        self.0 += other.0;
    }
    fn since(self, earlier: &Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
    fn weight(&self) -> u64 {
        self.0
    }
}

proptest! {
    /// Whoever rises and falls: labels are bounded, every series only grows while it is there, and all of them together
    /// never tell of more than was counted.
    #[test]
    fn series_only_grow(rounds in prop::collection::vec(prop::collection::vec(0_u64..100, 6), 1..20)) {
        let mut labels: Labels<usize, Count> = Labels::default();
        let mut now: HashMap<usize, Count> = HashMap::new();
        let mut before: HashMap<usize, Count> = HashMap::new();
        let mut rest = 0;
        for round in rounds {
            for (key, more) in round.iter().enumerate() {
                now.entry(key).or_default().0 += more;
            }
            labels.update(&now, Count(0), 2);
            let shown: HashMap<usize, Count> = labels.labelled().collect();
            prop_assert!(shown.len() <= 2);
            for (key, count) in &shown {
                prop_assert!(before.get(key).is_none_or(|earlier| count.0 >= earlier.0));
            }
            prop_assert!(labels.rest().0 >= rest);
            let all: u64 = now.values().map(|count| count.0).sum();
            prop_assert!(shown.values().map(|count| count.0).sum::<u64>() + labels.rest().0 <= all);
            (before, rest) = (shown, labels.rest().0);
        }
    }
}
