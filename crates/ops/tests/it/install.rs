//! Installing the core: twice, by several at once, over another, and as an administrator who is no superuser.

use crate::support::{BOTH, Data, core};
use tenantry_core::{ContextKind, ErrorKind};
use tenantry_ops::isolation::{self, Installed};
use tenantry_testkit::{fresh_database, shared, versions_for_tests};

#[tokio::test]
async fn again_finds_it_done_and_makes_it_whole() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let mut data = Data::new(version, kind, "again").await;
            data.admin
                .batch_execute(
                    "GRANT EXECUTE ON FUNCTION pg_cancel_backend(int) TO PUBLIC; DROP FUNCTION tenancy.challenge()",
                )
                .await
                .unwrap();
            let core = core(&data.name, kind);
            assert_eq!(isolation::install(&mut data.admin, &core).await.unwrap(), Installed::Again);
            let open = data.admin.query("SELECT * FROM tenancy.surface()", &[]).await.unwrap();
            assert!(open.is_empty(), "{}: {open:?}", data.label());
            let session = data.inside(crate::support::ACME).await;
            assert_eq!(session.sees().await, "7");
            assert_eq!(
                session.one("SELECT tenancy.version()").await.unwrap().as_deref(),
                Some(isolation::VERSION.to_string().as_str())
            );
        }
    }
}

/// What version 4 added is there after an upgrade, and works: a core of version 3 may lack it.
#[tokio::test]
async fn what_came_with_version_4_comes_with_an_upgrade() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let mut data = Data::new(version, kind, "three").await;
            let old = "DROP FUNCTION tenancy.session_state(text[]); DROP FUNCTION tenancy.rechallenge();
                 DROP PROCEDURE tenancy.begin_copy(regclass, text[]);
                 UPDATE tenancy.core SET version = 3";
            data.admin.batch_execute(old).await.unwrap();
            let core = core(&data.name, kind);
            let done = isolation::install(&mut data.admin, &core).await.unwrap();
            assert_eq!(done, Installed::UpgradedFrom(3), "{}", data.label());
            let session = data.inside(crate::support::ACME).await;
            let state = "SELECT count(*) FROM tenancy.session_state('{}') WHERE kind = 'context'";
            assert_eq!(session.one(state).await.unwrap().as_deref(), Some("1"), "{}", data.label());
            let copy = "BEGIN; CALL tenancy.begin_copy('public.notes', ARRAY['id']); \
                        INSERT INTO pg_temp.tenantry_copy VALUES (1); ROLLBACK";
            session.client.batch_execute(copy).await.unwrap();
        }
    }
}

/// Version 2 knew one function for both kinds of floors.
#[tokio::test]
async fn floors_of_an_older_version_are_renewed() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let data = Data::new(version, kind, "older").await;
            let who = match kind {
                ContextKind::Carrier => "tenancy.tenant_id()",
                ContextKind::Signed => "(SELECT tenancy.tenant_id())",
            };
            let floor = |table: &str, column: &str| {
                format!(
                    "DROP POLICY floor ON public.{table};
                     CREATE POLICY tenantry_floor ON public.{table} AS RESTRICTIVE USING ({column} = {who}) WITH CHECK ({column} = {who});"
                )
            };
            let old = format!(
                "{}{}ALTER TABLE public.events_0 RENAME TO \"Events = 0\";
                 ALTER TABLE public.notes RENAME tenant_id TO \"Tenant = x\"; DROP FUNCTION tenancy.shared_tenant_id();
                 {} UPDATE tenancy.core SET version = 2;
                 CREATE TABLE public.elsewhere (id bigint); CREATE POLICY tenantry_floor ON public.elsewhere AS RESTRICTIVE USING (true);
                 UPDATE tenancy.gate SET placement = '{{\"model\": \"schema\"}}' WHERE tenant = 8",
                floor("events", "tenant_id"),
                floor("events_0", "tenant_id"),
                floor("notes", "\"Tenant = x\""),
            );
            data.admin.batch_execute(&old).await.unwrap();
            let core = core(&data.name, kind);
            // Somebody reads one of the tables for a while; the floors wait for that, and the others' don't.
            let mut reader = data.postgres.connect(&data.name).await.unwrap();
            let reading = reader.transaction().await.unwrap();
            reading.batch_execute("SELECT FROM public.notes").await.unwrap();
            let mut admin = data.postgres.connect(&data.name).await.unwrap();
            let install = tokio::spawn(async move { isolation::install(&mut admin, &core).await });
            let once = "( SELECT tenancy.shared_tenant_id() AS shared_tenant_id)";
            let seen = match kind {
                ContextKind::Carrier => "tenancy.shared_tenant_id()",
                ContextKind::Signed => once,
            };
            let floors = format!(
                "SELECT count(*) FROM pg_policies WHERE policyname = 'tenantry_floor'
                 AND strpos(with_check, '{once}') > 0 AND replace(with_check, '{once}', '{seen}') = qual"
            );
            let renewed = async || data.admin.query_one(&floors, &[]).await.unwrap().get::<_, i64>(0);
            while renewed().await < 2 {
                assert!(!install.is_finished());
            }
            reading.commit().await.unwrap();
            assert_eq!(install.await.unwrap().unwrap(), Installed::UpgradedFrom(2));
            assert_eq!(renewed().await, 3);
            let session = data.inside(crate::support::ACME).await;
            assert_eq!(session.sees().await, "7");
            let session = data.inside(crate::support::GLOBEX).await;
            assert_eq!(session.sees().await, "", "{}: it has a schema of its own", data.label());
        }
    }
}

/// Up to version 7 a carrier was read for each row that was written.
#[tokio::test]
async fn floors_that_were_asked_for_each_row_are_renewed() {
    for version in versions_for_tests() {
        let mut data = Data::new(version, ContextKind::Carrier, "each").await;
        let old = "CREATE POLICY tenantry_floor ON public.notes AS RESTRICTIVE
                     USING (tenant_id = tenancy.shared_tenant_id()) WITH CHECK (tenant_id = tenancy.shared_tenant_id());
                   UPDATE tenancy.core SET version = 7";
        data.admin.batch_execute(old).await.unwrap();
        let core = core(&data.name, ContextKind::Carrier);
        assert_eq!(isolation::install(&mut data.admin, &core).await.unwrap(), Installed::UpgradedFrom(7));
        let floor = "SELECT qual, with_check FROM pg_policies WHERE policyname = 'tenantry_floor'";
        let row = data.admin.query_one(floor, &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "(tenant_id = tenancy.shared_tenant_id())");
        let once = "(tenant_id = ( SELECT tenancy.shared_tenant_id() AS shared_tenant_id))";
        assert_eq!(row.get::<_, &str>(1), once);
        // A renewed floor is current.
        assert_eq!(isolation::install(&mut data.admin, &core).await.unwrap(), Installed::Again);
        let session = data.inside(crate::support::ACME).await;
        assert_eq!(session.sees().await, "7");
    }
}

#[tokio::test]
async fn several_at_once_in_one_and_in_several_databases() {
    for version in versions_for_tests() {
        let postgres = shared(version).await;
        let mut tasks = Vec::new();
        for _ in 0..3 {
            let name = fresh_database(postgres, "crowd").await;
            for _ in 0..3 {
                let (name, mut admin) = (name.clone(), postgres.connect(&name).await.unwrap());
                tasks.push(tokio::spawn(async move {
                    isolation::install(&mut admin, &core(&name, ContextKind::Carrier)).await
                }));
            }
        }
        let mut new = 0;
        for task in tasks {
            new += u32::from(task.await.unwrap().unwrap() == Installed::New);
        }
        assert_eq!(new, 3);
    }
}

#[tokio::test]
async fn another_kind_or_type_or_a_newer_version_is_refused() {
    for version in versions_for_tests() {
        let mut data = Data::new(version, ContextKind::Carrier, "other").await;
        let other = core(&data.name, ContextKind::Signed);
        let error = isolation::install(&mut data.admin, &other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        data.admin.batch_execute("UPDATE tenancy.core SET version = 999").await.unwrap();
        let same = core(&data.name, ContextKind::Carrier);
        let error = isolation::install(&mut data.admin, &same).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSupported, "{error}");
    }
}

#[tokio::test]
async fn a_login_that_may_do_more_is_refused() {
    for version in versions_for_tests() {
        let postgres = shared(version).await;
        let name = fresh_database(postgres, "login").await;
        let mut admin = postgres.connect(&name).await.unwrap();
        let core = core(&name, ContextKind::Carrier);
        admin.batch_execute(&format!("CREATE ROLE {} LOGIN BYPASSRLS", core.login)).await.unwrap();
        assert!(isolation::install(&mut admin, &core).await.is_err());
        let there = admin.query_one("SELECT to_regnamespace('tenancy') IS NULL", &[]).await.unwrap();
        assert!(there.get::<_, bool>(0), "nothing is left of a failed installation");
        admin.batch_execute(&format!("DROP ROLE {}", core.login)).await.unwrap();
    }
}

#[tokio::test]
async fn the_probe_tells_what_a_cluster_can_have() {
    for version in versions_for_tests() {
        let postgres = shared(version).await;
        let admin = postgres.connect("postgres").await.unwrap();
        let probe = isolation::probe(&admin).await.unwrap();
        assert!(probe.superuser && probe.carrier_possible && probe.reasons.is_empty(), "{probe:?}");
        assert_eq!(probe.version / 10_000, version);
        admin.batch_execute("CREATE ROLE probe_plain; SET ROLE probe_plain").await.unwrap();
        let probe = isolation::probe(&admin).await.unwrap();
        assert!(!probe.superuser && !probe.carrier_possible && !probe.reasons.is_empty(), "{probe:?}");
        admin.batch_execute("RESET ROLE; DROP ROLE probe_plain").await.unwrap();
    }
}

/// As on managed PostgreSQL: the administrator may create roles and databases, and that is all.
#[tokio::test]
async fn an_administrator_who_is_no_superuser_installs_the_signed_context() {
    for version in versions_for_tests() {
        let postgres = shared(version).await;
        let name = fresh_database(postgres, "managed").await;
        // A role of its own: another test's tenantry_owner was made by somebody else.
        let superuser = postgres.connect(&name).await.unwrap();
        let manager = format!("manager_{name}");
        superuser
            .batch_execute(&format!(
                "CREATE ROLE {manager} CREATEROLE CREATEDB; ALTER DATABASE {name} OWNER TO {manager};
                 DO $do$ BEGIN CREATE ROLE tenantry_owner NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $do$;
                 DO $do$ BEGIN CREATE ROLE tenantry_context NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $do$;
                 GRANT tenantry_owner, tenantry_context TO {manager} WITH ADMIN OPTION;"
            ))
            .await
            .unwrap();
        let mut admin = postgres.connect(&name).await.unwrap();
        admin.batch_execute(&format!("SET SESSION AUTHORIZATION {manager}")).await.unwrap();
        let core = core(&name, ContextKind::Signed);
        assert_eq!(isolation::install(&mut admin, &core).await.unwrap(), Installed::New);
        assert_eq!(isolation::install(&mut admin, &core).await.unwrap(), Installed::Again);
        let key = tenantry_core::ContextKey::new(tenantry_core::KeyId::new(1), [3; 32]);
        isolation::put_key(&mut admin, &key).await.unwrap();
        superuser
            .batch_execute(&include_str!("tables.sql").replace("{{login}}", &core.login.to_string()))
            .await
            .unwrap();
        let data = Data { postgres, name, admin, key, kind: ContextKind::Signed };
        let session = data.inside(crate::support::ACME).await;
        assert_eq!(session.sees().await, "7", "{}", data.label());
    }
}
