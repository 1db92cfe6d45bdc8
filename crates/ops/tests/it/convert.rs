//! Converting databases that have rows and an application on them.

mod legacy;
mod moves;
mod sharing;
mod words;

use self::legacy::{Legacy, TABLES};
use crate::world::Recorder;
use tenantry_core::{SqlIdent, TenantKey};
use tenantry_ops::convert::{self, Phase, TenantTable, Tenants, Until};
use tenantry_ops::{OpsError, Silent, tenant};
use tenantry_schema::{Keys, Kind, TableEntry};
use tenantry_testkit::versions_for_tests;

/// From a plain database with rows and a running writer to tenants that see exactly their own.
#[tokio::test]
async fn mixed_rows_become_tenants_while_the_application_writes() {
    for version in versions_for_tests() {
        for keys in [Keys::Composite, Keys::GlobalId] {
            let legacy = Legacy::new(version).await;
            let mut request = legacy.request(Until::Enforce);
            request.declaration.tenancy.keys = keys;
            let writer = legacy.writer().await;
            request.until = Until::Observe;
            let done = convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
            assert_eq!((done.phase, done.tenants), (Phase::Observing, 4));
            // The old application still sees all of its rows, and may write.
            let written = writer.stop().await;
            assert!(written > 0, "the writer wrote while the database was converted");
            let everything = legacy.counts("").await;
            request.until = Until::Enforce;
            let done = convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
            assert_eq!(done.phase, Phase::Enforced);
            legacy.assert_isolated(&everything).await;
            legacy.assert_clean().await;
            assert_eq!(
                legacy.one("SELECT count(*) FROM tasks WHERE touched > 0").await,
                0,
                "triggers stayed quiet"
            );
            // Again: there is nothing left to do.
            let again = convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
            assert_eq!((again.phase, again.tenants), (Phase::Enforced, 4));
        }
    }
}

#[tokio::test]
async fn a_whole_database_becomes_one_tenant_without_a_row_written() {
    for version in versions_for_tests() {
        let legacy = Legacy::new(version).await;
        let mut request = legacy.request(Until::Enforce);
        let key = format!("only-{}", legacy.first);
        request.tenants = Tenants::One(TenantKey::new(key.clone()).unwrap());
        let file = "SELECT pg_relation_filenode('tasks')::bigint";
        let before = (legacy.one(file).await, legacy.one("SELECT pg_relation_size('tasks')").await);
        let everything = legacy.counts("").await;
        convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
        let after = (legacy.one(file).await, legacy.one("SELECT pg_relation_size('tasks')").await);
        assert_eq!(before, after, "the table was not written anew");
        let info = tenant::show(&legacy.world.control, &TenantKey::new(key).unwrap()).await.unwrap();
        let session = legacy.world.enter(&info).await.unwrap();
        assert_eq!(legacy.counts_by(&session).await, everything);
        legacy.assert_clean().await;
    }
}

/// Stopped again and again, each time one question later (steps, statements and batches ask), and run again: it ends the same.
#[tokio::test]
async fn it_goes_on_wherever_it_was_stopped() {
    for version in versions_for_tests() {
        let legacy = Legacy::new(version).await;
        let request = legacy.request(Until::Enforce);
        let everything = legacy.counts("").await;
        let mut stops = 0;
        loop {
            // Each run is allowed one step more than the one before it.
            let recorder = Recorder::stopping_before(stops);
            match convert::run(&legacy.world.control, &request, &recorder).await {
                Ok(done) => break assert_eq!(done.phase, Phase::Enforced),
                Err(OpsError::Stopped(_)) => stops += 1,
                Err(error) => panic!("after {stops} stops: {error:?}"),
            }
            assert!(stops < 400, "it gets further each time: {:?}", recorder.lines());
        }
        // With k questions allowed to the k-th run, these are some two hundred steps in all.
        assert!(stops > 20, "{stops}");
        legacy.assert_isolated(&everything).await;
        legacy.assert_clean().await;
    }
}

/// The connection dies in the middle of whatever it was doing.
#[tokio::test]
async fn it_goes_on_after_its_connection_was_killed() {
    let legacy = Legacy::new(15).await;
    let request = legacy.request(Until::Enforce);
    let everything = legacy.counts("").await;
    for at in [3, 9, 12, 14, 18, 25, 40, 60] {
        let killer = legacy.killer_at(at).await;
        let outcome = convert::run(&legacy.world.control, &request, &killer).await;
        if outcome.is_ok() {
            break;
        }
    }
    convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
    legacy.assert_isolated(&everything).await;
    legacy.assert_clean().await;
}

#[tokio::test]
async fn rows_in_the_way_are_reported_before_anything_is_in_force() {
    let legacy = Legacy::new(15).await;
    let admin = legacy.admin().await;
    admin
        .batch_execute(
            "ALTER TABLE events DROP CONSTRAINT events_task_fkey;
             INSERT INTO events VALUES (9001, '2025-01-02', 999999);
             UPDATE tasks SET assignee = (SELECT id FROM users WHERE account <> (SELECT account FROM projects WHERE id = tasks.project) LIMIT 1) WHERE id = 1",
        )
        .await
        .unwrap();
    let mut request = legacy.request(Until::Enforce);
    legacy.declare_via(&mut request, "events", "tasks.task");
    let refused = convert::run(&legacy.world.control, &request, &Silent).await.unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("1 rows of events have no tenant by task to tasks"), "{said}");
    assert!(
        said.contains("1 rows of tasks refer to another tenant's row of users (tasks_assignee_fkey)"),
        "{said}"
    );
    assert_eq!(legacy.one("SELECT count(*) FROM pg_policy").await, 0);
    // Corrected, it goes on.
    admin
        .batch_execute("DELETE FROM events WHERE id = 9001; UPDATE tasks SET assignee = NULL WHERE id = 1")
        .await
        .unwrap();
    convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
    legacy.assert_clean().await;
}

#[tokio::test]
async fn abort_puts_everything_back() {
    for version in versions_for_tests() {
        for stop in [8, 14, 30, 45] {
            let legacy = Legacy::new(version).await;
            let request = legacy.request(Until::Enforce);
            let before = legacy.schema().await;
            let stopped =
                convert::run(&legacy.world.control, &request, &Recorder::stopping_before(stop)).await;
            assert!(matches!(stopped, Err(OpsError::Stopped(_))), "{stop}");
            convert::abort(&legacy.world.control, &request, &Silent).await.unwrap();
            assert_eq!(legacy.schema().await, before, "stopped before step {stop}");
            let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenancy%'";
            assert_eq!(legacy.one(left).await, 0);
            // And again from the start.
            convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
        }
    }
}

#[tokio::test]
async fn in_observe_mode_what_would_be_refused_is_written_down_and_allowed() {
    for version in versions_for_tests() {
        let legacy = Legacy::new(version).await;
        let request = legacy.request(Until::Observe);
        convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
        let old = legacy.old_application().await;
        let rows: i64 = old.query_one("SELECT count(*) FROM tasks", &[]).await.unwrap().get(0);
        assert_eq!(rows, 4000);
        old.execute(
            "INSERT INTO users (account, email) VALUES ($1, 'new@example.com')",
            &[&(legacy.first + 1)],
        )
        .await
        .unwrap();
        let database = SqlIdent::new(legacy.database.clone()).unwrap();
        let status = convert::status(&legacy.world.control, "main", &database).await.unwrap();
        assert_eq!(status.phase, Some("observing"));
        let seen: Vec<(&str, &str, Option<&str>)> = status
            .examples
            .iter()
            .map(|seen| (seen.table.as_str(), seen.access.as_str(), seen.context.as_deref()))
            .collect();
        assert!(
            seen.contains(&("tasks", "rows", None)) && seen.contains(&("users", "write", None)),
            "{seen:?}"
        );
        // Inside a tenant, its own rows are no violation.
        let before = status.violations;
        let session = legacy.enter(1).await;
        session.query("SELECT * FROM users WHERE account = $1", &[&(legacy.first + 1)]).await.unwrap();
        let status = convert::status(&legacy.world.control, "main", &database).await.unwrap();
        assert!(status.violations <= before + 1, "only rows of others count");
    }
}

#[tokio::test]
async fn copies_of_one_thing_are_found() {
    let legacy = Legacy::new(15).await;
    let admin = legacy.admin().await;
    admin.batch_execute("UPDATE projects SET name = 'Onboarding' WHERE id <= 8").await.unwrap();
    convert::run(&legacy.world.control, &legacy.request(Until::Enforce), &Silent).await.unwrap();
    let database = SqlIdent::new(legacy.database.clone()).unwrap();
    let declaration = legacy.request(Until::Enforce).declaration;
    let found = convert::clones(&legacy.world.control, "main", &database, &declaration).await.unwrap();
    let projects = found.iter().find(|report| report.table == "projects").unwrap();
    assert_eq!((projects.rows, projects.things, projects.spare_rows), (40, 1, 7));
    assert_eq!((projects.examples[0].tenants, projects.examples[0].copies), (4, 8));
    assert!(projects.examples[0].row.contains("Onboarding"));
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_names_locks() {
    let legacy = Legacy::new(15).await;
    let before = legacy.schema().await;
    let plan = convert::plan(&legacy.world.control, &legacy.request(Until::Enforce)).await.unwrap();
    assert_eq!(legacy.schema().await, before);
    assert_eq!(plan.blocking, 0);
    let says = |text: &str| plan.steps.iter().any(|step| step.sql.contains(text));
    assert!(
        says("VALIDATE CONSTRAINT") && says("FORCE ROW LEVEL SECURITY") && says("in batches"),
        "{plan:#?}"
    );
    assert_eq!(legacy.one("SELECT count(*) FROM pg_namespace WHERE nspname = 'tenancy'").await, 0);
}

/// The table that lists the tenants may be everybody's, as `schema init` guesses it: what refers to it holds the ids.
#[tokio::test]
async fn the_list_of_tenants_may_be_global() {
    for version in versions_for_tests() {
        for column in ["account", "tenant_id"] {
            let legacy = Legacy::new(version).await;
            let mut request = legacy.request(Until::Observe);
            request.declaration.tables.insert("accounts".into(), TableEntry::Kind(Kind::Global));
            request.declaration.tenancy.column = SqlIdent::new(column).unwrap();
            let done = convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
            assert_eq!((done.phase, done.tenants), (Phase::Observing, 4));
            let old = legacy.old_application().await;
            let moved = format!(
                "UPDATE tasks SET assignee = NULL WHERE project = 4; UPDATE projects SET parent = NULL WHERE parent = 4 OR id = 4;
                 UPDATE projects SET account = {} WHERE id = 4",
                legacy.first + 3
            );
            old.batch_execute(&moved).await.unwrap();
            request.until = Until::Enforce;
            convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
            let session = legacy.enter(3).await;
            let seen = "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM projects), (SELECT count(*) FROM tasks WHERE project = 4)";
            let row = session.query_one(seen, &[]).await.unwrap();
            assert_eq!([row.get::<_, i64>(0), row.get(1), row.get(2)], [4, 11, 100], "{version} {column}");
            legacy.assert_rules_content(&request.declaration).await;
        }
    }
}

#[tokio::test]
async fn what_cannot_begin_says_why() {
    let legacy = Legacy::new(15).await;
    let refusal = async |tenants: Tenants| {
        let mut request = legacy.request(Until::Observe);
        request.tenants = tenants;
        let error = convert::run(&legacy.world.control, &request, &Silent).await.unwrap_err();
        format!("{error} / {}", error.hint().unwrap_or_default())
    };
    let table = |table: &str| Tenants::Table(TenantTable { table: table.into(), key: None, name: None });
    let said = refusal(table("nothing")).await;
    assert!(said.contains("it looks as if it were accounts: say so with --tenants"), "{said}");
    let admin = legacy.admin().await;
    admin.batch_execute("CREATE TABLE days (day date PRIMARY KEY)").await.unwrap();
    let said = refusal(table("days")).await;
    assert!(said.contains("days.day is date, but [tenancy] type is bigint"), "{said}");
    admin.batch_execute("DROP TABLE days").await.unwrap();
    admin.batch_execute("CREATE TABLE stray (id bigint PRIMARY KEY)").await.unwrap();
    let said = refusal(legacy.request(Until::Observe).tenants).await;
    assert!(said.contains("nothing leads from table stray to a tenant"), "{said}");
    assert!(TABLES.contains(&"tasks"));
}
