use super::super::lab::{compiles_to, hits, misses};
use super::*;

const SQL: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a int);";
const NOTE: &str = "note: materialized view m: REFRESH MATERIALIZED VIEW has nothing to refresh where tenants share a database";
const BECOMES: &str =
    "change: materialized view m: it becomes a table of each tenant's own rows, filled by refresh_m()";
const LOGGED: &str = "change: tenantry_refreshed: the table that says when a tenant's materialized views were refreshed is added";

fn view() -> String {
    format!(
        "{SQL} CREATE MATERIALIZED VIEW m AS SELECT a, count(*) AS n FROM t GROUP BY a; CREATE UNIQUE INDEX i ON m (a)"
    )
}

#[test]
fn they_become_tables_where_tenants_share_a_database() {
    hits(&MaterializedViews, &view(), "", &[BECOMES, NOTE, LOGGED]);
    compiles_to(
        &view(),
        "",
        "CREATE TABLE m (a integer, n bigint, tenant_id bigint DEFAULT tenancy.tenant_id() NOT NULL)",
    );
    compiles_to(&view(), "", "CREATE UNIQUE INDEX i ON m USING btree (tenant_id, a)");
    compiles_to(&view(), "", "CREATE POLICY tenantry_floor ON m AS RESTRICTIVE");
    compiles_to(&view(), "", "CREATE VIEW m_query WITH (security_invoker = 'true')");
    compiles_to(&view(), "", "INSERT INTO m (a, n) SELECT a, n FROM m_query;");
}

#[test]
fn one_of_global_tables_alone_stays_in_shared_tables() {
    // A tenant's own schema has copies of them with a floor.
    hits(&MaterializedViews, &view(), "[tables]\nt = \"global\"", &[BECOMES, NOTE, LOGGED]);
    compiles_to(&view(), "[tables]\nt = \"global\"", "CREATE MATERIALIZED VIEW m AS");
    let mixed = format!(
        "{SQL} CREATE TABLE g (id bigint PRIMARY KEY); CREATE VIEW v AS SELECT t.id FROM t; \
                         CREATE MATERIALIZED VIEW m AS SELECT id FROM v UNION SELECT id FROM g"
    );
    compiles_to(&mixed, "[tables]\ng = \"global\"", "CREATE TABLE m (id bigint");
    let calling = format!(
        "{SQL} CREATE FUNCTION f(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.t'; \
                           CREATE TABLE g (id bigint PRIMARY KEY); CREATE MATERIALIZED VIEW m AS SELECT f(id) AS n FROM g"
    );
    compiles_to(&calling, "[tables]\ng = \"global\"", "CREATE TABLE m (n bigint");
}

#[test]
fn names_that_are_taken() {
    let taken = format!("{} ; CREATE FUNCTION refresh_m() RETURNS int LANGUAGE sql AS 'SELECT 1'", view());
    let error = "error: materialized view m: the function that refreshes it would be refresh_m(), and there is one already";
    hits(&MaterializedViews, &taken, "", &[error]);
    let table = format!("{}; CREATE TABLE tenantry_refreshed (id int)", view());
    let error = "error: materialized view m: the table tenantry_refreshed is there already";
    hits(&MaterializedViews, &table, "", &[error]);
    compiles_to(&format!("{}; CREATE TABLE m_query (id int)", view()), "", "CREATE VIEW m_query1");
}

#[test]
fn views_are_not() {
    misses(&MaterializedViews, &format!("{SQL} CREATE VIEW v AS SELECT a, count(*) FROM t GROUP BY a"), "");
}
