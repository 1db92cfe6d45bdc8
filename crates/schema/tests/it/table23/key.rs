//! Columns, keys and references.

use super::{becomes, becomes_from, refused, rows, told};
use crate::harness::{refusal, text};

const FOREIGN_KEY: &str = "23503";
const CHECK: &str = "23514";
const UNIQUE: &str = "23505";

#[tokio::test]
async fn columns_checks_defaults_collations_and_storage() {
    let sql = "CREATE TABLE t (
        id bigint PRIMARY KEY, a int NOT NULL DEFAULT 1 CHECK (a > 0), b text COLLATE \"C\", c text CONSTRAINT named CHECK (c <> ''));
        ALTER TABLE t ALTER c SET STORAGE EXTERNAL";
    becomes(
        sql,
        "",
        &[
            "a integer DEFAULT 1 NOT NULL, b text COLLATE \"C\", c text, tenant_id bigint DEFAULT tenancy.tenant_id() NOT NULL,",
            "CONSTRAINT t_a_check CHECK ((a > 0))",
            "CONSTRAINT named CHECK ((c <> ''::text))",
            "ALTER COLUMN c SET STORAGE EXTERNAL",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_column_that_is_there_is_adopted() {
    let sql = "CREATE TABLE t (id bigint PRIMARY KEY, tenant_id bigint)";
    becomes(sql, "", &["id bigint NOT NULL, tenant_id bigint DEFAULT tenancy.tenant_id() NOT NULL"]).await;
}

#[tokio::test]
async fn inline_constraints_are_lifted() {
    let sql = "CREATE TABLE p (id bigint PRIMARY KEY);
        CREATE TABLE t (id bigint PRIMARY KEY, a int UNIQUE DEFERRABLE, p bigint REFERENCES p DEFERRABLE INITIALLY DEFERRED)";
    let expected = [
        "CONSTRAINT t_pkey PRIMARY KEY (tenant_id, id)",
        "CONSTRAINT t_a_key UNIQUE (tenant_id, a) DEFERRABLE",
        "CONSTRAINT t_p_fkey FOREIGN KEY (tenant_id, p) REFERENCES p (tenant_id, id) DEFERRABLE INITIALLY DEFERRED",
    ];
    becomes(sql, "", &expected).await;
}

#[tokio::test]
async fn primary_key() {
    let sql = "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE c (a int, b int, FOREIGN KEY (a, b) REFERENCES t)";
    becomes(sql, "", &["PRIMARY KEY (tenant_id, a, b)", "REFERENCES t (tenant_id, a, b)"]).await;
    let global_id = [
        "PRIMARY KEY (a, b)",
        "CONSTRAINT t_tenant_id_a_b_key UNIQUE (tenant_id, a, b)",
        "REFERENCES t (tenant_id, a, b)",
    ];
    becomes(sql, "[tenancy]\nkeys = \"global-id\"", &global_id).await;
}

#[tokio::test]
async fn unique() {
    let sql = "CREATE TABLE t (id bigint PRIMARY KEY, a int, b int, c text, token text UNIQUE,
            CONSTRAINT n UNIQUE NULLS NOT DISTINCT (a), CONSTRAINT i UNIQUE (b) INCLUDE (c), CONSTRAINT d UNIQUE (c) DEFERRABLE);
        CREATE UNIQUE INDEX e ON t (lower(c)) WHERE a > 0";
    let expected = [
        "CONSTRAINT n UNIQUE NULLS NOT DISTINCT (tenant_id, a)",
        "CONSTRAINT i UNIQUE (tenant_id, b) INCLUDE (c)",
        "CONSTRAINT d UNIQUE (tenant_id, c) DEFERRABLE",
        "CREATE UNIQUE INDEX e ON t USING btree (tenant_id, lower(c)) WHERE (a > 0)",
        "CONSTRAINT t_token_key UNIQUE (token)",
    ];
    becomes(sql, "[unique]\n\"t.token\" = \"global\"", &expected).await;
    for row in rows(15, sql, "").await {
        let app = row.app().await;
        app.batch_execute("INSERT INTO t (id, a, c) VALUES (1, NULL, 'x')").await.unwrap();
        assert_eq!(
            refusal(&app, "INSERT INTO t (id, a) VALUES (2, NULL)").await,
            UNIQUE,
            "nulls are not distinct"
        );
        app.batch_execute("SET tenancy.lab TO '6'; INSERT INTO t (id, a, c) VALUES (1, NULL, 'x')")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn foreign_key_within_tenants() {
    let sql = "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, p bigint REFERENCES p, self bigint REFERENCES t)";
    for row in rows(15, sql, "").await {
        let app = row.app().await;
        app.batch_execute("INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1, 1), (2, NULL, NULL)")
            .await
            .unwrap();
        app.batch_execute("SET tenancy.lab TO '6'").await.unwrap();
        assert_eq!(
            refusal(&app, "INSERT INTO t VALUES (1, 1, NULL)").await,
            FOREIGN_KEY,
            "another tenant's row"
        );
        assert_eq!(
            refusal(&app, "INSERT INTO t VALUES (1, NULL, 2)").await,
            FOREIGN_KEY,
            "another tenant's row"
        );
    }
}

#[tokio::test]
async fn foreign_key_to_a_global_table() {
    let sql = "CREATE TABLE g (id bigint PRIMARY KEY);
        CREATE TABLE t (id bigint PRIMARY KEY, g bigint REFERENCES g, h bigint REFERENCES g ON DELETE CASCADE)";
    let declaration = "[tables]\ng = \"global\"";
    becomes(sql, declaration, &["FOREIGN KEY (g) REFERENCES g (id)"]).await;
    let expected = [
        "warning[foreign-key]: t_h_fkey on t: ON DELETE CASCADE: deleting a row of g changes rows of every tenant",
        "note[foreign-key]: g: tenant tables refer to it (t_g_fkey on t, t_h_fkey on t); where it is a copy, \
         deleting a row is not checked against them",
    ];
    told(sql, declaration, &expected).await;
}

#[tokio::test]
async fn foreign_key_from_a_global_or_scoped_table_to_a_tenants() {
    let sql = "CREATE TABLE t (id bigint PRIMARY KEY); CREATE TABLE g (id bigint PRIMARY KEY, t bigint REFERENCES t)";
    for kind in ["global", "scoped"] {
        let expected = format!(
            "error[foreign-key]: g_t_fkey on g: a {kind} table refers to the tenant table t: its rows are not one tenant's"
        );
        refused(sql, &format!("[tables]\ng = \"{kind}\""), &expected).await;
    }
}

#[tokio::test]
async fn match_full_over_one_column() {
    let sql = "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, p bigint REFERENCES p MATCH FULL)";
    for row in rows(15, sql, "").await {
        assert!(!row.compiled.to_sql().contains("MATCH FULL"));
        row.app().await.batch_execute("INSERT INTO t VALUES (1, NULL)").await.unwrap();
    }
}

#[tokio::test]
async fn match_full_over_several_columns() {
    let sql = "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
        CREATE TABLE t (id bigint PRIMARY KEY, a int, b int, CONSTRAINT k FOREIGN KEY (a, b) REFERENCES p MATCH FULL)";
    for row in rows(15, sql, "").await {
        assert!(row.holds("CONSTRAINT k_full CHECK ((num_nulls(a, b) = ANY (ARRAY[0, 2])))"));
        let app = row.app().await;
        assert_eq!(refusal(&app, "INSERT INTO t VALUES (1, 1, NULL)").await, CHECK);
        assert_eq!(refusal(&app, "INSERT INTO t VALUES (1, NULL, NULL)").await, "accepted");
        assert_eq!(refusal(&app, "INSERT INTO t VALUES (2, 1, 1)").await, FOREIGN_KEY);
    }
}

#[tokio::test]
async fn on_delete_set_null_and_set_default() {
    let sql = "CREATE TABLE p (id bigint PRIMARY KEY);
        CREATE TABLE t (id bigint PRIMARY KEY, n bigint REFERENCES p ON DELETE SET NULL, d bigint DEFAULT 1 REFERENCES p ON DELETE SET DEFAULT)";
    for row in rows(15, sql, "").await {
        let app = row.app().await;
        app.batch_execute(
            "INSERT INTO p VALUES (1), (2); INSERT INTO t VALUES (1, 2, 2); DELETE FROM p WHERE id = 2",
        )
        .await
        .unwrap();
        assert_eq!(text(&app, "SELECT concat_ws(' ', coalesce(n, 0), d, tenant_id) FROM t").await, "0 1 5");
    }
}

#[tokio::test]
async fn on_update_set_null_and_set_default() {
    for action in ["SET NULL", "SET DEFAULT"] {
        let sql = format!(
            "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, p bigint REFERENCES p ON UPDATE {action})"
        );
        refused(
            &sql,
            "",
            &format!("error[foreign-key]: t_p_fkey on t: ON UPDATE {action} would set the tenant column too"),
        )
        .await;
    }
}

#[tokio::test]
async fn on_update_cascade_deferrable_and_not_valid() {
    let sql = "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, p bigint);
        ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (p) REFERENCES p ON UPDATE CASCADE DEFERRABLE NOT VALID";
    let expected =
        "FOREIGN KEY (tenant_id, p) REFERENCES p (tenant_id, id) ON UPDATE CASCADE DEFERRABLE NOT VALID";
    becomes(sql, "", &[expected]).await;
    for row in rows(15, sql, "").await {
        let app = row.app().await;
        app.batch_execute("INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1); UPDATE p SET id = 2")
            .await
            .unwrap();
        assert_eq!(text(&app, "SELECT p || ' ' || tenant_id FROM t").await, "2 5");
    }
}

#[tokio::test]
async fn temporal_keys_and_constraints_that_are_not_enforced() {
    let sql = "CREATE EXTENSION btree_gist;
        CREATE TABLE rooms (id bigint, during tstzrange, PRIMARY KEY (id, during WITHOUT OVERLAPS), UNIQUE (during, id));
        CREATE TABLE stays (id bigint PRIMARY KEY, room bigint, during tstzrange,
            FOREIGN KEY (room, PERIOD during) REFERENCES rooms (id, PERIOD during), CONSTRAINT c CHECK (id > 0) NOT ENFORCED);
        ALTER TABLE stays ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES stays NOT ENFORCED";
    let expected = [
        "PRIMARY KEY (tenant_id, id, during WITHOUT OVERLAPS)",
        "FOREIGN KEY (tenant_id, room, PERIOD during) REFERENCES rooms (tenant_id, id, PERIOD during)",
        "FOREIGN KEY (tenant_id, id) REFERENCES stays (tenant_id, id) NOT ENFORCED",
        "CONSTRAINT c CHECK ((id > 0)) NOT ENFORCED",
    ];
    becomes_from(18, sql, "", &expected).await;
}

#[tokio::test]
async fn exclusion_constraints() {
    let table = "CREATE TABLE t (id bigint PRIMARY KEY, room int, during tstzrange, off boolean,
        CONSTRAINT x EXCLUDE USING gist (during WITH &&) WHERE (NOT off))";
    let without =
        "error[exclusion]: x on t: the tenant column can't take part in it without the extension btree_gist";
    refused(table, "", without).await;
    let with = format!("CREATE EXTENSION btree_gist; {table}");
    becomes(&with, "", &["EXCLUDE USING gist (tenant_id WITH =, during WITH &&) WHERE ((NOT off))"]).await;
    let partitioned = "CREATE EXTENSION btree_gist;
        CREATE TABLE t (d date, r tstzrange, CONSTRAINT x EXCLUDE USING gist (d WITH =, r WITH &&)) PARTITION BY RANGE (d);
        CREATE TABLE t_rest PARTITION OF t DEFAULT";
    becomes_from(17, partitioned, "", &["EXCLUDE USING gist (tenant_id WITH =, d WITH =, r WITH &&)"]).await;
}
