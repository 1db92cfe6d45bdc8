//! Partitions: the operators', made ahead, detached and archived over all pools.

use super::{BOTH, DENIED, refusal, stage, text};
use crate::world::key;
use tenantry_core::ContextKind;
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::partitions::{Direction, Selection};
use tenantry_ops::tenant::DataLoss;
use tenantry_ops::{Silent, partitions, tenant};
use tenantry_testkit::versions_for_tests;

#[tokio::test]
async fn partitions_are_the_operators() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let stage = stage(version, kind).await;
            let session = stage.inside("acme").await;
            let globex = stage.inside("globex").await;
            for one in [&session, &globex] {
                one.batch_execute("INSERT INTO events (at, body) VALUES (now(), 'x'), ('2020-05-05', 'old'); INSERT INTO notes (body) VALUES ('n')")
                    .await
                    .unwrap();
            }
            for attempt in [
                "SELECT * FROM events_default",
                "SELECT * FROM notes_default",
                "INSERT INTO notes_default (body) VALUES ('x')",
                "DELETE FROM events_default",
                "SELECT * FROM tenancy.partitioning",
                "SELECT tenancy.create_partitions()",
                "SELECT tenancy.create_due('events', now())",
                "SELECT tenancy.detach_partitions()",
                "SELECT tenancy.detach_partition('events_default')",
                "SELECT tenancy.drop_detached('events_default')",
                "SELECT tenancy.split_tenant('notes', '1')",
                "SELECT tenancy.merge_split('notes', '1')",
                "SELECT tenancy.move_rows('notes_default', 'notes_default', 'true')",
                "SELECT tenancy.list_partitions()",
                "ALTER TABLE notes DETACH PARTITION notes_default",
            ] {
                assert_eq!(refusal(&session, attempt).await, DENIED, "{version} {kind:?}: {attempt}");
            }
            assert_eq!(text(&session, "SELECT count(*)::text FROM events").await, "2");
        }
    }
}

#[tokio::test]
async fn partitions_over_the_pools() {
    for version in versions_for_tests() {
        let stage = stage(version, ContextKind::Carrier).await;
        let (control, all) = (&stage.world.control, Selection::default());
        for name in ["acme", "globex"] {
            let session = stage.inside(name).await;
            session.batch_execute("INSERT INTO events (at, body) VALUES ('2020-05-05', 'old'); INSERT INTO notes (body) VALUES ('n')").await.unwrap();
        }
        let due =
            |list: Vec<partitions::Partition>| list.into_iter().filter(|found| found.state == "due").count();
        assert_eq!(due(partitions::list(control, &all).await.unwrap()), 1, "that of the old rows");
        let made = partitions::create(control, &all).await.unwrap();
        assert_eq!(
            made.iter().map(|done| done.partition.clone().unwrap()).collect::<Vec<_>>(),
            ["public.events_p20200501"]
        );
        assert_eq!(due(partitions::list(control, &all).await.unwrap()), 0);
        assert!(partitions::create(control, &all).await.unwrap().is_empty());
        let detached = partitions::detach(control, &all).await.unwrap();
        assert_eq!(detached.len(), 1, "{detached:?}");

        let acme = key("acme");
        let give = || partitions::move_tenant(control, "notes", &acme, Direction::Give);
        assert!(give().await.is_err(), "it is active");
        tenant::suspend(control, &key("acme"), &FenceOptions::default(), &Silent).await.unwrap();
        give().await.unwrap();
        give().await.unwrap();
        let own = format!("SELECT count(*)::text FROM public.notes_t{}", stage.tenants["acme"].id);
        assert_eq!(text(&stage.admin().await, &own).await, "1");
        partitions::move_tenant(control, "notes", &key("acme"), Direction::Take).await.unwrap();
        tenant::resume(control, &key("acme"), &Silent).await.unwrap();
        assert_eq!(text(&stage.admin().await, "SELECT count(*)::text FROM public.notes_default").await, "2");

        // An erased tenant leaves nothing in partitions that were detached either.
        tenant::drop(control, &key("acme"), DataLoss::Accept, &FenceOptions::default(), &Silent)
            .await
            .unwrap();
        let left = "SELECT string_agg(tenant_id::text, ',') FROM public.events_p20200501";
        assert_eq!(text(&stage.admin().await, left).await, stage.tenants["globex"].id.to_string());
        let dropped =
            partitions::drop_detached(control, &all, &["events_p20200501".to_owned()]).await.unwrap();
        assert_eq!(dropped[0].outcome, "dropped");
        assert!(partitions::drop_detached(control, &all, &["events_default".to_owned()]).await.is_err());
    }
}
