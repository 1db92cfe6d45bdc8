//! Rules about servers and sessions, each with the stage that it needs.

use crate::lab::Lab;
use tenantry_audit::{Access, Ask, Options, audit, connect, registry};
use tenantry_testkit::{Postgres, PostgresOptions, versions_for_tests};

#[tokio::test]
async fn minor_releases_with_holes_are_named() {
    let rule = registry().iter().find(|rule| rule.id == "minor-version").unwrap();
    let lab = Lab::empty(versions_for_tests()[0]).await;
    lab.run("SET search_path = pg_catalog").await;
    for (version, wanted) in [
        (150_018, 4),
        (150_000, 11),
        (150_019, 0),
        (160_014, 4),
        (170_011, 0),
        (180_004, 4),
        (180_005, 4),
        (180_006, 0),
        (190_000, 0),
    ] {
        let scope = format!(r#"{{"version": {version}}}"#);
        let rows = lab.admin.query(&rule.query(), &[&scope, &"[]"]).await.unwrap();
        let named = rows.first().map_or(0, |row| row.get::<_, String>("message").matches("CVE-").count());
        assert_eq!(named, wanted, "{version}");
    }
}

/// A program that was written after the server started; the same one, to a server that was started since; none at all.
#[tokio::test]
async fn a_program_that_was_replaced_is_told() {
    let rule = registry().iter().find(|rule| rule.id == "server-binary-replaced").unwrap();
    for version in versions_for_tests() {
        let lab = Lab::empty(version).await;
        let folder: String = lab.admin.query_one("SHOW data_directory", &[]).await.unwrap().get(0);
        lab.run(&format!("COPY (SELECT 'a newer one') TO '{folder}/postgres'; SET search_path = pg_catalog"))
            .await;
        let asked = async |scope: serde_json::Value| {
            let rows = lab.admin.query(&rule.query(), &[&scope.to_string(), &"[]"]).await.unwrap();
            rows.iter().map(|row| row.get::<_, String>("message")).collect::<Vec<_>>()
        };
        let found = asked(serde_json::json!({ "programs": folder })).await;
        assert!(found.len() == 1 && found[0].contains("was replaced on disk"), "{version}: {found:?}");
        let later = serde_json::json!({ "programs": folder, "started": "2999-01-01" });
        assert_eq!(asked(later).await, Vec::<String>::new(), "{version}");
        let nowhere = serde_json::json!({ "programs": format!("{folder}/base") });
        assert_eq!(asked(nowhere).await, Vec::<String>::new(), "{version}");
        std::fs::remove_file(format!("{folder}/postgres")).unwrap();
    }
}

#[tokio::test]
async fn every_query_is_accepted_by_every_version() {
    for version in versions_for_tests() {
        let lab = Lab::empty(version).await;
        lab.run("SET search_path = pg_catalog").await;
        for rule in registry() {
            let prepared = lab.admin.prepare(&rule.query()).await;
            let statement = prepared.unwrap_or_else(|error| panic!("{} on {version}: {error:?}", rule.id));
            for name in ["place", "message"] {
                assert!(
                    statement.columns().iter().any(|column| column.name() == name),
                    "{}: {name}",
                    rule.id
                );
            }
        }
    }
}

#[tokio::test]
async fn sessions_that_see_everything_are_told() {
    for version in versions_for_tests() {
        let lab = Lab::new(version).await;
        assert_eq!(lab.lines(&["role-in-use"]).await, Vec::<String>::new());
        let name = lab.fill("app_worker_user");
        lab.run(&format!("CREATE ROLE {name} LOGIN BYPASSRLS PASSWORD 'x'; GRANT CONNECT ON DATABASE {{{{database}}}} TO {name}")).await;
        let worker = Access { user: name, password: Some(tenantry_core::Secret::new("x")), ..lab.access() };
        let client = connect(&worker).await.unwrap();
        client.batch_execute("SET application_name = 'worker'").await.unwrap();
        let found = lab.lines(&["role-in-use"]).await;
        assert!(
            found.len() == 1 && found[0].contains("1 sessions") && found[0].contains("BYPASSRLS"),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_was_set_up_without_care() {
    for version in versions_for_tests() {
        let settings =
            [("max_prepared_transactions", "4"), ("shared_preload_libraries", "pg_stat_statements")];
        let options = PostgresOptions {
            version: Some(version),
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..PostgresOptions::default()
        };
        let postgres = Postgres::start(options).await.unwrap();
        let admin = postgres.connect("postgres").await.unwrap();
        admin.batch_execute("CREATE DATABASE app").await.unwrap();
        let access = Access {
            host: postgres.host().to_owned(),
            port: postgres.port(),
            user: postgres.superuser().to_owned(),
            password: Some(postgres.password().clone()),
            database: "app".to_owned(),
        };
        let admin = postgres.connect("app").await.unwrap();
        admin
            .batch_execute(
                "CREATE EXTENSION pg_stat_statements;
                 CREATE TABLE notes (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));
                 CREATE TABLE memos (tenant_id bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));",
            )
            .await
            .unwrap();
        for _ in 0..12 {
            admin.query("SELECT id FROM notes WHERE id = $1", &[&1_i64]).await.unwrap();
            admin.query("SELECT id FROM memos WHERE tenant_id = $1", &[&1_i64]).await.unwrap();
        }
        let mut client = connect(&access).await.unwrap();
        let (report, _) = audit(&mut client, &Ask::default(), &Options::default()).await.unwrap();
        let found = crate::lab::lines(&report);
        for wanted in ["[two-phase]", "[statement-without-tenant] notes"] {
            assert!(found.iter().any(|line| line.contains(wanted)), "{wanted} on {version}: {found:#?}");
        }
        assert!(!found.iter().any(|line| line.contains("[statement-without-tenant] memos")), "{found:#?}");
        postgres.stop().await;
    }
}

/// pgvector is not on every machine that runs the tests: an access method of that name, with another's handler, is.
#[tokio::test]
async fn vector_indexes_over_all_tenants_are_told() {
    for version in versions_for_tests() {
        let lab = Lab::new(version).await;
        assert_eq!(lab.lines(&["index-vector"]).await, Vec::<String>::new());
        lab.run(
            "CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hashhandler;
             CREATE OPERATOR CLASS near DEFAULT FOR TYPE bigint USING hnsw AS OPERATOR 1 =, FUNCTION 1 hashint8(bigint);
             CREATE INDEX near ON memos USING hnsw (id)",
        )
        .await;
        let found = lab.lines(&["index-vector"]).await;
        assert!(found.len() == 1 && found[0].contains("index near on memos"), "{found:?}");
    }
}

/// Each hole is named by every release before the one that fixed it, and by none from then on. Fixes of one hole come out on
/// one day: (15, 16, 17, 18), 0 where the first release of the major version had it already. There is no 18.5.
#[tokio::test]
async fn holes_are_closed_on_the_day_of_their_release() {
    const DAYS: &[(&str, [i32; 4])] = &[
        ("CVE-2023-2455", [3, 0, 0, 0]),
        ("CVE-2023-39418", [4, 0, 0, 0]),
        ("CVE-2024-10976", [9, 5, 1, 0]),
        ("CVE-2024-10978", [9, 5, 1, 0]),
        ("CVE-2025-8713", [14, 10, 6, 0]),
        ("CVE-2025-12817", [15, 11, 7, 1]),
        ("CVE-2026-6473", [18, 14, 10, 4]),
        ("CVE-2026-14680", [19, 15, 11, 6]),
        ("CVE-2026-16239", [19, 15, 11, 6]),
        ("CVE-2026-6471", [19, 15, 11, 6]),
        ("CVE-2026-14666", [19, 15, 11, 6]),
    ];
    let rule = registry().iter().find(|rule| rule.id == "minor-version").unwrap();
    let lab = Lab::empty(versions_for_tests()[0]).await;
    lab.run("SET search_path = pg_catalog").await;
    for (at, major) in (15..=18).enumerate() {
        for minor in 0..=20 {
            let scope = format!(r#"{{"version": {}}}"#, major * 10_000 + minor);
            let rows = lab.admin.query(&rule.query(), &[&scope, &"[]"]).await.unwrap();
            let said = rows.first().map_or_else(String::new, |row| row.get::<_, String>("message"));
            let wanted: Vec<&str> =
                DAYS.iter().filter(|(_, fixed)| fixed[at] > minor).map(|(cve, _)| *cve).collect();
            for (cve, _) in DAYS {
                assert_eq!(said.contains(cve), wanted.contains(cve), "{cve} in {major}.{minor}: {said}");
            }
            assert_eq!(said.matches("CVE-").count(), wanted.len(), "{major}.{minor}: {said}");
        }
    }
}

/// Whom the network lets in is read from the server's file; the rules about loopback and scram are not findings as bad.
#[tokio::test]
async fn doors_of_the_server_that_stand_open_are_told() {
    for version in versions_for_tests() {
        let options = PostgresOptions { version: Some(version), ..PostgresOptions::default() };
        let postgres = Postgres::start(options).await.unwrap();
        let access = Access {
            host: postgres.host().to_owned(),
            port: postgres.port(),
            user: postgres.superuser().to_owned(),
            password: Some(postgres.password().clone()),
            database: "postgres".to_owned(),
        };
        let lines = async || {
            let options = Options { only: vec!["host-authentication".to_owned()], ..Options::default() };
            let mut client = connect(&access).await.unwrap();
            crate::lab::lines(&audit(&mut client, &Ask::default(), &options).await.unwrap().0)
        };
        let admin = postgres.connect("postgres").await.unwrap();
        let file: String = admin.query_one("SHOW hba_file", &[]).await.unwrap().get(0);
        let was = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, "host all all 127.0.0.1/32 scram-sha-256\nlocal all all trust\n").unwrap();
        assert_eq!(lines().await, Vec::<String>::new(), "{version}");
        let open = "host all all 10.0.0.0/8 trust\nhost all all 192.168.0.0/16 md5\nhostssl all all 0.0.0.0/0 scram-sha-256\n";
        std::fs::write(&file, format!("{was}{open}")).unwrap();
        let found = lines().await;
        let said = |part: &str| found.iter().any(|line| line.contains(part));
        assert!(said("error[host-authentication]") && said("10.0.0.0 are let in by trust"), "{found:#?}");
        assert!(said("192.168.0.0 are let in by md5") && !said("0.0.0.0 are let in by scram"), "{found:#?}");
        postgres.stop().await;
    }
}
