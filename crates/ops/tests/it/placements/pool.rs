//! What is the pool's and what a tenant of a schema finds there: global rows, copies, and nothing else.

use super::{BOTH, DENIED, refusal, stage, text};
use crate::world::{CLUSTER, key};
use tenantry_core::{ContextKind, ErrorKind};
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant::DataLoss;
use tenantry_ops::{Silent, cluster, tenant};
use tenantry_testkit::versions_for_tests;

/// Countries are written once, by the operator, for the pool's tenants in shared tables and in schemas alike.
#[tokio::test]
async fn global_rows_are_the_pools() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let stage = stage(version, kind).await;
            let admin = stage.admin().await;
            let absent = "INSERT INTO lines (id, country) VALUES (1, 'DE')";
            for name in ["acme", "solo"] {
                assert_eq!(refusal(&stage.inside(name).await, absent).await, "23503", "{name}");
            }
            admin.batch_execute("INSERT INTO public.countries VALUES ('DE'), ('FR')").await.unwrap();
            for name in ["acme", "solo"] {
                let session = stage.inside(name).await;
                assert_eq!(text(&session, "SELECT count(*)::text FROM countries").await, "2", "{name}");
                assert_eq!(refusal(&session, absent).await, "accepted", "{name}");
                for attempt in [
                    "INSERT INTO countries VALUES ('XX')",
                    "UPDATE countries SET code = 'XX'",
                    "DELETE FROM public.countries",
                    "TRUNCATE public.countries",
                    "CREATE TABLE public.mine (id bigint)",
                    "CREATE VIEW countries AS SELECT 'XX' AS code",
                ] {
                    assert_eq!(refusal(&session, attempt).await, DENIED, "{name} {attempt}");
                }
            }
            let schema = stage.tenants["solo"].placement.as_ref().unwrap().schema.clone();
            let both = format!(
                "SELECT coalesce(string_agg(c.relname, ' '), '') FROM pg_class c WHERE c.relnamespace = '{schema}'::regnamespace
                   AND c.relname IN (SELECT p.relname FROM pg_class p WHERE p.relnamespace = 'public'::regnamespace
                                      AND obj_description(p.oid) ~ 'kind=(global|scoped)')"
            );
            assert_eq!(text(&admin, &both).await, "", "nothing in the schema shadows what is the pool's");
            // Whatever the schema's objects rest on in the pool is what tenants share there.
            let strays = format!(
                "SELECT coalesce(string_agg(DISTINCT d.refobjid::regclass::text, ' '), '') FROM pg_depend d
                   JOIN pg_class to_pool ON to_pool.oid = d.refobjid AND to_pool.relnamespace = 'public'::regnamespace
                  WHERE d.refclassid = 'pg_class'::regclass AND to_pool.relkind NOT IN ('i', 'I') AND coalesce(obj_description(to_pool.oid), '') !~ 'kind=(global|scoped)'
                    AND (EXISTS (SELECT FROM pg_constraint k WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
                                    AND k.connamespace = '{schema}'::regnamespace)
                      OR EXISTS (SELECT FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class WHERE d.classid = 'pg_rewrite'::regclass
                                    AND r.oid = d.objid AND v.relnamespace = '{schema}'::regnamespace)
                      OR EXISTS (SELECT FROM pg_attrdef a JOIN pg_class t ON t.oid = a.adrelid WHERE d.classid = 'pg_attrdef'::regclass
                                    AND a.oid = d.objid AND t.relnamespace = '{schema}'::regnamespace))"
            );
            assert_eq!(text(&admin, &strays).await, "");
            let held = "DELETE FROM public.countries WHERE code = 'DE'";
            assert_eq!(refusal(&admin, held).await, "23503", "the references in the schema count");
            assert_eq!(refusal(&admin, "DELETE FROM public.countries WHERE code = 'FR'").await, "accepted");
        }
    }
}

/// The path of a schema placement ends in the pool. There its tenant has no rows, and can make none, by whatever name it calls
/// a table.
#[tokio::test]
async fn a_tenant_of_a_schema_finds_nothing_in_the_pools_tenant_tables() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let stage = stage(version, kind).await;
            let admin = stage.admin().await;
            for name in ["acme", "globex", "solo"] {
                let sql = "INSERT INTO notes (body) VALUES ('own'); INSERT INTO events (at, body) VALUES (now(), 'own')";
                stage.inside(name).await.batch_execute(sql).await.unwrap();
            }
            let (solo, acme) = (stage.inside("solo").await, stage.inside("acme").await);
            let acme_id = stage.tenants["acme"].id;
            for table in ["notes", "events"] {
                assert_eq!(text(&solo, &format!("SELECT count(*)::text FROM {table}")).await, "1");
                assert_eq!(text(&solo, &format!("SELECT count(*)::text FROM public.{table}")).await, "0");
                solo.batch_execute(&format!(
                    "UPDATE public.{table} SET body = 'x'; DELETE FROM public.{table}"
                ))
                .await
                .unwrap();
                let forged = format!("INSERT INTO public.{table} (body, tenant_id) VALUES ('x', {acme_id})");
                assert_eq!(refusal(&solo, &forged).await, DENIED);
            }
            assert_eq!(text(&admin, "SELECT count(*)::text FROM public.notes WHERE body = 'own'").await, "2");

            let solo_id = stage.tenants["solo"].id;
            for astray in [
                "INSERT INTO public.notes (body) VALUES ('astray')".to_owned(),
                format!("INSERT INTO public.notes (body, tenant_id) VALUES ('astray', {solo_id})"),
                format!(
                    "INSERT INTO public.events (at, body, tenant_id) VALUES (now(), 'astray', {solo_id})"
                ),
            ] {
                assert_eq!(refusal(&solo, &astray).await, DENIED, "{version} {kind:?}: {astray}");
            }
            // What an older version of the core let in is out of its sight, and goes when it goes.
            let old = format!("INSERT INTO public.notes (body, tenant_id) VALUES ('old', {solo_id})");
            admin.batch_execute(&old).await.unwrap();
            assert_eq!(text(&solo, "SELECT count(*)::text FROM public.notes").await, "0");
            assert_eq!(text(&acme, "SELECT string_agg(body, ' ') FROM notes").await, "own");
            solo.batch_execute("DELETE FROM notes; DELETE FROM events").await.unwrap();
            drop(solo);
            let (control, options) = (&stage.world.control, FenceOptions::default());
            let careful = tenant::drop(control, &key("solo"), DataLoss::Refuse, &options, &Silent).await;
            assert_eq!(careful.unwrap_err().kind(), ErrorKind::WouldLoseData, "it is data, wherever it is");
            tenant::drop(control, &key("solo"), DataLoss::Accept, &options, &Silent).await.unwrap();
            assert_eq!(text(&admin, "SELECT string_agg(body, ' ') FROM public.notes").await, "own own");
        }
    }
}

/// A schema that was made when global tables were copied is told how to use the pool's; what is said works.
#[tokio::test]
async fn copies_of_the_pools_tables_are_found_and_can_be_given_up() {
    for version in versions_for_tests() {
        let stage = stage(version, ContextKind::Carrier).await;
        let admin = stage.admin().await;
        let schema = stage.tenants["solo"].placement.as_ref().unwrap().schema.clone();
        let old = format!(
            "CREATE TABLE {schema}.countries (code text PRIMARY KEY); INSERT INTO {schema}.countries VALUES ('DE');
             ALTER TABLE {schema}.countries OWNER TO tenantry_owner;
             ALTER TABLE {schema}.lines DROP CONSTRAINT lines_country_fkey,
               ADD CONSTRAINT lines_country_fkey FOREIGN KEY (country) REFERENCES {schema}.countries ON UPDATE CASCADE"
        );
        admin.batch_execute(&old).await.unwrap();
        let copies = async || {
            let found = cluster::check(&stage.world.control, CLUSTER).await.unwrap();
            found.into_iter().filter(|finding| finding.rule == "copy").collect::<Vec<_>>()
        };
        let found = copies().await;
        let [copy] = found.as_slice() else { panic!("{found:?}") };
        let name = schema.as_str();
        let expected =
            format!("tenant solo has {name}.countries, a copy of public.countries that nothing keeps up");
        assert_eq!(copy.message, expected);
        let (_, statements) = copy.hint.as_ref().unwrap().split_once(": ").unwrap();
        admin.batch_execute("INSERT INTO public.countries VALUES ('DE')").await.unwrap();
        admin.batch_execute(statements).await.unwrap();
        assert_eq!(copies().await, []);
        let session = stage.inside("solo").await;
        assert_eq!(text(&session, "SELECT code FROM countries").await, "DE");
        assert_eq!(refusal(&session, "INSERT INTO lines (id, country) VALUES (1, 'XX')").await, "23503");
        assert_eq!(refusal(&session, "INSERT INTO lines (id, country) VALUES (1, 'DE')").await, "accepted");
    }
}

/// Dropping a schema that refers to the pool's tables must not make their readers wait for somebody's long transaction.
#[tokio::test]
async fn dropping_a_schema_keeps_nobody_out_of_the_pools_tables() {
    for version in versions_for_tests() {
        let stage = stage(version, ContextKind::Carrier).await;
        let (holder, watcher) = (stage.inside("acme").await, stage.admin().await);
        holder.batch_execute("BEGIN; SELECT FROM countries").await.unwrap();
        let control = stage.world.control.clone();
        let drop = tokio::spawn(async move {
            tenant::drop(&control, &key("solo"), DataLoss::Accept, &FenceOptions::default(), &Silent).await
        });
        // It asks again and again, in transactions of their own, and gives up its place in the queue in between.
        let waiting = "SELECT coalesce(max(xact_start)::text, '') FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'DROP (CONSTRAINT|SCHEMA)'";
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < 3 {
            assert!(!drop.is_finished(), "it did not wait for the reader: {:?}", drop.await);
            seen.insert(text(&watcher, waiting).await);
        }
        let reader = stage.inside("globex").await;
        assert_eq!(text(&reader, "SELECT count(*)::text FROM countries").await, "0");
        holder.batch_execute("COMMIT").await.unwrap();
        drop.await.unwrap().unwrap();
        let left = "SELECT count(*)::text FROM pg_namespace WHERE nspname ~ '^t_[0-9]'";
        assert_eq!(text(&watcher, left).await, "0");
    }
}
