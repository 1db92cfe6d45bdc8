use super::*;
use proptest::prelude::*;

#[test]
fn every_duration_is_below_its_buckets_limit_and_not_below_the_one_before() {
    let mut before = None;
    for index in 0..BUCKETS {
        let limit = bucket_limit(index);
        assert!(index == BUCKETS - 1 || limit > before, "{index}");
        before = limit.or(before);
    }
    for us in (0..200_000).chain([1 << 25, (1 << 26) - 1, 1 << 26, u64::MAX]) {
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(us));
        let at = histogram.snapshot().buckets.iter().position(|count| *count == 1).unwrap();
        assert!(bucket_limit(at).is_none_or(|limit| us < limit), "{us} in {at}");
        assert!(at == 0 || bucket_limit(at - 1).is_some_and(|limit| us >= limit), "{us} in {at}");
    }
}

#[test]
fn percentiles_are_at_most_a_quarter_too_high() {
    let histogram = Histogram::default();
    (1..=1_000).for_each(|ms| histogram.record(Duration::from_millis(ms)));
    let snapshot = histogram.snapshot();
    for (percent, exact) in [(50, 500_000), (99, 990_000)] {
        let said = snapshot.percentile(percent);
        assert!((exact..=exact * 5 / 4).contains(&said), "p{percent} is {said}");
    }
    assert_eq!(Snapshot::default().percentile(99), 0);
}

#[test]
fn an_unknown_class_is_other() {
    let stats = TenantStats::default();
    for sqlstate in [&b"23505"[..], b"ZZ999", b"", b"2"] {
        stats.error(sqlstate);
    }
    let totals = Totals::of(&stats);
    assert_eq!((totals.errors[4], totals.errors[CLASSES.len() - 1]), (1, 3));
    assert_eq!(CLASSES[4], "23");
}

proptest! {
    /// However many tenants come, what is kept is bounded and nothing that was counted is lost.
    #[test]
    fn forgetting_tenants_loses_no_count(visits in prop::collection::vec(0_i64..40, 1..200)) {
        let stats = WorkerStats::new(8);
        for tenant in &visits {
            stats.tenant(TenantId::new(*tenant)).transactions.add(1);
        }
        let (live, mut sum) = stats.tenants();
        prop_assert!(live.len() <= 8);
        for (_, totals) in &live {
            sum.add(totals);
        }
        prop_assert_eq!(sum.transactions, u64::try_from(visits.len()).unwrap());
    }
}
