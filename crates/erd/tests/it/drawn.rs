//! The sample in every format, and a page of a hundred tables.

use tenantry_core::{SqlIdent, TenancyModel};
use tenantry_erd::{ErdError, Selection, dbml, diff, graph, html, layout, mermaid, select, summary, svg};
use tenantry_schema::{Declaration, Kind, Model, introspection, introspection_settings, read};
use tenantry_testkit::{fresh_database, shared, versions_for_tests};

const SAMPLE: &str = include_str!("../../../schema/tests/data/sample.sql");
const SAMPLE_DECLARED: &str = include_str!("../../../schema/tests/data/sample.toml");
const SAAS: &str = include_str!("../../../schema/tests/data/saas.sql");
const SAAS_DECLARED: &str = include_str!("../../../schema/tests/data/saas.toml");

async fn model(version: u32, sql: &str) -> Model {
    let postgres = shared(version).await;
    let database = fresh_database(postgres, "erd").await;
    let client = postgres.connect(&database).await.unwrap();
    client.batch_execute(sql).await.unwrap();
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
    client.batch_execute(&introspection_settings(&SqlIdent::new("public").unwrap())).await.unwrap();
    let mut facts = Vec::new();
    for query in introspection() {
        facts.push((query.name.to_owned(), client.query_one(query.sql, &[]).await.unwrap().get(0)));
    }
    read(&facts).unwrap()
}

fn declared(text: &str) -> Declaration {
    toml::from_str(text).unwrap()
}

#[tokio::test]
async fn the_sample_in_every_format() {
    for version in versions_for_tests() {
        let plain = model(version, SAMPLE).await;
        let declaration = declared(SAMPLE_DECLARED);
        let of = |model| graph(&plain, &declaration, model);
        let shared = of(TenancyModel::Shared);
        insta::assert_snapshot!("sample_mermaid", mermaid(&shared));
        insta::assert_snapshot!("sample_dbml", dbml(&shared));
        let near = Selection { around: Some(("labels".to_owned(), 1)), ..Selection::default() };
        insta::assert_snapshot!("labels_svg", svg(&select(shared.clone(), &near).unwrap()));
        let changes = diff(&shared, &of(TenancyModel::Database));
        insta::assert_snapshot!("sample_differences", summary(&changes));
        insta::assert_snapshot!("sample_differences_mermaid", mermaid(&changes));
    }
}

/// What each model has is what each diagram shows.
#[tokio::test]
async fn a_model_has_its_own_keys() {
    let plain = model(15, SAMPLE).await;
    let declaration = declared(SAMPLE_DECLARED);
    let shared = graph(&plain, &declaration, TenancyModel::Shared);
    let database = graph(&plain, &declaration, TenancyModel::Database);
    let of = |graph: &tenantry_erd::Graph| {
        let found =
            graph.references.iter().find(|reference| reference.name == "tasks_project_id_fkey").unwrap();
        found.columns.join(", ")
    };
    assert_eq!(of(&shared), "tenant_id, project_id");
    assert_eq!(of(&database), "project_id");
    assert!(
        shared.references.iter().all(|reference| !reference.crosses_tenants),
        "the rules leave no such key"
    );
    let tasks = shared.table("tasks").unwrap();
    assert!(tasks.column("tenant_id").unwrap().tenant);
    assert_eq!(tasks.kind, Some(Kind::Tenant));
    assert_eq!(shared.table("countries").unwrap().kind, Some(Kind::Global));
    assert!(shared.table("events_2026").is_none(), "partitions are part of their parent");
    assert_eq!(shared.table("events").unwrap().partitions.len(), 2);
}

/// A global table that refers to a tenant's row shows one tenant's row to all.
#[tokio::test]
async fn keys_that_could_cross_tenants_are_red() {
    let sql = "CREATE TABLE users (id bigint PRIMARY KEY);
               CREATE TABLE settings (id bigint PRIMARY KEY, changed_by bigint REFERENCES users)";
    let plain = model(15, sql).await;
    let declaration = declared("[tables]\nsettings = \"global\"");
    let shared = graph(&plain, &declaration, TenancyModel::Shared);
    assert!(shared.references[0].crosses_tenants);
    assert!(svg(&shared).contains("class=\"ref same crosses\""));
    let database = graph(&plain, &declaration, TenancyModel::Database);
    assert!(!database.references[0].crosses_tenants, "there is one tenant");
}

#[tokio::test]
async fn a_hundred_tables_make_one_page() {
    let plain = model(15, SAAS).await;
    let shared = graph(&plain, &declared(SAAS_DECLARED), TenancyModel::Shared);
    assert_eq!(shared.tables.len(), 107);
    let drawn = layout::layout(&shared);
    let shape = drawn.width / drawn.height;
    assert!((1.0..2.4).contains(&shape), "no ribbon: {} x {}", drawn.width, drawn.height);
    assert_eq!(html(&shared), html(&graph(&plain, &declared(SAAS_DECLARED), TenancyModel::Shared)));
}

#[tokio::test]
async fn a_part_of_the_schema() {
    let plain = model(15, SAMPLE).await;
    let whole = graph(&plain, &Declaration::default(), TenancyModel::Shared);
    let names = |selection: Selection| -> Vec<String> {
        select(whole.clone(), &selection).unwrap().tables.into_iter().map(|table| table.name).collect()
    };
    let around =
        |distance| Selection { around: Some(("labels".to_owned(), distance)), ..Selection::default() };
    assert_eq!(names(around(0)), ["labels"]);
    assert_eq!(names(around(1)), ["labels", "task_labels"]);
    assert_eq!(names(around(2)), ["labels", "task_labels", "tasks"]);
    let like = Selection { tables: vec!["task*".to_owned(), "users".to_owned()], ..Selection::default() };
    assert_eq!(names(like), ["task_labels", "tasks", "users"]);
    let first = whole.domains[0].clone();
    assert_eq!(names(Selection { domain: Some(first.name), ..Selection::default() }), first.tables);
    let wrong = Selection { around: Some(("task".to_owned(), 1)), ..Selection::default() };
    let Err(error @ ErdError::UnknownTable { .. }) = select(whole, &wrong) else {
        panic!("there is no such table")
    };
    assert_eq!(error.hint().unwrap(), "there is a table tasks");
}
