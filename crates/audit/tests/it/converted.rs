//! What `convert` leaves behind is as clean as what was made by Tenantry from the start.

use crate::lab::lines;
use crate::placements::{CLUSTER, KNOWN, deployment};
use tenantry_audit::{Access, Ask, Options, audit, connect};
use tenantry_core::SqlIdent;
use tenantry_ops::Silent;
use tenantry_ops::convert::{self, Convert, Limits, Phase, TenantTable, Tenants, Until};
use tenantry_schema::{Declaration, Keys, Kind, TableEntry};
use tenantry_testkit::{fresh_database, versions_for_tests};

/// With partitions, triggers, a view, references within a table, and an application that owns its tables.
const LEGACY: &str = include_str!("../../../ops/tests/it/convert/legacy.sql");

#[tokio::test]
async fn a_converted_database_is_clean() {
    for version in versions_for_tests() {
        for keys in [Keys::Composite, Keys::GlobalId] {
            let (postgres, control, first) = deployment(version).await;
            let database = fresh_database(postgres, "legacy").await;
            let admin = postgres.connect(&database).await.unwrap();
            let legacy = LEGACY.replace("{{first}}", &first.to_string());
            let role = format!("old_{database}");
            let sql = format!(
                "CREATE ROLE {role} LOGIN PASSWORD 'old'; GRANT ALL ON SCHEMA public TO {role}; SET ROLE {role}; {legacy}; RESET ROLE"
            );
            admin.batch_execute(&sql).await.unwrap();
            let mut declaration = Declaration::default();
            declaration.tenancy.keys = keys;
            declaration.tables.insert("countries".into(), TableEntry::Kind(Kind::Global));
            let request = Convert {
                cluster: CLUSTER.into(),
                database: SqlIdent::new(database.clone()).unwrap(),
                tenants: Tenants::Table(TenantTable {
                    table: "accounts".into(),
                    key: Some("slug".into()),
                    name: Some("title".into()),
                }),
                declaration: declaration.clone(),
                until: Until::Enforce,
                limits: Limits { load: 100, ..Limits::default() },
            };
            let done = convert::run(&control, &request, &Silent).await.unwrap();
            assert_eq!(done.phase, Phase::Enforced);

            let access = Access {
                host: postgres.host().to_owned(),
                port: postgres.port(),
                user: postgres.superuser().to_owned(),
                password: Some(postgres.password().clone()),
                database,
            };
            let ask = Ask { declaration: Some(declaration), ..Ask::default() };
            let mut client = connect(&access).await.unwrap();
            let (report, _) = audit(&mut client, &ask, &Options::default()).await.unwrap();
            assert_eq!(report.audited[0].origin, "tenantry");
            let unknown: Vec<String> = lines(&report)
                .into_iter()
                .filter(|line| !KNOWN.iter().any(|known| line.contains(known)))
                .collect();
            assert!(unknown.is_empty(), "{version} {keys:?}: {unknown:#?}");
        }
    }
}
