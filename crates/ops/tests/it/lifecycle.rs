//! Suspend, resume and drop: effective at once on open connections, and finished whatever was killed.

use crate::world::{CLUSTER, Recorder, World, key, request};
use std::time::{Duration, Instant};
use tenantry_core::{Epoch, ErrorKind, TenancyModel, TenantState};
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant::{self, DataLoss};
use tenantry_ops::{OpsError, Silent, cluster};
use tenantry_testkit::versions_for_tests;

const QUICK: FenceOptions =
    FenceOptions { grace: Duration::from_millis(100), deadline: Duration::from_secs(10) };

#[tokio::test]
async fn a_suspension_reaches_open_connections() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        for model in TenancyModel::ALL {
            let name = format!("s-{model}");
            let made = tenant::create(&world.control, &request(&name, model), &Silent).await.unwrap();
            let inside = world.enter(&made).await.unwrap();
            inside.batch_execute("BEGIN; SELECT count(*) FROM members").await.unwrap();
            let suspended = tenant::suspend(&world.control, &key(&name), &QUICK, &Silent).await.unwrap();
            assert_eq!(suspended.state, TenantState::Suspended);
            // It did not leave in time.
            assert!(inside.batch_execute("SELECT 1").await.is_err(), "{model}");
            assert!(suspended.placement.as_ref().unwrap().epoch > made.placement.as_ref().unwrap().epoch);
            for tenant in [&made, &suspended] {
                assert_eq!(world.enter(tenant).await.err().as_deref(), Some("suspended"), "{model}");
            }
            let resumed = tenant::resume(&world.control, &key(&name), &Silent).await.unwrap();
            assert_eq!(world.enter(&made).await.err().as_deref(), Some("stale"), "{model}: an old gateway");
            let inside = world.enter(&resumed).await.unwrap();
            inside.batch_execute("SELECT count(*) FROM members").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_short_transaction_is_waited_for() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let made =
            tenant::create(&world.control, &request("acme", TenancyModel::Shared), &Silent).await.unwrap();
        let inside = world.enter(&made).await.unwrap();
        inside.batch_execute("BEGIN; INSERT INTO labels (name) VALUES ('kept')").await.unwrap();
        let patient = FenceOptions { grace: Duration::from_secs(20), deadline: Duration::from_secs(30) };
        let (control, begun) = (world.control.clone(), Instant::now());
        let suspending =
            tokio::spawn(async move { tenant::suspend(&control, &key("acme"), &patient, &Silent).await });
        // Wait until it waits for us.
        let pool = world.admin(world.pool.as_str()).await;
        let waiting = "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while !pool.query_one(waiting, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::task::yield_now().await;
        }
        // Newcomers are turned away while it waits, and do not delay it.
        assert_eq!(world.enter(&made).await.err().as_deref(), Some("fenced"));
        // The end of the transaction, and the gateway's handover.
        inside.batch_execute("COMMIT").await.unwrap();
        inside.batch_execute("RESET ALL").await.unwrap();
        inside.batch_execute("SELECT tenancy.challenge()").await.unwrap();
        suspending.await.unwrap().unwrap();
        assert!(begun.elapsed() < patient.grace, "it was not terminated");
        assert_eq!(world.enter_again(&inside, &made, Epoch::FIRST).await, "suspended");
        let kept = pool.query_one("SELECT count(*) FROM public.labels", &[]).await.unwrap();
        assert_eq!(kept.get::<_, i64>(0), 1);
    }
}

#[tokio::test]
async fn twice_is_as_once() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        tenant::create(&world.control, &request("acme", TenancyModel::Schema), &Silent).await.unwrap();
        let acme = key("acme");
        let first = tenant::suspend(&world.control, &acme, &QUICK, &Silent).await.unwrap();
        let recorder = Recorder::default();
        let second = tenant::suspend(&world.control, &acme, &QUICK, &recorder).await.unwrap();
        assert_eq!(first, second);
        assert!(recorder.lines().iter().all(|line| line.starts_with("found")), "{:?}", recorder.lines());
        let first = tenant::resume(&world.control, &acme, &Silent).await.unwrap();
        let recorder = Recorder::default();
        let second = tenant::resume(&world.control, &acme, &recorder).await.unwrap();
        assert_eq!(first, second);
        assert!(recorder.lines().iter().all(|line| line.starts_with("found")), "{:?}", recorder.lines());
        tenant::drop(&world.control, &acme, DataLoss::Refuse, &QUICK, &Silent).await.unwrap();
        let error = tenant::drop(&world.control, &acme, DataLoss::Refuse, &QUICK, &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownTenant, "{error}");
    }
}

/// Each of suspend and resume stopped before each step, then finished by itself or undone by the other.
#[tokio::test]
async fn stopped_anywhere_either_direction_finishes() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        tenant::create(&world.control, &request("acme", TenancyModel::Shared), &Silent).await.unwrap();
        let acme = key("acme");
        for stop in 0..4 {
            for suspend_first in [true, false] {
                for finish_by_suspend in [true, false] {
                    if suspend_first {
                        tenant::resume(&world.control, &acme, &Silent).await.unwrap();
                        let _stopped =
                            tenant::suspend(&world.control, &acme, &QUICK, &Recorder::stopping_before(stop))
                                .await;
                    } else {
                        tenant::suspend(&world.control, &acme, &QUICK, &Silent).await.unwrap();
                        let _stopped =
                            tenant::resume(&world.control, &acme, &Recorder::stopping_before(stop)).await;
                    }
                    let label = format!(
                        "stop {stop}, suspend first {suspend_first}, finish by suspend {finish_by_suspend}"
                    );
                    if finish_by_suspend {
                        let info = tenant::suspend(&world.control, &acme, &QUICK, &Silent).await.unwrap();
                        assert_eq!(world.enter(&info).await.err().as_deref(), Some("suspended"), "{label}");
                    } else {
                        let info = tenant::resume(&world.control, &acme, &Silent).await.unwrap();
                        assert!(world.enter(&info).await.is_ok(), "{label}");
                    }
                    let findings = cluster::check(&world.control, CLUSTER).await.unwrap();
                    assert!(
                        findings.iter().all(|finding| finding.rule == "connect"),
                        "{label}: {findings:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_tenant_with_data_is_dropped_only_when_told_so() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let keeper =
            tenant::create(&world.control, &request("keeper", TenancyModel::Shared), &Silent).await.unwrap();
        world
            .enter(&keeper)
            .await
            .unwrap()
            .batch_execute("INSERT INTO labels (name) VALUES ('mine')")
            .await
            .unwrap();
        for model in TenancyModel::ALL {
            let name = format!("d-{model}");
            let made = tenant::create(&world.control, &request(&name, model), &Silent).await.unwrap();
            let inside = world.enter(&made).await.unwrap();
            inside.batch_execute("INSERT INTO labels (name) VALUES ('mine')").await.unwrap();
            let error = tenant::drop(&world.control, &key(&name), DataLoss::Refuse, &QUICK, &Silent)
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldLoseData, "{error}");
            inside.batch_execute("SELECT count(*) FROM labels").await.unwrap();
            tenant::drop(&world.control, &key(&name), DataLoss::Accept, &QUICK, &Silent).await.unwrap();
            assert!(world.enter(&made).await.is_err());
            let (database, role) = (format!("tenant_{}", made.id), format!("tenantry_t{}", made.id));
            assert_eq!(world.has(&database, &role).await, (false, false), "{model}");
            let pool = world.admin(world.pool.as_str()).await;
            let sql = "SELECT (SELECT count(*) FROM public.labels), (SELECT count(*) FROM tenancy.gate),
                              (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 't\\_%')";
            let row = pool.query_one(sql, &[]).await.unwrap();
            let left: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
            assert_eq!(left, [1, 1, 0], "{model}: the other tenant's rows and gate");
            let error = tenant::show(&world.control, &key(&name)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownTenant);
        }
    }
}

#[tokio::test]
async fn a_drop_stopped_anywhere_is_finished() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        for model in TenancyModel::ALL {
            for stop in 0.. {
                let name = format!("x{stop}-{model}");
                let made = tenant::create(&world.control, &request(&name, model), &Silent).await.unwrap();
                let dropping = tenant::drop(
                    &world.control,
                    &key(&name),
                    DataLoss::Accept,
                    &QUICK,
                    &Recorder::stopping_before(stop),
                )
                .await;
                if dropping.is_ok() {
                    break;
                }
                assert!(matches!(dropping, Err(OpsError::Stopped(_))), "{dropping:?}");
                if stop > 0 {
                    // Half dropped: it can't be made or resumed, only finished.
                    let create = tenant::create(&world.control, &request(&name, model), &Silent).await;
                    assert_eq!(create.unwrap_err().kind(), ErrorKind::Conflict);
                    let resume = tenant::resume(&world.control, &key(&name), &Silent).await;
                    assert_eq!(resume.unwrap_err().kind(), ErrorKind::Conflict);
                }
                tenant::drop(&world.control, &key(&name), DataLoss::Accept, &QUICK, &Silent).await.unwrap();
                let (database, role) = (format!("tenant_{}", made.id), format!("tenantry_t{}", made.id));
                assert_eq!(world.has(&database, &role).await, (false, false), "{name}");
            }
        }
        let findings = cluster::check(&world.control, CLUSTER).await.unwrap();
        assert!(findings.iter().all(|finding| finding.rule == "connect"), "{findings:?}");
    }
}

/// What was never finished can be dropped as well.
#[tokio::test]
async fn a_half_made_tenant_can_be_dropped() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        for model in TenancyModel::ALL {
            for stop in 1.. {
                let name = format!("h{stop}-{model}");
                let made =
                    tenant::create(&world.control, &request(&name, model), &Recorder::stopping_before(stop))
                        .await;
                let finished = made.is_ok();
                tenant::drop(&world.control, &key(&name), DataLoss::Refuse, &QUICK, &Silent).await.unwrap();
                if finished {
                    break;
                }
            }
        }
        assert_eq!(tenant::list(&world.control).await.unwrap(), []);
    }
}
