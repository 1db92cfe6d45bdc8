//! pgbench in every query mode: two tenants at once over one server connection. Its books must balance afterwards.

use super::in_every_model;
use super::peer::{Ended, Pair, command, postgres_client, run};
use super::tables;
use crate::world::World;
use tenantry_testkit::versions_for_tests;

in_every_model!(tpcb_balances, select_only, pipelines);

const MODES: [&str; 3] = ["simple", "extended", "prepared"];
const CLIENTS: usize = 4;
const TRANSACTIONS: usize = 20;

/// Several statements behind one Sync.
const PIPELINE: &str = r"
\set aid random(1, 100000)
\startpipeline
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
UPDATE pgbench_branches SET bbalance = bbalance + 1 WHERE bid = 1;
\endpipeline
";

async fn pgbench(world: &World, tenant: &str, arguments: &[&str], script: &str) -> Ended {
    let mut command = command(world, tenant, postgres_client("pgbench"));
    let (clients, transactions) = (CLIENTS.to_string(), TRANSACTIONS.to_string());
    // A thread each: pgbench prepares without letting its other clients go on, one of which may be in a transaction and
    // so hold the server connection.
    command.args(["--no-vacuum", "-c", &clients, "-j", &clients, "-t", &transactions]).args(arguments);
    if !script.is_empty() {
        command.args(["-f", "/dev/stdin"]);
    }
    run(command, script).await
}

fn assert_all_done(ended: Ended, case: &str) {
    let all = CLIENTS * TRANSACTIONS;
    let output = ended.ok();
    assert!(output.contains(&format!("transactions actually processed: {all}/{all}")), "{case}: {output}");
    assert!(output.contains("failed transactions: 0 "), "{case}: {output}");
}

/// The sum of what the transactions moved, and how many they were, from each of the tables.
async fn books(world: &World, tenant: &str) -> [i64; 5] {
    let client = world.connect(tenant).await;
    let mut books = [0; 5];
    for (book, sql) in books.iter_mut().zip([
        "SELECT coalesce(sum(delta), 0) FROM pgbench_history",
        "SELECT sum(abalance) FROM pgbench_accounts",
        "SELECT sum(tbalance) FROM pgbench_tellers",
        "SELECT sum(bbalance) FROM pgbench_branches",
        "SELECT count(*) FROM pgbench_history",
    ]) {
        *book = client.query_one(sql, &[]).await.unwrap().get(0);
    }
    books
}

async fn tpcb_balances(pair: &Pair) {
    let world = World::narrow(versions_for_tests()[0]).await;
    tables::pgbench(&world, pair).await;
    for mode in MODES {
        let arguments = ["-M", mode];
        let (one, two) = tokio::join!(
            pgbench(&world, pair.tenant(), &arguments, ""),
            pgbench(&world, pair.other(), &arguments, "")
        );
        assert_all_done(one, mode);
        assert_all_done(two, mode);
    }
    for tenant in [pair.tenant(), pair.other()] {
        let [moved, accounts, tellers, branches, count] = books(&world, tenant).await;
        assert_eq!([accounts, tellers, branches], [moved; 3], "{tenant}");
        assert_eq!(usize::try_from(count).unwrap(), MODES.len() * CLIENTS * TRANSACTIONS, "{tenant}");
    }
    world.close().await;
}

async fn select_only(pair: &Pair) {
    let world = World::narrow(versions_for_tests()[0]).await;
    tables::pgbench(&world, pair).await;
    for mode in MODES {
        // `-C` connects anew for each transaction: the login is the handover then.
        for more in [&["-S"][..], &["-S", "-C"]] {
            let arguments = [&["-M", mode], more].concat();
            let (one, two) = tokio::join!(
                pgbench(&world, pair.tenant(), &arguments, ""),
                pgbench(&world, pair.other(), &arguments, "")
            );
            assert_all_done(one, mode);
            assert_all_done(two, mode);
        }
    }
    world.close().await;
}

async fn pipelines(pair: &Pair) {
    let world = World::narrow(versions_for_tests()[0]).await;
    tables::pgbench(&world, pair).await;
    for mode in ["extended", "prepared"] {
        let arguments = ["-M", mode];
        let (one, two) = tokio::join!(
            pgbench(&world, pair.tenant(), &arguments, PIPELINE),
            pgbench(&world, pair.other(), &arguments, PIPELINE)
        );
        assert_all_done(one, mode);
        assert_all_done(two, mode);
    }
    for tenant in [pair.tenant(), pair.other()] {
        let [_, accounts, _, branches, _] = books(&world, tenant).await;
        assert_eq!(accounts, branches, "{tenant}");
        assert_eq!(usize::try_from(branches).unwrap(), 2 * CLIENTS * TRANSACTIONS, "{tenant}");
    }
    world.close().await;
}
