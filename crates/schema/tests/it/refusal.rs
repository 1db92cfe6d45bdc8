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
        "error[foreign-key]: b_a_fkey on b: a global table refers to the tenant table a: its rows are not one tenant's (declare b \"tenant\", or a \"global\", or drop the reference)",
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
        "CREATE TABLE a (id bigint PRIMARY KEY, name text);
         CREATE VIEW v AS SELECT j.name, count(*) FROM (a CROSS JOIN generate_series(1, 2) n) AS j GROUP BY j.id",
        "",
        shared,
        "error[view]: view v: its GROUP BY rests on the primary key of a, which gets the tenant column (name every selected column in GROUP BY, or declare keys = \"global-id\")",
    )
    .await;
    refused(
        "CREATE TABLE a (id bigint PRIMARY KEY); CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING",
        "",
        shared,
        "error[rewrite-rule]: rule r on a: what a rule puts in a statement's place runs as the owner, with the plain schema's columns and keys (use a trigger (INSTEAD OF for a view), or keep it, for tenants in schemas or databases of their own)",
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
    let model = &TenancyModel::ALL;
    refused(
        "CREATE SCHEMA billing; CREATE TABLE billing.a (id int)",
        "",
        model,
        "error[not-modelled]: schema billing: only one schema is read, and this one holds tables too (put the application's tables into one schema; what belongs to the operator alone belongs into another database)",
    )
    .await;
    refused(
        "CREATE TABLE p (id bigint); CREATE TABLE c () INHERITS (p)",
        "[tables]\nc = \"global\"",
        model,
        "error[table]: c: it is global, but inherits from p, which is tenant (declare p alone: children follow it; or make c a table by itself)",
    )
    .await;
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
