//! The sample product in all three models, on the oldest and the newest server.

use crate::harness::{Lab, assert_same, ident, round_trip, target};
use tenantry_core::{ContextKind, TenancyModel};
use tenantry_schema::{Declaration, check, compile};
use tenantry_testkit::versions_for_tests;

pub(crate) const SAMPLE: &str = include_str!("../data/sample.sql");

pub(crate) fn declaration() -> Declaration {
    toml::from_str(include_str!("../data/sample.toml")).unwrap()
}

/// One snapshot for all versions: what is compiled does not depend on the server that the plain schema was read from.
#[tokio::test]
async fn compiles_the_same_everywhere_and_reads_back_as_written() {
    for version in versions_for_tests() {
        let plain = Lab::with(version, SAMPLE).await.public().await;
        for model in TenancyModel::ALL {
            let (_, compiled) = round_trip(version, &plain, &declaration(), &target(model)).await;
            let sql = compiled.to_sql().replacen(&compiled.fingerprint[..12], "…", 1);
            insta::assert_snapshot!(format!("sample_{model}"), sql);
        }
    }
}

#[tokio::test]
async fn the_report_is_short_for_people_and_complete_for_machines() {
    for version in versions_for_tests() {
        let plain = Lab::with(version, SAMPLE).await.public().await;
        let report = check(&plain, &declaration());
        assert!(report.is_clean(), "{:#?}", report.findings);
        let people: Vec<String> = report.for_people().map(ToString::to_string).collect();
        let machine: Vec<String> = report.changes().map(ToString::to_string).collect();
        insta::assert_snapshot!("sample_findings", people.join("\n"));
        insta::assert_snapshot!("sample_changes", machine.join("\n"));
    }
}

/// The rules leave nothing to do: a database that was compiled is a database that passes its own check.
#[tokio::test]
async fn a_compiled_database_has_nothing_left_to_change() {
    for version in versions_for_tests() {
        let plain = Lab::with(version, SAMPLE).await.public().await;
        let (lab, _) = round_trip(version, &plain, &declaration(), &target(TenancyModel::Shared)).await;
        let report = check(&lab.public().await, &declaration());
        let left: Vec<_> = report.changes().filter(|f| f.models.contains(&TenancyModel::Shared)).collect();
        assert!(left.is_empty(), "{left:#?}");
    }
}

#[tokio::test]
async fn signed_contexts_and_global_ids_build_too() {
    for version in versions_for_tests() {
        let plain = Lab::with(version, SAMPLE).await.public().await;
        let mut declaration = declaration();
        declaration.tenancy.keys = tenantry_schema::Keys::GlobalId;
        let mut target = target(TenancyModel::Shared);
        target.context = ContextKind::Signed;
        let (_, compiled) = round_trip(version, &plain, &declaration, &target).await;
        let sql = compiled.to_sql().replacen(&compiled.fingerprint[..12], "…", 1);
        insta::assert_snapshot!("sample_shared_global_id_signed", sql);
    }
}

#[tokio::test]
async fn the_fingerprint_is_the_schema_versions_and_not_the_placements() {
    let mut seen = Vec::new();
    for version in versions_for_tests() {
        let lab = Lab::with(version, SAMPLE).await;
        let plain = lab.public().await;
        for model in TenancyModel::ALL {
            seen.push(compile(&plain, &declaration(), &target(model)).unwrap().fingerprint);
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "every model, on every server");
    assert_eq!(seen[0].len(), 64);

    let lab = Lab::with(15, SAMPLE).await;
    lab.client.batch_execute("ALTER TABLE labels ADD colour text").await.unwrap();
    let other = compile(&lab.public().await, &declaration(), &target(TenancyModel::Shared)).unwrap();
    assert_ne!(other.fingerprint, seen[0], "a column more is another version");
    let other = compile(&lab.public().await, &Declaration::default(), &target(TenancyModel::Shared)).unwrap();
    assert_ne!(other.fingerprint, seen[0], "another declaration is another version");
}

/// Read, build, read: a dedicated database holds the plain schema, whole.
#[tokio::test]
async fn a_dedicated_database_is_the_plain_schema() {
    for version in versions_for_tests() {
        let plain = Lab::with(version, SAMPLE).await.public().await;
        let (lab, _) = round_trip(version, &plain, &declaration(), &target(TenancyModel::Database)).await;
        let mut built = lab.public().await;
        for table in &mut built.tables {
            let comment = table.comment.take().unwrap();
            let kept: Vec<&str> = comment.lines().filter(|line| !line.starts_with("tenantry:")).collect();
            table.comment = (!kept.is_empty()).then(|| kept.join("\n"));
            table.has_grants = false;
        }
        built.access = plain.access.clone();
        assert_eq!(built, plain);
    }
}

#[tokio::test]
async fn the_repositorys_sample_compiles() {
    let sql = include_str!("../../../../examples/sample/schema.sql");
    let file: toml::Table = include_str!("../../../../examples/sample/tenantry.toml").parse().unwrap();
    let sections =
        file.into_iter().filter(|(name, _)| ["tenancy", "tables", "unique"].contains(&name.as_str()));
    let declaration: Declaration = sections.collect::<toml::Table>().try_into().unwrap();
    for version in versions_for_tests() {
        let plain = Lab::with(version, sql).await.public().await;
        assert!(check(&plain, &declaration).is_clean());
        for model in TenancyModel::ALL {
            round_trip(version, &plain, &declaration, &target(model)).await;
        }
    }
}

#[tokio::test]
async fn two_tenants_schemas_live_in_one_database() {
    let plain = Lab::with(15, SAMPLE).await.public().await;
    let lab = Lab::new(15).await;
    lab.apply(&compile(&plain, &declaration(), &target(TenancyModel::Shared)).unwrap(), &ident("public"))
        .await;
    for tenant in ["5", "6"] {
        let mut target = target(TenancyModel::Schema);
        target.schema = ident(&format!("t_{tenant}"));
        target.tenant_value = Some(tenant.to_owned());
        let compiled = compile(&plain, &declaration(), &target).unwrap();
        lab.apply(&compiled, &target.schema).await;
        let again = compile(&lab.model(&target.schema).await, &declaration(), &target).unwrap();
        assert_same(&again, &compiled);
    }
}
