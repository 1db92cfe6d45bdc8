use super::*;
use std::net::Ipv4Addr;

fn source(last: u8) -> Source {
    Source::of(Some(Ipv4Addr::new(192, 0, 2, last).into()))
}

fn door(address: u32, login: u32) -> Arc<Door> {
    Door::new(LoginLimits {
        max_unauthenticated: 4,
        failures_per_address: address,
        failures_per_login: login,
        failure_interval: Duration::from_hours(1),
    })
}

#[tokio::test]
async fn an_address_that_fails_too_often_is_refused_and_others_are_not() {
    let door = door(2, 100);
    let guest = door.enter(source(1)).unwrap();
    for _ in 0..2 {
        assert!(guest.begin("app").await.unwrap().failed());
    }
    let error = guest.begin("app").await.unwrap_err();
    assert_eq!(error.sqlstate, "53400");
    door.enter(source(2)).unwrap().begin("app").await.unwrap().succeeded();
}

#[tokio::test]
async fn who_has_logged_in_before_is_not_kept_out_by_others() {
    let door = door(1, 1);
    let guest = door.enter(source(1)).unwrap();
    guest.begin("app").await.unwrap().succeeded();
    assert!(guest.begin("other").await.unwrap().failed());
    assert!(guest.begin("other").await.is_err());
    guest.begin("app").await.unwrap().succeeded();
}

#[tokio::test]
async fn as_many_tries_run_at_once_as_may_fail() {
    let door = door(1, 100);
    let guest = door.enter(source(1)).unwrap();
    let first = guest.begin("app").await.unwrap();
    let mut second = Box::pin(guest.begin("app"));
    let waits = std::future::poll_fn(|cx| std::task::Poll::Ready(second.as_mut().poll(cx).is_pending()));
    assert!(waits.await, "the second try waits for the first");
    assert!(first.failed());
    assert!(second.await.is_err(), "nothing is left to fail");
}

#[tokio::test]
async fn who_leaves_without_a_proof_has_not_guessed() {
    let door = door(1, 1);
    let guest = door.enter(source(1)).unwrap();
    for _ in 0..5 {
        drop(guest.begin("app").await.unwrap());
    }
    guest.begin("app").await.unwrap().succeeded();
}

#[tokio::test]
async fn guests_are_bounded_in_all_and_by_address() {
    let door = door(1, 1);
    let first = [door.enter(source(1)).unwrap(), door.enter(source(1)).unwrap()];
    assert_eq!(door.enter(source(1)).unwrap_err().sqlstate, "53300");
    let second = [door.enter(source(2)).unwrap(), door.enter(source(3)).unwrap()];
    assert!(door.enter(source(4)).is_err());
    drop((first, second));
    assert!(door.state.lock().sources.is_empty());
    door.enter(source(4)).unwrap();
}

#[test]
fn ipv6_counts_by_what_a_subscriber_has() {
    let of = |text: &str| Source::of(Some(text.parse().unwrap()));
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    assert_eq!(of("::ffff:192.0.2.1"), source(1));
}

#[test]
fn buckets_are_bounded_and_fill_again() {
    let mut buckets = Buckets::new(2, Duration::from_secs(1), 8);
    let now = Instant::now();
    for key in 0..100 {
        buckets.take(key, now);
        assert!(buckets.len() <= 8);
    }
    let mut buckets = Buckets::new(2, Duration::from_secs(1), 8);
    assert!(buckets.take(1, now) && buckets.take(1, now) && !buckets.take(1, now));
    assert_eq!(buckets.level(&1, now + Duration::from_secs(1)), 1);
    assert_eq!(buckets.level(&1, now + Duration::from_secs(9)), 2);
}
