//! Indexes, statistics and names.

use super::{becomes, rows, told};
use crate::harness::{Lab, declared, round_trip, target};
use tenantry_core::TenancyModel;
use tenantry_testkit::versions_for_tests;

const T: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a int, b text, n numeric, j jsonb, p point, r int4range, at timestamptz);";

fn index(definition: &str) -> String {
    format!("{T} CREATE INDEX i ON t {definition}")
}

#[tokio::test]
async fn btree() {
    let definition = "(a DESC NULLS LAST, lower(b) COLLATE \"C\", b text_pattern_ops) INCLUDE (j) WITH (fillfactor = 80) WHERE a > 0";
    let becomes_this = "USING btree (tenant_id, a DESC NULLS LAST, lower(b) COLLATE C, b text_pattern_ops) INCLUDE (j) \
                        WITH (fillfactor = '80') WHERE (a > 0)";
    becomes(&index(definition), "", &[becomes_this]).await;
    becomes(&format!("{T} CREATE INDEX CONCURRENTLY_not ON t (a)"), "", &["USING btree (tenant_id, a)"])
        .await;
}

#[tokio::test]
async fn btree_that_is_led_already_or_globally_unique() {
    let adopted = "CREATE TABLE t (tenant_id bigint, id uuid PRIMARY KEY, a int); CREATE INDEX i ON t (tenant_id, a); CREATE INDEX g ON t (id, a)";
    let global = "[tenancy]\nkeys = \"global-id\"";
    becomes(
        adopted,
        global,
        &["INDEX i ON t USING btree (tenant_id, a)", "INDEX g ON t USING btree (id, a)"],
    )
    .await;
}

#[tokio::test]
async fn hash_and_spgist() {
    becomes(&index("USING hash (b)"), "", &["USING hash (b)"]).await;
    told(
        &index("USING hash (b)"),
        "",
        &["note[index]: i on t: a hash index has one column, so it can't be led by the tenant"],
    )
    .await;
    becomes(&index("USING spgist (p)"), "", &["USING spgist (p)"]).await;
    told(
        &index("USING spgist (p)"),
        "",
        &["note[index]: i on t: the index is left as it is: its method can't be led by the tenant"],
    )
    .await;
}

#[tokio::test]
async fn gin() {
    let left = "note[index]: i on t: a gin index is left as it is: leading it by the tenant takes the extension btree_gin";
    let idle = "note[leakproof]: i on t: under row-level security no condition on j uses it: the operators are not leakproof";
    told(&index("USING gin (j)"), "", &[left, idle]).await;
    becomes(&index("USING gin (j)"), "", &["USING gin (j)"]).await;
    becomes(
        &format!("CREATE EXTENSION btree_gin; {}", index("USING gin (j)")),
        "",
        &["USING gin (tenant_id, j)"],
    )
    .await;
}

#[tokio::test]
async fn gist() {
    becomes(&index("USING gist (r)"), "", &["USING gist (r)"]).await;
    becomes(
        &format!("CREATE EXTENSION btree_gist; {}", index("USING gist (r)")),
        "",
        &["USING gist (tenant_id, r)"],
    )
    .await;
}

#[tokio::test]
async fn brin() {
    becomes(
        &index("USING brin (at) WITH (pages_per_range = 32)"),
        "",
        &["USING brin (at) WITH (pages_per_range = '32')"],
    )
    .await;
    told(
        &index("USING brin (at)"),
        "",
        &["note[index]: i on t: a brin index is left as it is: it helps only where rows lie in its order"],
    )
    .await;
}

#[tokio::test]
async fn statistics() {
    let sql = format!("{T} CREATE STATISTICS s (dependencies) ON a, b FROM t");
    becomes(&sql, "", &["CREATE STATISTICS s (dependencies) ON a, b FROM t"]).await;
    told(&sql, "", &["note[statistics]: statistics s on t: they describe the rows of all tenants together"])
        .await;
}

/// Under the floor of shared tables and of a tenant's own schema, and with plain statistics, the planner does as the rule says.
#[tokio::test]
async fn operators_that_are_not_leakproof_lose_their_index() {
    let sql = "CREATE TABLE t (id bigint PRIMARY KEY, n numeric, b text); CREATE INDEX n ON t (n); CREATE INDEX b ON t (b)";
    told(sql, "", &["note[leakproof]: n on t: under row-level security no condition on n uses it: the operators are not leakproof"]).await;
    for row in rows(15, sql, "").await {
        row.lab.client.batch_execute("SET tenancy.lab TO '5'; INSERT INTO t SELECT g, g, g FROM generate_series(1, 5000) g; ANALYZE t").await.unwrap();
        let app = row.app().await;
        for (condition, used) in [("n = 7", false), ("b = '7'", true)] {
            let plan = app
                .query(&format!("EXPLAIN (COSTS OFF) SELECT * FROM t WHERE {condition}"), &[])
                .await
                .unwrap();
            let plan: Vec<String> = plan.iter().map(|line| line.get(0)).collect();
            let column = &condition[..1];
            let as_condition = plan
                .iter()
                .any(|line| line.contains("Index Cond") && line.contains(&format!("({column} = ")));
            assert_eq!(as_condition, used, "{condition}: {plan:#?}");
        }
    }
}

/// What the hints of `leakproof` and `index` tell people to do brings the index back.
#[tokio::test]
async fn what_hints_tell_people_to_do_helps() {
    let sql = "CREATE TABLE t (id bigint PRIMARY KEY, cents bigint, mood text CHECK (mood IN ('good', 'bad')), b text,
            low text GENERATED ALWAYS AS (lower(b)) STORED, at point);
        CREATE INDEX cents ON t (cents); CREATE INDEX mood ON t (mood); CREATE INDEX low ON t (low);
        CREATE INDEX pattern ON t (b text_pattern_ops); CREATE INDEX near ON t USING gist (at)";
    let fill =
        "INSERT INTO t (id, cents, mood, b, at) SELECT g, g, CASE WHEN g < 9 THEN 'bad' ELSE 'good' END, g, point(g, g)
        FROM generate_series(1, 5000) g";
    let answers = [
        ("cents = 7", "(cents = 7)"),
        ("mood = 'bad'", "(mood = 'bad'"),
        ("low = '7'", "(low = '7'"),
        ("b ^@ '700'", "(b ~>=~ '700'"),
        ("true ORDER BY at <-> point(3, 3) LIMIT 3", "Order By: (at <-> "),
    ];
    for model in [TenancyModel::Shared, TenancyModel::Schema] {
        for version in versions_for_tests() {
            let plain = Lab::with(version, sql).await.public().await;
            let target = target(model);
            let (lab, _) = round_trip(version, &plain, &declared(""), &target).await;
            let here = format!("SET search_path TO {}; SET tenancy.lab TO '5'", target.schema);
            lab.client.batch_execute(&format!("{here}; {fill}; ANALYZE t")).await.unwrap();
            let app = lab.app().await;
            app.batch_execute(&format!("{here}; SET enable_seqscan TO off")).await.unwrap();
            for (condition, used) in answers {
                let plan = explain(&app, condition).await;
                assert!(plan.contains(used), "{model} on {version}: {condition}: {plan}");
            }
        }
    }
}

async fn explain(client: &tokio_postgres::Client, condition: &str) -> String {
    let plan = client.query(&format!("EXPLAIN (COSTS OFF) SELECT * FROM t WHERE {condition}"), &[]).await;
    plan.unwrap().iter().map(|line| line.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

/// The planner can't see from the floor alone that a tenant's partial index holds all that is asked for.
#[tokio::test]
async fn a_tenants_partial_index_takes_a_constant_in_the_query() {
    let sql = "CREATE TABLE t (tenant_id bigint NOT NULL, id bigint PRIMARY KEY, at point)";
    for row in rows(15, sql, "").await {
        let fill =
            "SET tenancy.lab TO '5'; INSERT INTO t SELECT 5, g, point(g, g) FROM generate_series(1, 5000) g";
        row.lab
            .client
            .batch_execute(&format!(
                "{fill}; CREATE INDEX five ON t USING gist (at) WHERE tenant_id = 5; ANALYZE t"
            ))
            .await
            .unwrap();
        let app = row.app().await;
        let near = "ORDER BY at <-> point(3, 3) LIMIT 3";
        assert!(!explain(&app, &format!("true {near}")).await.contains("five"));
        assert!(explain(&app, &format!("tenant_id = 5 {near}")).await.contains("five"));
    }
}

#[tokio::test]
async fn names_over_sixty_three_bytes_are_cut() {
    let (table, column) = ("t".repeat(40), "c".repeat(20));
    let sql = format!(
        "CREATE TABLE {table} ({column} bigint PRIMARY KEY, {column}_ bigint); CREATE TABLE c (a bigint REFERENCES {table})"
    );
    let cut = format!("CONSTRAINT {table}_tenant_id_{}_key UNIQUE (tenant_id, {column})", "c".repeat(8));
    becomes(&sql, "[tenancy]\nkeys = \"global-id\"", &[&cut]).await;
    let whole = "n".repeat(63);
    becomes(
        &format!("CREATE TABLE t (id bigint PRIMARY KEY, {whole} int); CREATE INDEX {whole} ON t ({whole})"),
        "",
        &[&format!("CREATE INDEX {whole} ON t USING btree (tenant_id, {whole})")],
    )
    .await;
}
