//! Making tenants in every model: from nothing, twice, in the wrong way, and killed anywhere.

use crate::world::{CLUSTER, Recorder, World, key, request};
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use tenantry_catalog::{AuditFilter, CatalogError};
use tenantry_core::{Domain, ErrorKind, TenancyModel, TenantState};
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant::{self, CreateTenant, DataLoss, TenantInfo};
use tenantry_ops::{OpsError, Silent, cluster};
use tenantry_testkit::versions_for_tests;

/// The tenant's own work: the same statements in every model.
async fn works(world: &World, tenant: &TenantInfo) {
    let client = world.enter(tenant).await.unwrap();
    let sql = "INSERT INTO members (email, name, country) VALUES ('ada@example.com', 'Ada', 'AU')
               ON CONFLICT DO NOTHING; INSERT INTO labels (name) VALUES ('urgent')";
    // Global tables are the operator's, once in every database.
    let admin = world.admin(&tenant.placement.as_ref().unwrap().database).await;
    let countries = "INSERT INTO public.countries VALUES ('AU', 'Australia') ON CONFLICT DO NOTHING";
    admin.batch_execute(countries).await.unwrap();
    client.batch_execute(sql).await.unwrap();
    let row = client.query_one("SELECT count(*) FROM members", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1, "{}", tenant.key);
}

#[tokio::test]
async fn each_model_works_and_again_finds_it_done() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        for model in TenancyModel::ALL {
            let request = CreateTenant {
                domains: vec![Domain::new(format!("{model}.example.com")).unwrap()],
                ..request(&format!("first-{model}"), model)
            };
            let made = tenant::create(&world.control, &request, &Silent).await.unwrap();
            assert_eq!(made.state, TenantState::Active);
            let placement = made.placement.as_ref().unwrap();
            assert_eq!((placement.model, placement.cluster.as_str()), (model, CLUSTER));
            works(&world, &made).await;
            let recorder = Recorder::default();
            let again = tenant::create(&world.control, &request, &recorder).await.unwrap();
            assert_eq!(again, made);
            assert!(recorder.lines().iter().all(|line| line.starts_with("found")), "{:?}", recorder.lines());
        }
        assert_eq!(tenant::list(&world.control).await.unwrap().len(), 3);
        let findings = cluster::check(&world.control, CLUSTER).await.unwrap();
        let bad: Vec<_> = findings.iter().filter(|finding| finding.rule != "connect").collect();
        assert!(bad.is_empty(), "{bad:?}");
    }
}

/// What tenants who share a database must not do, a tenant with one of its own may.
#[tokio::test]
async fn a_database_of_ones_own_is_used_as_any_other() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        for model in TenancyModel::ALL {
            let made = tenant::create(&world.control, &request(&format!("own-{model}"), model), &Silent)
                .await
                .unwrap();
            let client = world.enter(&made).await.unwrap();
            for sql in [
                "DO $$ BEGIN PERFORM count(*) FROM members; END $$",
                "CREATE TEMP TABLE mine (id int)",
                "SELECT pg_notify('news', 'x')",
            ] {
                let code = client.batch_execute(sql).await.err().map(|e| e.code().unwrap().code().to_owned());
                let shared = model != TenancyModel::Database;
                assert_eq!(code.as_deref(), shared.then_some("42501"), "{sql} in {model} on {version}");
            }
        }
    }
}

/// One that was made before tenants were given that gets it with the next `cluster add`, once.
#[tokio::test]
async fn an_older_database_of_ones_own_is_opened_to_its_tenant() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let made = tenant::create(&world.control, &request("initech", TenancyModel::Database), &Silent)
            .await
            .unwrap();
        let shared =
            tenant::create(&world.control, &request("acme", TenancyModel::Shared), &Silent).await.unwrap();
        let (name, login) = (&made.placement.as_ref().unwrap().database, format!("tenantry_t{}", made.id));
        let taken = format!(
            "REVOKE TEMP ON DATABASE {name} FROM {login};
             REVOKE USAGE ON LANGUAGE plpgsql, sql FROM {login};
             REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM {login}"
        );
        world.admin(name).await.batch_execute(&taken).await.unwrap();
        let used = [
            "DO $$ BEGIN PERFORM count(*) FROM members; END $$",
            "CREATE TEMP TABLE mine (id int)",
            "SELECT pg_notify('news', 'x')",
        ];
        let codes = async |tenant| {
            let client = world.enter(tenant).await.unwrap();
            let mut codes = Vec::new();
            for sql in used {
                let failed = client.batch_execute(sql).await.err();
                codes.push(failed.map(|error| error.code().unwrap().code().to_owned()));
            }
            codes
        };
        let refused = vec![Some("42501".to_owned()); 3];
        assert_eq!(codes(&made).await, refused, "{version}");
        for opened in [1, 0] {
            let recorder = Recorder::default();
            cluster::add(&world.control, &world.add_cluster(), &recorder).await.unwrap();
            let lines = recorder.lines();
            assert_eq!(lines.iter().filter(|line| *line == "did open-database").count(), opened, "{lines:?}");
            assert_eq!(codes(&made).await, [const { None }; 3], "{version}");
            assert_eq!(codes(&shared).await, refused, "{version}: pools stay as they are");
        }
    }
}

#[tokio::test]
async fn two_tenants_of_a_model_do_not_see_each_other() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        for model in TenancyModel::ALL {
            for name in ["acme", "globex"] {
                let made =
                    tenant::create(&world.control, &request(&format!("{name}-{model}"), model), &Silent)
                        .await
                        .unwrap();
                // The same unique values in both.
                works(&world, &made).await;
            }
        }
        // In the schema model the neighbour's tables have names, and nothing else.
        let acme = tenant::show(&world.control, &key("acme-schema")).await.unwrap();
        let globex = tenant::show(&world.control, &key("globex-schema")).await.unwrap();
        let client = world.enter(&acme).await.unwrap();
        let theirs = &globex.placement.unwrap().schema;
        let row = client.query_one(&format!("SELECT count(*) FROM {theirs}.members"), &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0);
        let write = format!("INSERT INTO {theirs}.labels (name) VALUES ('x')");
        assert!(client.batch_execute(&write).await.is_err());
    }
}

#[tokio::test]
async fn stopped_before_any_step_it_finishes_when_run_again() {
    for version in versions_for_tests() {
        for model in TenancyModel::ALL {
            let world = World::new(version).await;
            let mut stops = 0;
            loop {
                let request = request(&format!("t{stops}"), model);
                let stopped =
                    tenant::create(&world.control, &request, &Recorder::stopping_before(stops)).await;
                let Err(error) = stopped else { break };
                assert!(matches!(error, OpsError::Stopped(_)), "{error}");
                let recorder = Recorder::default();
                let made = tenant::create(&world.control, &request, &recorder).await.unwrap();
                let found = recorder.lines().iter().filter(|line| line.starts_with("found")).count();
                assert!(found >= stops, "{model} stopped before {stops}: {:?}", recorder.lines());
                works(&world, &made).await;
                stops += 1;
            }
            assert!(stops >= 3, "{model}: {stops} steps");
            no_problems(&world).await;
        }
    }
}

/// Dropped at each of its waits, wherever they are: the connections break, and the server may still be at work.
#[tokio::test]
async fn killed_at_any_wait_it_finishes_when_run_again() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        for model in TenancyModel::ALL {
            for waits in (0..).step_by(23) {
                let request = request(&format!("{model}-{waits}"), model);
                let finished =
                    killed_after(waits, Box::pin(tenant::create(&world.control, &request, &Silent))).await;
                let made = tenant::create(&world.control, &request, &Silent).await.unwrap();
                assert_eq!(made.state, TenantState::Active);
                if waits % 46 == 0 {
                    works(&world, &made).await;
                }
                if finished {
                    break;
                }
                let fence = FenceOptions::default();
                let dropping =
                    || tenant::drop(&world.control, &request.key, DataLoss::Accept, &fence, &Silent);
                killed_after(waits, Box::pin(dropping())).await;
                match dropping().await {
                    Ok(()) | Err(OpsError::Catalog(CatalogError::Unknown { .. })) => {}
                    Err(error) => panic!("{model} {waits}: {error}"),
                }
            }
        }
        no_problems(&world).await;
    }
}

/// Polls an operation so many times, then drops it. Says whether it had ended before.
async fn killed_after<T>(waits: usize, mut operation: Pin<Box<impl Future<Output = T>>>) -> bool {
    let mut polls = 0;
    std::future::poll_fn(move |cx| {
        if operation.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        polls += 1;
        if polls > waits { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

async fn no_problems(world: &World) {
    let findings = cluster::check(&world.control, CLUSTER).await.unwrap();
    let bad: Vec<_> = findings.iter().filter(|finding| finding.rule != "connect").collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[tokio::test]
async fn the_same_key_with_other_arguments_is_a_conflict() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let first = request("acme", TenancyModel::Shared);
        tenant::create(&world.control, &first, &Silent).await.unwrap();
        for other in [
            request("acme", TenancyModel::Schema),
            CreateTenant { name: Some("Acme Inc.".into()), ..first.clone() },
            CreateTenant { domains: vec![Domain::new("a.example.com").unwrap()], ..first.clone() },
            CreateTenant { pool: Some("elsewhere".into()), ..first.clone() },
        ] {
            let error = tenant::create(&world.control, &other, &Silent).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert!(error.hint().is_some(), "{error}");
        }
        for wrong in [
            CreateTenant { cluster: Some("elsewhere".into()), ..request("other", TenancyModel::Shared) },
            CreateTenant { pool: Some("elsewhere".into()), ..request("other", TenancyModel::Shared) },
            CreateTenant { pool: Some("elsewhere".into()), ..request("other", TenancyModel::Database) },
            CreateTenant { plan: Some("elsewhere".into()), ..request("other", TenancyModel::Shared) },
        ] {
            let error = tenant::create(&world.control, &wrong, &Silent).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        let error = tenant::show(&world.control, &key("other")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownTenant, "nothing is left of a refused request: {error}");
    }
}

#[tokio::test]
async fn without_a_schema_or_a_cluster_it_says_what_to_do() {
    let world = World::empty(versions_for_tests()[0]).await;
    let create = request("acme", TenancyModel::Shared);
    let error = tenant::create(&world.control, &create, &Silent).await.unwrap_err();
    assert!(error.hint().unwrap().contains("schema"), "{error}");
    cluster::add(&world.control, &world.add_cluster(), &Silent).await.unwrap();
    let recorder = Recorder::default();
    cluster::add(&world.control, &world.add_cluster(), &recorder).await.unwrap();
    assert!(recorder.lines().iter().all(|line| line.starts_with("found")), "{:?}", recorder.lines());
}

#[tokio::test]
async fn the_database_of_somebody_else_is_left_alone() {
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let make = request("acme", TenancyModel::Database);
        let stopped = tenant::create(&world.control, &make, &Recorder::stopping_before(1)).await.unwrap_err();
        assert!(matches!(stopped, OpsError::Stopped(_)), "{stopped}");
        let name = tenant::show(&world.control, &make.key).await.unwrap().placement.unwrap().database;
        world.admin("postgres").await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        world.admin(&name).await.batch_execute("CREATE TABLE public.theirs ()").await.unwrap();
        let error = tenant::create(&world.control, &make, &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        world.admin("postgres").await.batch_execute(&format!("DROP DATABASE {name}")).await.unwrap();
        tenant::create(&world.control, &make, &Silent).await.unwrap();
        // The same server under another master key.
        let mut other = World { control: world.control.clone(), ..World::empty(version).await };
        other.control.master_key = tenantry_core::MasterKey::generate();
        let error = cluster::add(&other.control, &world.add_cluster(), &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
}

#[tokio::test]
async fn every_change_is_in_the_audit_trail() {
    let world = World::new(versions_for_tests()[0]).await;
    let made = tenant::create(&world.control, &request("acme", TenancyModel::Shared), &Silent).await.unwrap();
    let tx = world.control.catalog.snapshot().await.unwrap();
    let filter = AuditFilter { tenant: Some(made.id), ..AuditFilter::default() };
    let records = tx.audit_records(&filter, 10).await.unwrap();
    let actions: Vec<&str> = records.iter().rev().map(|record| record.entry.action.as_str()).collect();
    assert_eq!(actions, ["tenant.create", "tenant.activate"]);
    assert!(records.iter().all(|record| record.entry.actor == "test"));
}
