//! psql: its meta-commands query the system catalog that the isolation core has closed in part, and a person's session
//! is spread over as many server connections as it has transactions.

use super::in_every_model;
use super::peer::{Ended, Pair, command, postgres_client, run};
use crate::world::World;
use tenantry_core::TenancyModel;
use tenantry_testkit::versions_for_tests;

in_every_model!(describes, runs_scripts, copies);

async fn psql(world: &World, tenant: &str, arguments: &[&str], script: &str) -> Ended {
    let mut command = command(world, tenant, postgres_client("psql"));
    command.args(["--no-psqlrc", "--no-password", "-v", "ON_ERROR_STOP=1"]).args(arguments);
    run(command, script).await
}

async fn describes(pair: &Pair) {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let schema = if pair.model == TenancyModel::Schema { "t_3" } else { "public" };
        let output = psql(&world, pair.tenant(), &["-At"], "\\conninfo\n\\dt\n\\d notes\n\\d\n").await.ok();
        assert!(output.contains(pair.tenant()) && output.contains("app"), "{output}");
        assert!(output.contains(&format!("{schema}|notes|table|tenantry_owner\n")), "{output}");
        assert!(output.contains("slug|text|"), "{output}");
        // Only the tenant's own tables are on its path.
        assert_eq!(output.matches("|notes|table|").count(), 2, "{output}");
        assert_eq!(output.contains("tenant_id|bigint"), pair.model == TenancyModel::Shared, "{output}");
        for meta in [
            "\\d+ notes",
            "\\di",
            "\\ds",
            "\\dv",
            "\\dn",
            "\\df",
            "\\df tenancy.*",
            "\\dT",
            "\\dp",
            "\\dx",
            "\\dp notes",
            "\\do",
            "\\dC",
            "\\dD",
            "\\dc",
            "\\dL",
            "\\dO",
            "\\encoding",
            "\\sf tenancy.tenant_id",
        ] {
            let ended = psql(&world, pair.tenant(), &["-At"], meta).await;
            let fine = ended.stderr.is_empty() || ended.stderr.starts_with("Did not find any");
            assert!(ended.code == Some(0) && fine, "{meta} on {version}: {ended:?}");
        }
        // The server's roles are not a tenant's business, nor are everybody's volumes.
        for meta in ["\\du", "\\dt+"] {
            let ended = psql(&world, pair.tenant(), &["-At"], meta).await;
            assert!(ended.stderr.contains("permission denied"), "{meta} on {version}: {ended:?}");
        }
        world.close().await;
    }
}

const SCRIPT: &str = r"
INSERT INTO notes (id, slug, body) VALUES (1, 'one', 'first'), (2, 'two', 'second');
SELECT 1 AS a\; SELECT 2 AS b\; SELECT 3 AS c;
SELECT id, body FROM notes \gdesc
SELECT $1::int + $2::int \bind 40 2 \g
SELECT body FROM notes WHERE id = $1 \parse by_id
\bind_named by_id 2 \g
\bind_named by_id 1 \g
\close_prepared by_id
\startpipeline
SELECT 'piped', $1 \bind 'x' \sendpipeline
SELECT 'piped', $1 \bind 'y' \sendpipeline
\endpipeline
SELECT count(*) AS notes FROM notes \gset
\echo :notes notes
\set AUTOCOMMIT off
UPDATE notes SET body = 'changed' WHERE id = 1;
ROLLBACK;
\set ON_ERROR_ROLLBACK on
\set ON_ERROR_STOP off
INSERT INTO notes (id, slug) VALUES (3, 'three');
INSERT INTO notes (id, slug) VALUES (3, 'again');
COMMIT;
\set ON_ERROR_STOP on
\set AUTOCOMMIT on
SELECT id, body FROM notes ORDER BY id;
\set FETCH_COUNT 100
SELECT 'row', n FROM generate_series(1, 1000) n;
BEGIN;
DECLARE piece CURSOR FOR SELECT 'fetched', n FROM generate_series(1, 1000) n;
FETCH 2 FROM piece;
MOVE 900 IN piece;
FETCH 1 FROM piece;
COMMIT;
DROP TABLE IF EXISTS nothing;
SELECT 'done';
";

async fn runs_scripts(pair: &Pair) {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let ended = psql(&world, pair.tenant(), &["-At"], SCRIPT).await;
        let said: Vec<&str> = ended.stderr.lines().filter(|line| !line.starts_with("DETAIL:")).collect();
        assert_eq!(said.len(), 2, "{said:#?}");
        assert!(said[0].contains("duplicate key value"), "{said:#?}");
        assert!(said[1].contains("\"nothing\" does not exist, skipping"), "{said:#?}");
        // Under row-level security the server does not repeat the row.
        assert_eq!(ended.stderr.contains("DETAIL:"), pair.model == TenancyModel::Database, "{ended:?}");
        let output = ended.ok();
        for expected in [
            "\n1\n2\n3\n",
            "id|bigint\nbody|text\n",
            "\n42\n",
            "\nsecond\nfirst\n",
            "\npiped|x\npiped|y\n",
            "\n2 notes\n",
            "\n1|first\n2|second\n3|\n",
            "\nrow|1\n",
            "\nrow|1000\n",
            "\nfetched|1\nfetched|2\n",
            "\nfetched|903\n",
        ] {
            assert!(output.contains(expected), "{expected:?} is not in:\n{output}");
        }
        assert!(output.ends_with("\ndone\n"), "{output}");

        // One -c is one message, and so one transaction; several are several.
        let one = ["-At", "-c", "INSERT INTO notes (id) VALUES (10); SELECT 1 / 0"];
        let ended = psql(&world, pair.tenant(), &one, "").await;
        assert!(ended.code == Some(1) && ended.stderr.contains("division by zero"), "{ended:?}");
        let several = ["-At", "-c", "INSERT INTO notes (id) VALUES (11)", "-c", "SELECT max(id) FROM notes"];
        assert_eq!(psql(&world, pair.tenant(), &several, "").await.ok(), "INSERT 0 1\n11\n");
        let other = psql(&world, pair.other(), &["-At", "-c", "SELECT count(*) FROM notes"], "").await;
        assert_eq!(other.ok(), "0\n");
        world.close().await;
    }
}

async fn copies(pair: &Pair) {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let script = "INSERT INTO notes (id, body) SELECT n, 'body ' || n FROM generate_series(1, 3000) n;
            \\copy (SELECT id, body FROM notes ORDER BY id) to stdout csv\n";
        let output = psql(&world, pair.tenant(), &["-q"], script).await.ok();
        assert_eq!(output.lines().count(), 3000);
        assert!(output.starts_with("1,body 1\n") && output.ends_with("3000,body 3000\n"));

        let script =
            "\\set VERBOSITY verbose\n\\copy notes (id, body) from stdin\n4000\tcopied\n4001\ttoo\n\\.\n
            SELECT count(*) FROM notes WHERE id >= 4000;\n";
        let ended = psql(&world, pair.tenant(), &["-qAt"], script).await;
        if pair.model == TenancyModel::Database {
            assert_eq!(ended.ok(), "2\n");
        } else {
            // PostgreSQL itself copies into no table with row-level security.
            assert!(
                ended.stderr.contains("0A000: COPY FROM not supported with row-level security"),
                "{ended:?}"
            );
            // The session goes on.
            let script = format!("\\set ON_ERROR_STOP off\n{script}");
            assert_eq!(psql(&world, pair.tenant(), &["-qAt"], &script).await.ok(), "0\n");
        }
        let other = psql(&world, pair.other(), &["-q", "-c", "\\copy notes to stdout"], "").await;
        assert_eq!(other.ok(), "");
        world.close().await;
    }
}
