//! What a read on a replica must see, how far behind a replica may be, and where reads go when none will do.

use super::isolation::patient;
use super::{Pair, REQUIRED, count, eventually, is_on_replica};
use crate::protocol::until;
use std::time::Duration;
use tenantry_core::{Epoch, Limits, TenantState};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

#[tokio::test]
async fn a_read_sees_what_its_tenant_wrote_wherever_it_is_sent() {
    let pair = Pair::start(newest(), 4, patient()).await;
    let (writer, reader) = (pair.world.connect("acme").await, pair.reader("acme").await);
    let quiet = pair.reader("globex").await;
    pair.world.change_limits(1, REQUIRED);
    pair.world.change_limits(3, REQUIRED);
    for n in 1..=30 {
        // Through a function, in a CTE, without waiting for the disk: whatever writes counts.
        let sql = match n % 3 {
            0 => "WITH new AS (INSERT INTO notes (body) VALUES ('cte') RETURNING 1) SELECT count(*) FROM new",
            1 => "INSERT INTO notes (body) VALUES ('plain')",
            _ => {
                "BEGIN; SET LOCAL synchronous_commit = off; INSERT INTO notes (body) VALUES ('later'); COMMIT"
            }
        };
        writer.batch_execute(sql).await.unwrap();
        assert_eq!(count(&reader).await, n, "{sql}");
        assert!(is_on_replica(&reader).await);
    }
    assert!(is_on_replica(&quiet).await);

    // A replica that stands still: who has written reads on the primary, who has not may stay.
    pair.pause_replay().await;
    writer.batch_execute("INSERT INTO notes (body) VALUES ('unseen')").await.unwrap();
    pair.world.change_limits(1, Limits { queue_wait_ms: 200, ..Limits::UNLIMITED });
    assert_eq!(count(&reader).await, 31);
    assert!(!is_on_replica(&reader).await);
    assert!(is_on_replica(&quiet).await, "it has written nothing since");
    pair.resume_replay().await;
    pair.world.change_limits(1, REQUIRED);
    assert_eq!(count(&reader).await, 31);
    assert!(is_on_replica(&reader).await);
    pair.close().await;
}

#[tokio::test]
async fn reads_may_be_refused_instead_of_going_to_the_primary() {
    let pair = Pair::start(newest(), 4, patient()).await;
    let (writer, reader) = (pair.world.connect("initech").await, pair.reader("initech").await);
    let required = Limits { replica_required: true, queue_wait_ms: 300, ..Limits::UNLIMITED };
    pair.world.change_limits(5, required);
    writer.batch_execute("INSERT INTO notes (body) VALUES ('one')").await.unwrap();
    pair.pause_replay().await;
    writer.batch_execute("INSERT INTO notes (body) VALUES ('two')").await.unwrap();
    let error = reader.query("SELECT body FROM notes", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "08006");
    let told = error.as_db_error().unwrap();
    assert!(told.message().contains("no replica") && told.hint().is_some(), "{told}");
    // Who waits long enough gets what it asked for.
    pair.world.change_limits(5, Limits { queue_wait_ms: 0, ..required });
    let (seen, ()) = tokio::join!(count(&reader), pair.resume_replay());
    assert_eq!(seen, 2);
    assert!(is_on_replica(&reader).await);
    pair.close().await;
}

#[tokio::test]
async fn a_replica_that_is_too_far_behind_is_not_read() {
    let config = Config { replica_wait: Duration::from_millis(20), ..Config::default() };
    let pair = Pair::start(newest(), 4, config).await;
    let reader = pair.reader("globex").await;
    pair.until_on_replica(&reader).await;
    // Nothing of this tenant's: somebody else's writes make the lag.
    pair.world.change_limits(3, Limits { replica_lag_ms: 500, ..Limits::UNLIMITED });
    pair.pause_replay().await;
    pair.world.connect("acme").await.batch_execute("INSERT INTO notes (body) VALUES ('news')").await.unwrap();
    pair.until_on_primary(&reader).await;
    // The replica is alive, and known to be behind.
    let over = |text: &str, least: u64| text.parse().is_ok_and(|number: u64| number >= least);
    eventually(async || {
        let shown = pair.servers().await;
        shown
            .iter()
            .any(|row| row["role"] == "replica" && over(&row["behind_bytes"], 1) && over(&row["lag_ms"], 500))
    })
    .await;
    pair.resume_replay().await;
    pair.until_on_replica(&reader).await;
    pair.close().await;
}

#[tokio::test]
async fn a_placement_that_changes_is_known_to_the_replica_before_it_is_read_there() {
    let pair = Pair::start(newest(), 4, patient()).await;
    pair.world.change_limits(1, REQUIRED);
    let reader = pair.reader("acme").await;
    assert!(is_on_replica(&reader).await);
    let primary = pair.primary.connect(&pair.world.pool).await.unwrap();
    let replica = pair.replica.connect(&pair.world.pool).await.unwrap();
    let raise = |epoch: i64| {
        let sql = format!("UPDATE tenancy.gate SET epoch = {epoch} WHERE tenant = 1");
        let primary = &primary;
        async move { primary.batch_execute(&sql).await.unwrap() }
    };
    // Idle connections leave the tenant on the replica too.
    pair.world.change(1, |route| route.state = TenantState::Suspended);
    until(&replica, "SELECT pg_try_advisory_lock(tenancy.fence_key(1))").await;
    let error = reader.query_one("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57P03");
    // Whoever holds its fence there keeps everybody out of it there.
    pair.world.change(1, |route| route.state = TenantState::Active);
    let error = reader.query_one("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57P03");
    replica.execute("SELECT pg_advisory_unlock_all()", &[]).await.unwrap();
    // A gateway that is behind is refused by what the replica has replayed.
    raise(2).await;
    until(&replica, "SELECT epoch = 2 FROM tenancy.gate WHERE tenant = 1").await;
    let error = reader.query_one("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57P03");
    // One that is ahead of the replica does not ask it.
    pair.pause_replay().await;
    raise(3).await;
    pair.world.change(1, |route| {
        route.placement.as_mut().unwrap().epoch = Epoch::new(3);
        route.limits = Limits { queue_wait_ms: 200, ..Limits::UNLIMITED };
    });
    assert!(!is_on_replica(&reader).await);
    pair.resume_replay().await;
    pair.until_on_replica(&reader).await;
    pair.close().await;
}
