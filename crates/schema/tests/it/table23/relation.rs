//! Partitions, children, views.

use super::{becomes, refused, rows, told};
use crate::harness::{Lab, OWNER, declared, refusal, round_trip, target, text};
use tenantry_core::TenancyModel;
use tenantry_testkit::versions_for_tests;

const DENIED: &str = "42501";

#[tokio::test]
async fn partition_by_range() {
    let sql = "CREATE TABLE t (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at), UNIQUE (at)) PARTITION BY RANGE (at);
        CREATE TABLE t_old PARTITION OF t FOR VALUES FROM (MINVALUE) TO ('2026-01-01 00:00+00');
        CREATE TABLE t_rest PARTITION OF t DEFAULT; CREATE INDEX i ON t (at)";
    for row in rows(15, sql, "").await {
        for fragment in [
            "PRIMARY KEY (tenant_id, id, at)",
            "UNIQUE (tenant_id, at)",
            "INDEX i ON t USING btree (tenant_id, at)",
            "PARTITION BY RANGE (at)",
            "POLICY tenantry_floor ON t_old AS RESTRICTIVE",
            "ATTACH PARTITION t_old FOR VALUES FROM (MINVALUE) TO ('2026-01-01",
        ] {
            assert!(row.holds(fragment), "{fragment}");
        }
        let app = row.app().await;
        app.batch_execute("INSERT INTO t VALUES (1, '2025-01-01'), (1, '2026-01-01')").await.unwrap();
        assert_eq!(refusal(&app, "SELECT * FROM t_old").await, DENIED, "partitions are not granted");
        // Nor does the owner see another tenant's rows there.
        row.lab
            .client
            .batch_execute(&format!("SET SESSION AUTHORIZATION {OWNER}; SET tenancy.lab TO '6'"))
            .await
            .unwrap();
        assert_eq!(text(&row.lab.client, "SELECT count(*)::text FROM t_old").await, "0");
    }
    becomes(sql, "[tenancy]\nkeys = \"global-id\"", &["UNIQUE (tenant_id, id, at)"]).await;
}

#[tokio::test]
async fn inherits() {
    let sql = "CREATE TABLE p (id bigint PRIMARY KEY, a int, CHECK (a > 0));
        CREATE TABLE c (b int UNIQUE, PRIMARY KEY (id)) INHERITS (p);
        CREATE TABLE d (e int) INHERITS (c);
        CREATE TABLE q (x int); CREATE TABLE two (y int) INHERITS (p, q);
        CREATE TABLE late (y int, a int, id bigint NOT NULL, CHECK (a > 0)); ALTER TABLE late ADD CONSTRAINT p_a_check CHECK (a > 0);
        ALTER TABLE late INHERIT p";
    for row in rows(15, sql, "").await {
        for fragment in [
            "CREATE TABLE c (b integer, CONSTRAINT c_pkey PRIMARY KEY (tenant_id, id), CONSTRAINT c_b_key UNIQUE (tenant_id, b)",
            // From 18 on its key says NOT NULL again, which is a constraint of its own.
            ") INHERITS (p)",
            "POLICY tenantry_floor ON c AS RESTRICTIVE",
            "POLICY tenantry_floor ON d AS RESTRICTIVE",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE d TO",
        ] {
            assert!(row.holds(fragment), "{fragment}\n{}", row.compiled.to_sql());
        }
        let app = row.app().await;
        app.batch_execute("INSERT INTO c (id, a, b) VALUES (1, 1, 1); INSERT INTO d (id, a) VALUES (2, 1); INSERT INTO late (id) VALUES (3)")
            .await
            .unwrap();
        assert_eq!(
            text(&app, "SELECT string_agg(id || ':' || tenant_id, ' ' ORDER BY id) FROM p").await,
            "1:5 2:5 3:5"
        );
        app.batch_execute("SET tenancy.lab TO '6'; INSERT INTO c (id, a, b) VALUES (1, 1, 1)").await.unwrap();
        for table in ["p", "c", "d", "late"] {
            let seen = format!("SELECT coalesce(string_agg(tenant_id::text, ' '), '') FROM {table}");
            let expected = if ["p", "c"].contains(&table) { "6" } else { "" };
            assert_eq!(text(&app, &seen).await, expected, "{table}");
        }
        assert_eq!(
            refusal(&app, "INSERT INTO d (id, a, tenant_id) VALUES (9, 1, 5)").await,
            DENIED,
            "the child has a floor of its own"
        );
    }
    let adopted = "CREATE TABLE p (tenant_id bigint, a int); CREATE TABLE c (b int) INHERITS (p)";
    becomes(adopted, "", &["CREATE TABLE c (b integer) INHERITS (p)"]).await;
    let mixed = "CREATE TABLE p (a int); CREATE TABLE c (b int) INHERITS (p)";
    refused(
        mixed,
        "[tables]\nc = \"global\"",
        "error[table]: c: it is global, but inherits from p, which is tenant",
    )
    .await;
}

#[tokio::test]
async fn like_create_table_as_and_of_type() {
    let sql = "CREATE TABLE a (id bigint PRIMARY KEY, b int DEFAULT 1 CHECK (b > 0));
        CREATE TABLE l (LIKE a INCLUDING ALL); CREATE TABLE s AS SELECT id, b FROM a; ALTER TABLE s ADD PRIMARY KEY (id);
        CREATE TYPE pair AS (x int, y text); CREATE TABLE o OF pair (PRIMARY KEY (x))";
    let expected = [
        "b integer DEFAULT 1, tenant_id bigint DEFAULT tenancy.tenant_id() NOT NULL, CONSTRAINT l_pkey",
        "b integer, tenant_id bigint DEFAULT tenancy.tenant_id() NOT NULL, CONSTRAINT s_pkey",
        "y text, tenant_id bigint DEFAULT tenancy.tenant_id() NOT NULL, CONSTRAINT o_pkey",
    ];
    becomes(sql, "", &expected).await;
}

const TABLES: &str = "CREATE TABLE a (id bigint PRIMARY KEY, name text);
    CREATE TABLE b (id bigint PRIMARY KEY, a bigint REFERENCES a, name text);";

#[tokio::test]
async fn view() {
    let sql = format!("{TABLES} CREATE VIEW v AS SELECT * FROM a");
    for row in rows(15, &sql, "").await {
        assert!(row.holds("CREATE VIEW v WITH (security_invoker = 'true')"));
        let app = row.app().await;
        app.batch_execute(
            "INSERT INTO a VALUES (1, 'x'); SET tenancy.lab TO '6'; INSERT INTO a VALUES (1, 'y')",
        )
        .await
        .unwrap();
        assert_eq!(text(&app, "SELECT string_agg(v::text, ' ') FROM v").await, "(1,y)");
    }
}

#[tokio::test]
async fn view_whose_group_by_rests_on_a_primary_key() {
    let sql = format!(
        "{TABLES} CREATE VIEW v AS SELECT a.name, count(b.id) AS n FROM a LEFT JOIN b ON b.a = a.id GROUP BY a.id;
         CREATE VIEW w AS SELECT x.id, x.name, (SELECT y.name FROM a y WHERE y.id = x.id GROUP BY y.id) AS again FROM a x GROUP BY x.id"
    );
    for row in rows(15, &sql, "").await {
        assert!(row.holds("GROUP BY a.id, a.tenant_id"), "{}", row.compiled.to_sql());
        let app = row.app().await;
        let fill = "INSERT INTO a VALUES (1, 'x'), (2, 'y'); INSERT INTO b VALUES (1, 1), (2, 1)";
        app.batch_execute(&format!("{fill}; SET tenancy.lab TO '6'; {fill}")).await.unwrap();
        assert_eq!(text(&app, "SELECT string_agg(v::text, ' ' ORDER BY name) FROM v").await, "(x,2) (y,0)");
        assert_eq!(text(&app, "SELECT string_agg(w::text, ' ' ORDER BY id) FROM w").await, "(1,x,x) (2,y,y)");
    }
    // Renamed columns are followed; the columns of a join that has a name are not.
    let renamed = format!("{TABLES} CREATE VIEW v AS SELECT n, count(*) FROM a AS x (i, n) GROUP BY i");
    becomes(&renamed, "", &["FROM a x(i, n, tenant_id) GROUP BY"]).await;
    let joined = format!(
        "{TABLES} CREATE VIEW v AS SELECT j.name, count(*) FROM (a CROSS JOIN generate_series(1, 2) n) AS j GROUP BY j.id"
    );
    let error =
        "error[view]: view v: its GROUP BY rests on the primary key of a, which gets the tenant column";
    refused(&joined, "", error).await;
    becomes(&joined, "[tenancy]\nkeys = \"global-id\"", &["CREATE VIEW v"]).await;
}

#[tokio::test]
async fn view_of_all_columns_of_two_tables() {
    let sql = "CREATE TABLE a (a1 bigint PRIMARY KEY); CREATE TABLE b (b1 bigint PRIMARY KEY); CREATE VIEW v AS SELECT a.*, b.* FROM a, b";
    for row in rows(15, sql, "").await {
        let app = row.app().await;
        app.batch_execute("INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)").await.unwrap();
        assert_eq!(text(&app, "SELECT v::text FROM v").await, "(1,2)");
    }
    let whole = "CREATE TABLE a (id bigint PRIMARY KEY); CREATE VIEW v AS SELECT to_jsonb(a) AS j FROM a";
    told(
        whole,
        "",
        &["note[view]: view v: it uses whole rows (t.*): in shared tables they have tenant_id too"],
    )
    .await;
}

const MATERIALIZED: &str = "CREATE TABLE a (id bigint PRIMARY KEY, name text); CREATE TABLE b (id bigint PRIMARY KEY, a bigint REFERENCES a);
    CREATE MATERIALIZED VIEW m WITH (fillfactor = 70) AS SELECT a.name, count(b.id) AS n FROM a LEFT JOIN b ON b.a = a.id GROUP BY a.id;
    COMMENT ON MATERIALIZED VIEW m IS 'by name'; CREATE UNIQUE INDEX i ON m (name); CREATE INDEX j ON m (n) WHERE n > 1;
    CREATE MATERIALIZED VIEW total AS SELECT sum(n) AS n, (SELECT name FROM m ORDER BY n DESC LIMIT 1) AS most FROM m;
    CREATE VIEW v AS SELECT * FROM m";

#[tokio::test]
async fn materialized_view_and_its_indexes() {
    for keys in ["composite", "global-id"] {
        for row in rows(15, MATERIALIZED, &format!("[tenancy]\nkeys = \"{keys}\"")).await {
            assert!(
                row.holds("UNIQUE INDEX i ON m USING btree (tenant_id, name)"),
                "{}",
                row.compiled.to_sql()
            );
            assert!(row.holds("INDEX j ON m USING btree (tenant_id, n) WHERE (n > 1)"));
            let app = row.app().await;
            let fill = |at: i32| {
                format!(
                    "INSERT INTO a VALUES ({at}, 'x'), ({at} + 1, 'y'); INSERT INTO b VALUES ({at}, {at} + 1)"
                )
            };
            app.batch_execute(&format!("{}; SELECT refresh_m(), refresh_total()", fill(1))).await.unwrap();
            app.batch_execute(&format!("SET tenancy.lab TO '6'; {}", fill(11))).await.unwrap();
            app.batch_execute("INSERT INTO b VALUES (12, 12)").await.unwrap();
            assert_eq!(text(&app, "SELECT count(*)::text FROM m").await, "0", "it is not refreshed yet");
            // As often as one likes.
            for _ in 0..2 {
                app.batch_execute("SELECT refresh_m(), refresh_total()").await.unwrap();
            }
            let seen =
                "SELECT string_agg(v::text, ' ' ORDER BY name) || (SELECT total::text FROM total) FROM v";
            assert_eq!(text(&app, seen).await, "(x,0) (y,2)(2,y,6)");
            app.batch_execute("SET tenancy.lab TO '5'").await.unwrap();
            assert_eq!(text(&app, seen).await, "(x,0) (y,1)(1,y,5)");
            assert_eq!(text(&app, "SELECT count(*)::text FROM tenantry_refreshed").await, "2");
            app.batch_execute("SET tenancy.lab TO ''").await.unwrap();
            assert_eq!(text(&app, "SELECT count(*)::text FROM m").await, "0", "nobody sees nothing");
            assert_eq!(refusal(&app, "SELECT refresh_m()").await, DENIED, "nobody refreshes nothing");
        }
    }
}

/// A tenant's own schema is read by the role of all others.
#[tokio::test]
async fn materialized_view_in_a_tenants_own_schema() {
    for version in versions_for_tests() {
        let plain = Lab::with(version, MATERIALIZED).await.public().await;
        let target = target(TenancyModel::Schema);
        let (lab, _) = round_trip(version, &plain, &declared(""), &target).await;
        let app = lab.app().await;
        app.batch_execute("SET search_path TO t_5; SET tenancy.lab TO '5'").await.unwrap();
        app.batch_execute("INSERT INTO a VALUES (1, 'x'); SELECT refresh_m(), refresh_total()")
            .await
            .unwrap();
        assert_eq!(text(&app, "SELECT m::text FROM m").await, "(x,0)");
        app.batch_execute("SET tenancy.lab TO '6'").await.unwrap();
        assert_eq!(text(&app, "SELECT count(*)::text FROM m").await, "0");
        assert_eq!(refusal(&app, "SELECT refresh_m()").await, DENIED);
    }
}

/// The second one waits for the first, and then replaces what that has inserted.
#[tokio::test]
async fn materialized_views_are_refreshed_one_at_a_time() {
    let sql = "CREATE TABLE a (id bigint PRIMARY KEY); CREATE MATERIALIZED VIEW m AS SELECT id FROM a";
    for row in rows(15, sql, "").await {
        let (one, two, other) = (row.app().await, row.app().await, row.app().await);
        one.batch_execute("INSERT INTO a VALUES (1), (2); SELECT refresh_m(); BEGIN; SELECT refresh_m()")
            .await
            .unwrap();
        // Another tenant's need not wait.
        other
            .batch_execute("SET tenancy.lab TO '6'; INSERT INTO a VALUES (1); SELECT refresh_m()")
            .await
            .unwrap();
        let waiting = two.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
        let second = tokio::spawn(async move { two.batch_execute("SELECT refresh_m()").await });
        let blocked = format!("SELECT (cardinality(pg_blocking_pids({waiting})) > 0)::text");
        while text(&row.lab.client, &blocked).await != "true" {
            tokio::task::yield_now().await;
        }
        one.batch_execute("COMMIT").await.unwrap();
        second.await.unwrap().unwrap();
        assert_eq!(text(&one, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM m").await, "1 2");
    }
}

#[tokio::test]
async fn rewrite_rules() {
    let sql = format!("{TABLES} CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING");
    let error = "error[rewrite-rule]: rule r on a: what a rule puts in a statement's place runs as the owner, with the plain schema's columns and keys";
    refused(&sql, "", error).await;
}

#[tokio::test]
async fn foreign_tables() {
    let sql = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f (id int) SERVER s";
    refused(
        sql,
        "",
        "error[not-modelled]: foreign table f: row-level security does not exist for foreign tables",
    )
    .await;
}
