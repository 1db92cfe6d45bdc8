//! Attacks on databases that were made by hand: the careful one holds, the careless one leaks where it must.

use crate::lab::Lab;
use tenantry_audit::Ask;
use tenantry_audit::attack::{self, ByHand, Outcome};
use tenantry_core::SqlIdent;
use tenantry_testkit::versions_for_tests;

/// The policies trust a plain setting, and more was granted than is needed.
const CARELESS: &str = "
    CREATE ROLE app_user LOGIN PASSWORD 'a password of the lab';
    CREATE TABLE notes (tenant_id bigint NOT NULL, id bigint NOT NULL, body text, PRIMARY KEY (tenant_id, id));
    INSERT INTO notes SELECT t, n, 'x' FROM unnest(ARRAY[7, 8]) t, generate_series(1, 5) n;
    GRANT ALL ON notes TO app_user;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY reading ON notes FOR SELECT USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint);
    CREATE POLICY writing ON notes FOR UPDATE USING (true) WITH CHECK (true);";

async fn attacked(lab: &Lab, role: Option<&str>) -> Vec<attack::Tried> {
    let mut access = lab.access();
    if role.is_none() {
        access.user = lab.user();
        access.password = Some(tenantry_core::Secret::new("a password of the lab"));
    }
    let said = ByHand {
        access,
        ask: Ask::default(),
        role: role.map(|role| SqlIdent::new(role).unwrap()),
        enter: "SET app.tenant_id = '{tenant}'".into(),
        attacker: "7".into(),
        victim: "8".into(),
        table: None,
    };
    let (seat, stage) = attack::by_hand(&said).await.unwrap();
    attack::attack(&seat, &stage).await.unwrap()
}

fn leaked(tried: &[attack::Tried]) -> Vec<&str> {
    tried
        .iter()
        .filter(|tried| matches!(tried.outcome, Outcome::Leaked { .. }))
        .map(|tried| tried.vector)
        .collect()
}

#[tokio::test]
async fn a_careless_database_leaks_and_nothing_is_left_behind() {
    for version in versions_for_tests() {
        let lab = Lab::empty(version).await;
        lab.run(CARELESS).await;
        for role in [None, Some(lab.user())] {
            let tried = attacked(&lab, role.as_deref()).await;
            let leaked = leaked(&tried);
            for vector in [
                "set",
                "set-local",
                "set-config",
                "do-block",
                "update-blind",
                "truncate",
                "advisory-locks",
                "startup-options",
            ] {
                assert!(leaked.contains(&vector), "{vector} on {version} as {role:?}: {tried:#?}");
            }
            for vector in
                ["read-theirs", "read-all", "delete-theirs", "disable-row-security", "create-policy"]
            {
                assert!(!leaked.contains(&vector), "{vector} on {version}: {tried:#?}");
            }
            let not_tried = tried.iter().any(|tried| {
                tried.vector == "reset-role" && matches!(tried.outcome, Outcome::NotTried { .. })
            });
            assert_eq!(not_tried, role.is_some(), "{version}");
        }
        let row = lab
            .admin
            .query_one("SELECT count(*), count(*) FILTER (WHERE body = 'x') FROM notes", &[])
            .await
            .unwrap();
        assert_eq!(
            (row.get::<_, i64>(0), row.get::<_, i64>(1)),
            (10, 10),
            "{version}: everything was rolled back"
        );
    }
}

#[tokio::test]
async fn an_attack_needs_rows_of_both() {
    let lab = Lab::empty(versions_for_tests()[0]).await;
    lab.run(CARELESS).await;
    lab.run("DELETE FROM notes WHERE tenant_id = 8").await;
    let said = ByHand {
        access: lab.access(),
        ask: Ask::default(),
        role: Some(SqlIdent::new(lab.user()).unwrap()),
        enter: "SET app.tenant_id = '{tenant}'".into(),
        attacker: "7".into(),
        victim: "8".into(),
        table: None,
    };
    let error = attack::by_hand(&said).await.unwrap_err();
    assert!(error.to_string().contains("has rows of both"), "{error}");
}

#[test]
fn every_vector_has_a_name_of_its_own_and_says_what_a_leak_is() {
    for (at, vector) in attack::VECTORS.iter().enumerate() {
        assert!(attack::VECTORS[..at].iter().all(|other| other.id != vector.id), "{}", vector.id);
        assert!(!vector.leak.is_empty() && !vector.what.is_empty(), "{}", vector.id);
    }
}
