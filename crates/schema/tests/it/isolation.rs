//! What PostgreSQL makes of the compiled statements: who sees what, who may do what. The context here is a stand-in.

use crate::harness::{APP, Lab, OWNER, refusal, round_trip, target, text};
use crate::sample::{SAMPLE, declaration};
use tenantry_core::TenancyModel;
use tenantry_schema::{Declaration, compile};
use tenantry_testkit::versions_for_tests;
use tokio_postgres::Client;

const ROW_SECURITY: &str = "42501";
const FOREIGN_KEY: &str = "23503";
const UNIQUE: &str = "23505";

/// The sample in one model, with the global rows that it needs.
async fn sample(version: u32, model: TenancyModel) -> Lab {
    let plain = Lab::with(version, SAMPLE).await.public().await;
    let (lab, _) = round_trip(version, &plain, &declaration(), &target(model)).await;
    let global = "INSERT INTO public.countries VALUES ('DE', 'Germany'); INSERT INTO public.plans (name, price) VALUES ('free', 0)";
    lab.client.batch_execute(global).await.unwrap();
    lab
}

async fn enter(client: &Client, tenant: &str) {
    client.batch_execute(&format!("SET tenancy.lab TO '{tenant}'")).await.unwrap();
}

/// Two tenants with the same values in the same tables; no statement names a tenant.
async fn fill(client: &Client, tenant: &str) {
    enter(client, tenant).await;
    let rows = "
        INSERT INTO accounts (id, name, country, plan_id) OVERRIDING SYSTEM VALUE VALUES (1, 'a', 'DE', 1);
        INSERT INTO users (id, account_id, email, name) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'a@b', 'Ann');
        INSERT INTO projects (id, owner_id, name) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'p');
        INSERT INTO tasks (id, project_id, assignee_id, title) OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, 'First');
        INSERT INTO events (id, task_id, kind, created_at) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'made', '2026-05-01');";
    client.batch_execute(rows).await.unwrap();
}

#[tokio::test]
async fn shared_tenants_use_the_same_values_and_see_their_own_rows() {
    for version in versions_for_tests() {
        let lab = sample(version, TenancyModel::Shared).await;
        let app = lab.app().await;
        fill(&app, "1").await;
        fill(&app, "2").await;
        assert_eq!(text(&app, "SELECT string_agg(DISTINCT tenant_id::text, ',') FROM tasks").await, "2");
        assert_eq!(
            text(&app, "SELECT tasks::text FROM project_progress").await,
            "1",
            "views show the reader's rows"
        );
        assert_eq!(text(&app, "SELECT open_tasks(1)::text").await, "1");
        assert_eq!(
            text(&app, "SELECT count(*)::text FROM countries").await,
            "1",
            "global rows are everybody's"
        );
        assert_eq!(
            refusal(&app, "INSERT INTO users (account_id, email, name) VALUES (1, 'a@b', 'B')").await,
            UNIQUE
        );
        enter(&app, "").await;
        assert_eq!(text(&app, "SELECT count(*)::text FROM tasks").await, "0", "no context, no rows");
        let insert = "INSERT INTO labels (name) VALUES ('x')";
        assert_eq!(refusal(&app, insert).await, ROW_SECURITY, "no context, no tenant");
    }
}

#[tokio::test]
async fn shared_tenants_cant_reach_each_other() {
    for version in versions_for_tests() {
        let lab = sample(version, TenancyModel::Shared).await;
        let app = lab.app().await;
        fill(&app, "1").await;
        enter(&app, "2").await;
        for (attempt, expected) in [
            ("INSERT INTO labels (name, tenant_id) VALUES ('x', 1)", ROW_SECURITY),
            ("INSERT INTO comments (task_id, body) VALUES (1, 'x')", FOREIGN_KEY),
            ("INSERT INTO tasks (project_id, parent_id, title) VALUES (1, 1, 'x')", FOREIGN_KEY),
            ("SELECT * FROM events_2026", ROW_SECURITY),
            (
                "INSERT INTO events_2026 (kind, created_at, tenant_id) VALUES ('x', '2026-05-01', 1)",
                ROW_SECURITY,
            ),
            ("TRUNCATE tasks", ROW_SECURITY),
            ("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY", ROW_SECURITY),
            ("CREATE TRIGGER t BEFORE INSERT ON tasks EXECUTE FUNCTION touch()", ROW_SECURITY),
            ("INSERT INTO countries VALUES ('FR', 'France')", ROW_SECURITY),
            ("SET ROLE tenantry_owner", ROW_SECURITY),
        ] {
            assert_eq!(refusal(&app, attempt).await, expected, "{attempt}");
        }
        app.batch_execute("UPDATE tasks SET title = 'stolen'; DELETE FROM events").await.unwrap();
        assert_eq!(refusal(&app, "UPDATE labels SET tenant_id = 1").await, "accepted", "of no rows");
        enter(&app, "1").await;
        assert_eq!(text(&app, "SELECT title FROM tasks").await, "First");
        assert_eq!(
            refusal(&app, "UPDATE tasks SET tenant_id = 2").await,
            ROW_SECURITY,
            "a row keeps its tenant"
        );
        assert_eq!(text(&app, "SELECT count(*)::text FROM events").await, "1");
    }
}

#[tokio::test]
async fn deleting_sets_the_reference_to_null_and_not_the_tenant() {
    for version in versions_for_tests() {
        let lab = sample(version, TenancyModel::Shared).await;
        let app = lab.app().await;
        fill(&app, "1").await;
        fill(&app, "2").await;
        enter(&app, "1").await;
        app.batch_execute("DELETE FROM users").await.unwrap();
        let left = "SELECT tenant_id || ' ' || coalesce(assignee_id::text, 'nobody') FROM tasks";
        assert_eq!(text(&app, left).await, "1 nobody");
        app.batch_execute("UPDATE tasks SET title = 'Other'; DELETE FROM projects").await.unwrap();
        assert_eq!(text(&app, "SELECT count(*)::text FROM events").await, "0", "cascaded through tasks");
        enter(&app, "2").await;
        assert_eq!(text(&app, left).await, "2 1");
        assert_eq!(text(&app, "SELECT count(*)::text FROM events").await, "1");
    }
}

/// Even the owner of the tables is bound, and a partition read directly by the owner is too.
#[tokio::test]
async fn the_owner_is_bound_by_the_floor() {
    for version in versions_for_tests() {
        let lab = sample(version, TenancyModel::Shared).await;
        let app = lab.app().await;
        fill(&app, "1").await;
        lab.client
            .batch_execute(&format!("SET SESSION AUTHORIZATION {OWNER}; SET tenancy.lab TO '2'"))
            .await
            .unwrap();
        for table in ["tasks", "events", "events_2026"] {
            let count = format!("SELECT count(*)::text FROM {table}");
            assert_eq!(text(&lab.client, &count).await, "0", "{table}");
        }
        lab.client.batch_execute("SET tenancy.lab TO '1'").await.unwrap();
        assert_eq!(text(&lab.client, "SELECT count(*)::text FROM events_2026").await, "1");
    }
}

#[tokio::test]
async fn a_tenants_schema_opens_to_its_tenant_alone() {
    for version in versions_for_tests() {
        let lab = sample(version, TenancyModel::Schema).await;
        let app = lab.app().await;
        app.batch_execute("SET search_path TO t_5, public").await.unwrap();
        fill(&app, "5").await;
        assert_eq!(text(&app, "SELECT tasks::text FROM project_progress").await, "1");
        let plan = app.query("EXPLAIN SELECT * FROM tasks", &[]).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let filter = plan.iter().find(|line| line.contains("Filter:")).unwrap();
        assert!(!filter.contains("current_setting"), "the context is read once a statement: {plan:?}");
        enter(&app, "6").await;
        for relation in ["tasks", "project_progress"] {
            let count = format!("SELECT count(*)::text FROM {relation}");
            assert_eq!(text(&app, &count).await, "0", "{relation} is another tenant's");
        }
        assert_eq!(
            text(&app, "SELECT count(*)::text FROM countries").await,
            "1",
            "global rows are everybody's"
        );
        assert_eq!(refusal(&app, "INSERT INTO labels (name) VALUES ('x')").await, ROW_SECURITY);
        assert_eq!(refusal(&app, "SELECT * FROM events_2026").await, ROW_SECURITY);
    }
}

#[tokio::test]
async fn a_database_of_its_own_is_plain() {
    for version in versions_for_tests() {
        let lab = sample(version, TenancyModel::Database).await;
        let app = lab.app().await;
        fill(&app, "").await;
        assert_eq!(text(&app, "SELECT tasks::text FROM project_progress").await, "1");
        assert_eq!(refusal(&app, "TRUNCATE tasks").await, ROW_SECURITY);
        assert_eq!(refusal(&app, "INSERT INTO countries VALUES ('FR', 'France')").await, ROW_SECURITY);
    }
}

/// The facts that `\d` and `\dp` show.
#[tokio::test]
async fn owners_privileges_and_flags_are_as_said() {
    for version in versions_for_tests() {
        let lab = sample(version, TenancyModel::Shared).await;
        let strangers = format!(
            "SELECT string_agg(relname, ',') FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relowner <> '{OWNER}'::regrole"
        );
        assert_eq!(text(&lab.client, &strangers).await, "null", "everything belongs to the owner role");
        let unbound = "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                 AND NOT (relrowsecurity AND relforcerowsecurity)";
        assert_eq!(text(&lab.client, unbound).await, "countries,plans");
        let granted = format!(
            "SELECT string_agg(DISTINCT privilege_type, ',' ORDER BY privilege_type)
             FROM information_schema.role_table_grants WHERE grantee = '{APP}'"
        );
        assert_eq!(text(&lab.client, &granted).await, "DELETE,INSERT,SELECT,UPDATE");
        let sequences = format!(
            "SELECT count(*)::text FROM pg_class 
             WHERE CASE WHEN relkind = 'S' THEN has_sequence_privilege('{APP}', oid, 'USAGE') END"
        );
        assert_eq!(text(&lab.client, &sequences).await, "0", "identity columns need no grant");
        let led = "SELECT string_agg(i.indexrelid::regclass::text, ',' ORDER BY i.indexrelid::regclass::text)
             FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
             WHERE t.relnamespace = 'public'::regnamespace AND i.indkey[0] <> a.attnum";
        assert_eq!(text(&lab.client, led).await, "projects_settings,users_api_token_key");
        let attached = "SELECT count(*)::text FROM pg_inherits WHERE inhparent = 'events_by_task'::regclass";
        assert_eq!(text(&lab.client, attached).await, "2", "partitions' indexes became the parent's");
    }
}

#[tokio::test]
async fn a_serial_column_gets_its_sequence() {
    for version in versions_for_tests() {
        let sql = "CREATE TABLE items (id serial PRIMARY KEY, n int)";
        let plain = Lab::with(version, sql).await.public().await;
        for model in TenancyModel::ALL {
            let lab = Lab::new(version).await;
            let target = target(model);
            lab.apply(&compile(&plain, &Declaration::default(), &target).unwrap(), &target.schema).await;
            let app = lab.app().await;
            enter(&app, "5").await;
            app.batch_execute(&format!(
                "SET search_path TO {}; INSERT INTO items (n) VALUES (1)",
                target.schema
            ))
            .await
            .unwrap();
            assert_eq!(text(&app, "SELECT id::text FROM items").await, "1");
            assert_eq!(refusal(&app, "SELECT setval('items_id_seq', 1)").await, ROW_SECURITY);
        }
    }
}
