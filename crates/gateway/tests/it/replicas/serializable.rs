//! A replica has no serializable transactions, not even to say what a session looks like.

use super::{Pair, is_on_replica};
use crate::world::TENANTS;
use tenantry_testkit::versions_for_tests;

/// Its default follows a client, and the server connection, of which there is one, is everybody's again.
#[tokio::test]
async fn a_serializable_default_keeps_no_connection() {
    for version in versions_for_tests() {
        let pair = Pair::requiring(version).await;
        for sql in [
            "SET default_transaction_isolation = serializable",
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SELECT set_config('default_transaction_isolation', 'serializable', false)",
        ] {
            for (_, tenant, _) in TENANTS {
                let reader = pair.reader(tenant).await;
                assert!(is_on_replica(&reader).await, "{version}, {tenant}");
                reader.batch_execute(sql).await.unwrap();
                for (_, other, _) in TENANTS {
                    assert!(
                        is_on_replica(&pair.reader(other).await).await,
                        "{version}, {other} behind {tenant}: {sql}"
                    );
                }
                let error = reader.batch_execute("SELECT 1").await.unwrap_err();
                assert_eq!(error.code().unwrap().code(), "0A000", "{version}, {tenant}: {sql}");
                let level = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT 1; COMMIT";
                reader.batch_execute(level).await.unwrap();
                reader
                    .batch_execute(
                        "BEGIN ISOLATION LEVEL READ COMMITTED; RESET default_transaction_isolation; COMMIT",
                    )
                    .await
                    .unwrap();
                assert!(is_on_replica(&reader).await, "{version}, {tenant}: {sql}");
            }
        }
        pair.close().await;
    }
}
