//! What is refused, where, and what people are told to do about it.

use crate::harness::{Lab, declared, target};
use tenantry_core::TenancyModel;
use tenantry_schema::{check, compile};
use tenantry_testkit::versions_for_tests;

/// The findings that refuse a schema, each with its rule and hint.
async fn refused(sql: &str, declaration: &str, models: &[TenancyModel], expected: &str) {
    let declaration = declared(declaration);
    for version in versions_for_tests() {
        let plain = Lab::with(version, sql).await.public().await;
        let report = check(&plain, &declaration);
        for model in models {
            let told: Vec<String> = report
                .errors(*model)
                .map(|error| format!("{error} ({})", error.hint.as_deref().unwrap_or("no hint")))
                .collect();
            assert_eq!(told.join("\n"), expected.trim(), "{model} on {version}:\n{sql}");
            assert!(compile(&plain, &declaration, &target(*model)).is_err(), "{sql}");
        }
    }
}

#[tokio::test]
async fn what_only_shared_tables_refuse() {
    let shared = &[TenancyModel::Shared];
    refused(
        "CREATE TABLE a (id bigint PRIMARY KEY, tenant_id integer)",
        "",
        shared,
        "error[tenant-column]: a.tenant_id: the tenant column is integer, but [tenancy] type is bigint (change the column's type, or declare another type or another column)",
    )
    .await;
    refused(
        "CREATE TABLE a (id bigint PRIMARY KEY); CREATE TABLE b (a bigint REFERENCES a)",
        "[tables]\nb = \"global\"",
        shared,
        "error[foreign-key]: b_a_fkey on b: a global table refers to the tenant table a (declare b \"tenant\", or a \"global\")",
    )
    .await;
    refused(
        "CREATE TABLE a (id bigint PRIMARY KEY, p bigint REFERENCES a ON UPDATE SET NULL)",
        "",
        shared,
        "error[foreign-key]: a_p_fkey on a: ON UPDATE SET NULL would set the tenant column too (use ON UPDATE CASCADE or NO ACTION, or a trigger)",
    )
    .await;
    refused(
        "CREATE TABLE a (id bigint PRIMARY KEY, during tstzrange, EXCLUDE USING gist (during WITH &&))",
        "",
        shared,
        "error[exclusion]: a_during_excl on a: the tenant column can't take part in it without the extension btree_gist (add CREATE EXTENSION btree_gist to the schema)",
    )
    .await;
    refused(
        "CREATE TABLE a (id bigint PRIMARY KEY, name text); CREATE VIEW v AS SELECT id, name, count(*) FROM a GROUP BY id",
        "",
        shared,
        "error[view]: view v: its GROUP BY rests on the primary key of a, which gets the tenant column (name every selected column in GROUP BY, or declare keys = \"global-id\")",
    )
    .await;
    refused(
        "CREATE TABLE a (id bigint PRIMARY KEY); CREATE POLICY p ON a USING (id > 0)",
        "",
        shared,
        "error[row-security]: a: it has policies that are not in force, and enabling row-level security would put them in force (enable row-level security in the plain schema, or drop the policies)",
    )
    .await;
}

#[tokio::test]
async fn what_every_model_refuses() {
    {
        let model = &TenancyModel::ALL;
        refused(
            "CREATE TABLE a (id bigint PRIMARY KEY); CREATE MATERIALIZED VIEW m AS SELECT * FROM a",
            "",
            model,
            "error[not-modelled]: materialized view m: row-level security does not reach a materialized view: every tenant would read all rows (make it a view, or a table that a job fills for each tenant)",
        )
        .await;
        refused(
            "CREATE TABLE a (id bigint PRIMARY KEY); CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING",
            "",
            model,
            "error[not-modelled]: rule r on a: a rule rewrites statements after the tenant was decided, and is not carried over (use a trigger (INSTEAD OF for a view))",
        )
        .await;
        refused(
            "CREATE TABLE a (id bigint PRIMARY KEY); CREATE TABLE b () INHERITS (a)",
            "",
            model,
            "error[table]: b: it inherits from a, which is not offered yet (use declarative partitions, or a view over separate tables)",
        )
        .await;
        refused(
            "CREATE SCHEMA billing; CREATE TABLE billing.a (id int)",
            "",
            model,
            "error[not-modelled]: schema billing: only one schema is read, and this one holds tables too (put the application's tables into one schema)",
        )
        .await;
        refused(
            "CREATE FUNCTION plus(a bigint, b int) RETURNS bigint LANGUAGE sql AS 'SELECT a + b';
             CREATE AGGREGATE total (int) (SFUNC = plus, STYPE = bigint)",
            "",
            model,
            "error[not-modelled]: aggregate total: objects of the kind \"aggregate\" are not carried over yet (put it into an extension, or leave it out)",
        )
        .await;
    }
}

#[tokio::test]
async fn what_a_tenants_own_schema_refuses() {
    refused(
        "CREATE EXTENSION citext; CREATE TABLE a (id bigint PRIMARY KEY, email citext)",
        "",
        &[TenancyModel::Schema],
        "error[extension]: extension citext: a use it, and a tenant's schema can't reach it yet (use the shared or the database model, or put the extension into a schema of its own)",
    )
    .await;
    refused(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path TO public, pg_temp AS 'SELECT 1'",
        "",
        &[TenancyModel::Schema],
        "error[function]: function f(): it pins search_path=public, pg_temp, but a tenant's schema has another name (drop the SET clause: the gateway sets search_path)",
    )
    .await;
}
