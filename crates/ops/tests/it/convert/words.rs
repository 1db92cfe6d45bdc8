//! Tenants that are known by words: they get numbers, and their words go on to work.

use super::legacy::Legacy;
use crate::world::Recorder;
use std::collections::BTreeSet;
use tenantry_core::TenantKey;
use tenantry_ops::convert::{self, Convert, Phase, TenantTable, Tenants, Until};
use tenantry_ops::{OpsError, Silent, tenant};
use tenantry_schema::{Keys, TenantType};
use tenantry_testkit::versions_for_tests;

const SQL: &str = include_str!("words.sql");

fn request(legacy: &Legacy, until: Until) -> Convert {
    let mut request = legacy.request(until);
    request.declaration.tables.clear();
    request.tenants =
        Tenants::Table(TenantTable { table: "shops".into(), key: None, name: Some("title".into()) });
    legacy.declare_via(&mut request, "visits", "shops.shop_slug");
    request
}

#[tokio::test]
async fn words_get_numbers_and_stay_what_they_are() {
    for version in versions_for_tests() {
        for keys in [Keys::Composite, Keys::GlobalId] {
            let legacy = Legacy::with(version, SQL).await;
            let mut request = request(&legacy, Until::Observe);
            request.declaration.tenancy.keys = keys;
            // Stopped again and again: a word keeps its number.
            let mut stops = 0;
            loop {
                match convert::run(&legacy.world.control, &request, &Recorder::stopping_before(stops)).await {
                    Ok(done) => break assert_eq!((done.phase, done.tenants), (Phase::Observing, 3)),
                    Err(OpsError::Stopped(_)) => stops += 5,
                    Err(error) => panic!("after {stops} stops: {error:?}"),
                }
                assert!(stops < 400);
            }
            // The old application knows nothing of numbers, and opens a shop.
            let old = legacy.old_application().await;
            let added = format!(
                "INSERT INTO shops VALUES ('late-{0}', 'Late'); INSERT INTO products VALUES ('late-{0}', 'P1', 1);
                 INSERT INTO visits (shop_slug) VALUES ('late-{0}')",
                legacy.first
            );
            old.batch_execute(&added).await.unwrap();
            request.until = Until::Enforce;
            let done = convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
            assert_eq!((done.phase, done.tenants), (Phase::Enforced, 4));

            let mut ids = BTreeSet::new();
            for (key, word, rows) in [
                (
                    format!("shop-{}-1---s-n", legacy.first),
                    format!("Shop {}-1 & Søn.", legacy.first),
                    (20, 200, 50),
                ),
                (format!("late-{}", legacy.first), format!("late-{}", legacy.first), (1, 0, 1)),
            ] {
                let info = tenant::show(&legacy.world.control, &TenantKey::new(key).unwrap()).await.unwrap();
                assert!(ids.insert(info.id));
                let session = legacy.world.enter(&info).await.unwrap();
                let seen = session
                    .query_one(
                        "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM stock), (SELECT count(*) FROM visits),
                                (SELECT min(slug) FROM shops), (SELECT count(*) FROM shops)",
                        &[],
                    )
                    .await
                    .unwrap();
                assert_eq!((seen.get::<_, i64>(0), seen.get::<_, i64>(1), seen.get::<_, i64>(2)), rows);
                assert_eq!((seen.get::<_, String>(3), seen.get::<_, i64>(4)), (word.clone(), 1));
                session.execute("INSERT INTO visits (shop_slug) VALUES ($1)", &[&word]).await.unwrap();
            }
            legacy.assert_rules_content(&request.declaration).await;
        }
    }
}

#[tokio::test]
async fn what_words_cannot_have_is_refused_with_the_choices() {
    let legacy = Legacy::with(15, SQL).await;
    let said = async |request: &Convert| {
        let error = convert::run(&legacy.world.control, request, &Silent).await.unwrap_err();
        format!("{error} / {}", error.hint().unwrap_or_default())
    };
    let mut words = request(&legacy, Until::Observe);
    words.declaration.tenancy.value_type = TenantType::Text;
    let text = said(&words).await;
    assert!(
        text.contains("a tenant's id is a positive number") && text.contains("each word gets a number"),
        "{text}"
    );
    legacy.admin().await.batch_execute("ALTER TABLE visits ADD tenant_id text").await.unwrap();
    let text = said(&request(&legacy, Until::Observe)).await;
    assert!(text.contains("visits.tenant_id is there already, and holds no numbers"), "{text}");
    assert_eq!(legacy.one("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenancy%'").await, 0);
}
