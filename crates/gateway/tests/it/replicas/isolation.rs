//! A replica isolates as its primary does.

use super::{Pair, count, is_on_replica};
use crate::world::TENANTS;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;

/// A wait for the replica that is never the reason of a failure.
pub(super) fn patient() -> Config {
    Config { replica_wait: std::time::Duration::from_secs(30), ..Config::default() }
}

#[tokio::test]
async fn a_replica_shows_each_tenant_what_it_wrote_and_nothing_of_the_others() {
    for version in versions_for_tests() {
        let pair = Pair::start(version, patient()).await;
        for (id, tenant, _) in TENANTS {
            let writer = pair.world.connect(tenant).await;
            for n in 0..=id {
                writer.execute("INSERT INTO notes (body) VALUES ($1)", &[&format!("{tenant} {n}")]).await.unwrap();
            }
            let reader = pair.reader(tenant).await;
            assert_eq!(count(&reader).await, id + 1, "{tenant}");
            assert!(is_on_replica(&reader).await, "{tenant}");
            assert!(!is_on_replica(&writer).await, "{tenant}");
        }
        pair.close().await;
    }
}
