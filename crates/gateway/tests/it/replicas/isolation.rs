//! A replica isolates as its primary does: two tenants on one server connection to it.

use super::{Pair, REQUIRED, count, is_on_replica};
use crate::isolation::{PROTOCOLS, bodies, code, run};
use crate::isolation_table::complaints_on_a_replica;
use crate::world::{PAIRS, TENANTS, id_of};
use std::time::Duration;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;

/// A wait for the replica that is never the reason of a failure.
pub(super) fn patient() -> Config {
    Config { replica_wait: Duration::from_secs(30), ..Config::default() }
}

/// What is special there. Nothing can be written at all, so what would be refused may be refused for that.
const ON_A_REPLICA: &[(&str, &str)] = &[
    ("INSERT INTO notes (body) VALUES ('x')", "25006"),
    ("UPDATE notes SET body = 'x'", "25006"),
    ("DELETE FROM notes", "25006"),
    ("SET transaction_read_only = off", "0A000"),
    ("SELECT pg_current_wal_insert_lsn()", "42501"),
    ("SELECT pg_last_wal_replay_lsn()", "42501"),
    ("SELECT pg_last_xact_replay_timestamp()", "42501"),
    ("SELECT tenancy.server_position()", "42501"),
    ("SELECT pg_promote()", "42501"),
    ("SELECT pg_wal_replay_pause()", "42501"),
];

#[tokio::test]
async fn no_vector_on_a_replica_reaches_another_tenant_or_waits_for_the_next() {
    for version in versions_for_tests() {
        let pair = Pair::requiring(version).await;
        let wrong = complaints_on_a_replica(&pair.world, version).await;
        assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
        pair.close().await;
    }
}

#[tokio::test]
async fn no_statement_on_a_replica_reaches_another_tenant_or_writes() {
    for version in versions_for_tests() {
        let pair = Pair::start(version, 1, patient()).await;
        for (id, tenant, _) in TENANTS {
            pair.world.change_limits(id, REQUIRED);
            let writer = pair.world.connect(tenant).await;
            let sql = "INSERT INTO notes (id, slug, body) VALUES (1000, 'same', $1)";
            writer.execute(sql, &[&format!("secret of {tenant}")]).await.unwrap();
            for _ in 0..id {
                writer.execute("INSERT INTO notes (body) VALUES ('more')", &[]).await.unwrap();
            }
            let reader = pair.reader(tenant).await;
            assert_eq!(count(&reader).await, id + 1, "{tenant}");
            assert!(is_on_replica(&reader).await && !is_on_replica(&writer).await, "{tenant}");
        }
        for (attacker, victim) in PAIRS {
            let victim_id = id_of(victim);
            let victim_client = pair.reader(victim).await;
            for (sql, expected) in ON_A_REPLICA {
                for protocol in PROTOCOLS {
                    let client = pair.reader(attacker).await;
                    let met = run(&client, protocol, sql).await.map_err(|error| code(&error));
                    assert_eq!(met.unwrap_err(), *expected, "{sql}");
                    check(&victim_client, victim, victim_id).await;
                }
            }
            // Without a gateway's signature nobody is told how much everybody writes.
            let client = pair.reader(attacker).await;
            for sql in [
                "SELECT tenancy.wal_position(1, repeat('ab', 32))",
                "SELECT tenancy.wal_position(1, NULL)",
                "SELECT tenancy.wal_position(NULL, NULL)",
            ] {
                let row = client.query_one(sql, &[]).await.unwrap();
                assert_eq!(row.get::<_, Option<&str>>(0), None, "{sql}");
            }
        }
        pair.close().await;
    }
}

/// It sees its own rows, all of them and no other, on the replica.
async fn check(client: &tokio_postgres::Client, tenant: &str, id: i64) {
    let seen = bodies(client).await;
    assert_eq!(i64::try_from(seen.len()).unwrap(), id + 1, "{tenant}: {seen:?}");
    assert!(seen.contains(&format!("secret of {tenant}")), "{tenant}: {seen:?}");
    assert!(seen.iter().all(|body| body == "more" || *body == format!("secret of {tenant}")), "{seen:?}");
}
