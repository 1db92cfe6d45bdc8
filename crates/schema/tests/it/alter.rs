//! ALTER plans against real servers: a database that has rows becomes what the rules want, by whichever road and however often
//! it is interrupted.

use crate::harness::{Lab, declared, ident, target};
use crate::sample::{SAMPLE, declaration};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use tenantry_core::{ContextKind, TenancyModel};
use tenantry_schema::alter::{Effort, Lock, Step, Style, alter, alter_by, without_leftovers};
use tenantry_schema::{Declaration, Floor, Keys, Model, reconcile};
use tenantry_testkit::versions_for_tests;

const PARTITIONED: &str = include_str!("../data/alter.sql");

fn wanted(from: &Model, declaration: &Declaration) -> Model {
    let floor = Floor { context: ContextKind::Carrier, tenant_value: None };
    reconcile(&without_leftovers(from), declaration, TenancyModel::Shared, &floor).model
}

fn plan(from: &Model, to: &Model, style: Style) -> Vec<Step> {
    alter(from, to, &target(TenancyModel::Shared), style).unwrap_or_else(|error| panic!("{error}"))
}

/// Steps that belong into one transaction.
fn units(steps: &[Step]) -> Vec<&[Step]> {
    steps.chunk_by(|a, b| a.group.is_some() && a.group == b.group).collect()
}

async fn run(lab: &Lab, unit: &[Step]) {
    lab.client.batch_execute("SET search_path TO public, pg_catalog").await.unwrap();
    let alone = unit.len() == 1;
    if !alone {
        lab.client.batch_execute("BEGIN").await.unwrap();
    }
    for step in unit {
        let done = lab.client.batch_execute(&step.sql).await;
        done.unwrap_or_else(|error| panic!("{}\n{error:?}", step.sql));
    }
    if !alone {
        lab.client.batch_execute("COMMIT").await.unwrap();
    }
}

/// All at once for the plain style, which is for one transaction; unit by unit for the other.
async fn run_all(lab: &Lab, steps: &[Step], style: Style) {
    if style == Style::Online {
        for unit in units(steps) {
            run(lab, unit).await;
        }
        return;
    }
    assert!(steps.iter().all(|step| step.transactional));
    run(lab, steps).await;
}

/// The model with the tenant column alone added, as it is while rows get their tenant.
fn with_columns(from: &Model, to: &Model) -> Model {
    let mut model = from.clone();
    for table in &mut model.tables {
        let new = to.table(&table.name).unwrap().columns.iter();
        let added: Vec<_> = new.filter(|column| table.column(&column.name).is_none()).cloned().collect();
        table.columns.extend(added.into_iter().map(|mut column| {
            (column.default, column.not_null) = (None, false);
            column
        }));
    }
    model
}

async fn give_rows_a_tenant(lab: &Lab, model: &Model, column: &str) {
    for table in model.tables.iter().filter(|table| !table.is_partition()) {
        if table.column(column).is_some() {
            let sql =
                format!("UPDATE public.\"{}\" SET \"{column}\" = 5 WHERE \"{column}\" IS NULL", table.name);
            lab.client.batch_execute(&sql).await.unwrap();
        }
    }
}

fn assert_same(read: &Model, to: &Model, label: &str) {
    let (read, to) = (serde_json::to_value(read).unwrap(), serde_json::to_value(to).unwrap());
    let mut differences = Vec::new();
    differ("", &read, &to, &mut differences);
    assert!(differences.is_empty(), "{label}: read back / wanted\n{}", differences.join("\n"));
}

fn differ(at: &str, a: &Value, b: &Value, out: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                differ(&format!("{at}.{key}"), a, b, out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                let name = a.get("name").and_then(Value::as_str).map_or(number.to_string(), str::to_owned);
                differ(&format!("{at}[{name}]"), a, b, out);
            }
        }
        (a, b) if a != b => out.push(format!("{at}: {a}\n    {b}")),
        _ => {}
    }
}

/// From the plain schema with rows to the shared one; then there is nothing left to do.
async fn convert(version: u32, sql: &str, declaration: &Declaration, style: Style) {
    let label = format!("{version} {style:?} {:?}", declaration.tenancy.keys);
    let lab = Lab::with(version, sql).await;
    let from = lab.public().await;
    let to = wanted(&from, declaration);
    let columns = with_columns(&from, &to);
    run_all(&lab, &plan(&from, &columns, style), style).await;
    let read = lab.public().await;
    assert_same(&read, &columns, &label);
    give_rows_a_tenant(&lab, &read, declaration.tenancy.column.as_str()).await;
    run_all(&lab, &plan(&read, &to, style), style).await;
    let read = lab.public().await;
    assert_same(&read, &to, &label);
    assert_eq!(plan(&read, &to, style), [], "{label}");
}

fn both_keys(declaration: &Declaration) -> [Declaration; 2] {
    [Keys::Composite, Keys::GlobalId].map(|keys| {
        let mut declaration = declaration.clone();
        declaration.tenancy.keys = keys;
        declaration
    })
}

#[tokio::test]
async fn the_sample_becomes_what_compile_makes() {
    for version in versions_for_tests() {
        for declaration in both_keys(&declaration()) {
            for style in [Style::Plain, Style::Online] {
                convert(version, SAMPLE, &declaration, style).await;
            }
        }
    }
}

#[tokio::test]
async fn tables_with_rows_partitions_and_constraints_of_every_kind() {
    for version in versions_for_tests() {
        for declaration in both_keys(&declared("")) {
            for style in [Style::Plain, Style::Online] {
                convert(version, PARTITIONED, &declaration, style).await;
            }
        }
    }
}

/// Planned anew after every unit: whatever a killed run leaves behind, the next one finishes.
#[tokio::test]
async fn a_plan_can_be_interrupted_anywhere() {
    for version in versions_for_tests() {
        for declaration in both_keys(&declared("")) {
            let lab = Lab::with(version, PARTITIONED).await;
            let from = lab.public().await;
            let to = wanted(&from, &declaration);
            run_all(&lab, &plan(&from, &with_columns(&from, &to), Style::Online), Style::Online).await;
            give_rows_a_tenant(&lab, &to, "tenant_id").await;
            let most = plan(&lab.public().await, &to, Style::Online).len();
            let mut before = Vec::new();
            for _ in 0..=most {
                let steps = plan(&lab.public().await, &to, Style::Online);
                let Some(first) = units(&steps).first().copied() else { break };
                assert_ne!(first, before, "it comes again");
                run(&lab, first).await;
                before = first.to_vec();
            }
            let read = lab.public().await;
            assert_same(&read, &to, &version.to_string());
            let left =
                lab.client.query("SELECT relname::text FROM pg_class WHERE relname LIKE 'tenantry\\_%'", &[]);
            assert_eq!(left.await.unwrap().len(), 0);
        }
    }
}

#[tokio::test]
async fn nothing_that_reads_rows_keeps_readers_or_writers_out() {
    let lab = Lab::with(15, SAMPLE).await;
    let from = lab.public().await;
    let to = wanted(&from, &declaration());
    for step in plan(&from, &to, Style::Online) {
        let long = step.effort != Effort::Moment;
        let exclusion = step.sql.contains("EXCLUDE USING");
        assert!(exclusion || !long || step.lock <= Lock::ShareUpdateExclusive, "{step:?}");
    }
}

#[tokio::test]
async fn a_failed_index_is_built_again() {
    let lab = Lab::with(
        15,
        "CREATE TABLE t (id int PRIMARY KEY, email text UNIQUE); INSERT INTO t VALUES (1, 'a')",
    )
    .await;
    let from = lab.public().await;
    let to = wanted(&from, &declared(""));
    run_all(&lab, &plan(&from, &with_columns(&from, &to), Style::Online), Style::Online).await;
    give_rows_a_tenant(&lab, &to, "tenant_id").await;
    let steps = plan(&lab.public().await, &to, Style::Online);
    let build = steps
        .iter()
        .find(|step| step.sql.contains("INDEX CONCURRENTLY") && step.place.starts_with("t_email_key"));
    // Duplicates make it fail half-way, as a cancelled statement would.
    let build = &build.unwrap().sql;
    lab.client.batch_execute("ALTER TABLE t DROP CONSTRAINT t_email_key; ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t VALUES (1, 'a', 5)").await.unwrap();
    assert!(lab.client.batch_execute(build).await.is_err());
    lab.client.batch_execute("DELETE FROM t WHERE ctid = (SELECT max(ctid) FROM t)").await.unwrap();
    let steps = plan(&lab.public().await, &to, Style::Online);
    assert!(steps[0].sql.starts_with("DROP INDEX CONCURRENTLY"), "{steps:?}");
    run_all(&lab, &steps, Style::Online).await;
    assert_same(&lab.public().await, &to, "after a failed index");
}

#[tokio::test]
async fn what_cannot_be_changed_is_named() {
    let lab =
        Lab::with(15, "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TYPE mood AS ENUM ('sad')").await;
    let from = lab.public().await;
    let refused = |change: &dyn Fn(&mut Model)| {
        let mut to = from.clone();
        change(&mut to);
        alter(&from, &to, &target(TenancyModel::Shared), Style::Online).unwrap_err().to_string()
    };
    let said = refused(&|to| to.tables[0].columns[1].type_name = "text".into());
    assert_eq!(said, "t.n: the type integer would become text");
    assert_eq!(refused(&|to| to.tables.clear()), "table t: it would have to be dropped");
    assert_eq!(refused(&|to| drop(to.tables[0].columns.pop())), "column t.n: it would have to be dropped");
    assert_eq!(refused(&|to| to.tables[0].columns.reverse()), "t: its columns would stand in another order");
    assert_eq!(refused(&|to| to.tables[0].unlogged = true), "t: its unlogged would change");
    assert_eq!(refused(&|to| to.types.clear()), "type mood: it would have to be dropped");
}

#[tokio::test]
async fn small_tables_may_go_the_short_way() {
    let lab = Lab::with(15, PARTITIONED).await;
    let from = lab.public().await;
    let to = wanted(&from, &declared(""));
    run_all(&lab, &plan(&from, &with_columns(&from, &to), Style::Online), Style::Online).await;
    give_rows_a_tenant(&lab, &to, "tenant_id").await;
    let style = |table: &str| if table.len().is_multiple_of(2) { Style::Plain } else { Style::Online };
    let read = lab.public().await;
    let steps = alter_by(&read, &to, &target(TenancyModel::Shared), &style).unwrap();
    run_all(&lab, &steps, Style::Online).await;
    assert_same(&lab.public().await, &to, "mixed");
}

/// Schemas out of a small grammar, with rows.
#[tokio::test]
async fn random_schemas_become_what_the_rules_want() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let strategy = prop::collection::vec((any::<[bool; 8]>(), 0usize..4, 0usize..5), 1..5);
    for case in 0..6 {
        let tables = strategy.new_tree(&mut runner).unwrap().current();
        let sql = random_schema(&tables);
        let version = versions_for_tests()[case % versions_for_tests().len()];
        for declaration in both_keys(&declared("")) {
            for style in [Style::Plain, Style::Online] {
                convert(version, &sql, &declaration, style).await;
            }
        }
    }
}

fn random_schema(tables: &[([bool; 8], usize, usize)]) -> String {
    let mut sql = String::new();
    for (at, (flags, parent, action)) in tables.iter().enumerate() {
        let [unique, partial, expression, to_itself, full, deferrable, check, nulls] = *flags;
        let action = ["", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"][*action];
        let action = if action.is_empty() { String::new() } else { format!(" ON DELETE {action}") };
        let parent = if to_itself { at } else { parent % (at + 1) };
        let full = if full { " MATCH FULL" } else { "" };
        let deferrable = if deferrable { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
        let nulls = if nulls { "NULLS NOT DISTINCT " } else { "" };
        sql.push_str(&format!(
            "CREATE TABLE t{at} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b int, name text{},
                parent bigint REFERENCES t{parent}{full}{action}{deferrable}, UNIQUE {nulls}(a, b),
                x int, y int, FOREIGN KEY (x, y) REFERENCES t{parent} (a, b){full}{action});\n",
            if unique { " UNIQUE" } else { "" }
        ));
        if partial {
            sql.push_str(&format!("CREATE UNIQUE INDEX ON t{at} (b) WHERE a > 0;\n"));
        }
        if expression {
            sql.push_str(&format!("CREATE INDEX ON t{at} (lower(name), a DESC) INCLUDE (b);\n"));
        }
        if check {
            sql.push_str(&format!(
                "ALTER TABLE t{at} ADD CHECK (a < 1000), ADD CHECK (b < 1000) NOT VALID;\n"
            ));
        }
        sql.push_str(&format!(
            "INSERT INTO t{at} (a, b, name, parent, x, y) SELECT n, n, 'n' || n, n, n, n FROM generate_series(1, 20) n;\n"
        ));
    }
    sql
}

#[test]
fn names_of_helpers_are_known() {
    assert!(tenantry_schema::alter::is_leftover("tenantry_new_0011223344556677"));
    assert!(!tenantry_schema::alter::is_leftover("tenantry_floor"));
    assert_eq!(ident("public").as_str(), "public");
}
