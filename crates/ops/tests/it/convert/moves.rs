//! Rows whose parent moves to another tenant while the conversion runs.

use super::legacy::Legacy;
use std::ops::ControlFlow;
use tenantry_ops::convert::{self, Phase, Until};
use tenantry_ops::{OpsError, Progress, Silent, Step};
use tenantry_testkit::versions_for_tests;

/// Stops before the step of this name.
struct StopBefore(&'static str);

impl Progress for StopBefore {
    fn proceed(&self, next: Step<'_>) -> ControlFlow<()> {
        if next.name == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Tasks of a project, and events of its tasks, that have another tenant than the project.
const LEFT_BEHIND: &str =
    "SELECT count(*) FROM projects p JOIN tasks t ON t.project = p.id LEFT JOIN events e ON e.task = t.id
    WHERE p.tenant_id <> p.account OR t.tenant_id <> p.account OR e.tenant_id <> p.account";

/// A project of the first tenant becomes the second one's, as the application does it: nothing but `account` is written.
fn moved(legacy: &Legacy, project: i64) -> String {
    format!(
        "UPDATE tasks SET assignee = NULL WHERE project = {project};
         UPDATE projects SET parent = NULL WHERE parent = {project} OR id = {project};
         UPDATE projects SET account = {} WHERE id = {project}",
        legacy.first + 3
    )
}

#[tokio::test]
async fn children_go_with_a_parent_that_moves() {
    for version in versions_for_tests() {
        let legacy = Legacy::new(version).await;
        let mut request = legacy.request(Until::Observe);
        // While rows are filled in: some have their tenant, others don't.
        let stopped = convert::run(&legacy.world.control, &request, &StopBefore("verify-rows")).await;
        assert!(matches!(stopped, Err(OpsError::Stopped("verify-rows"))), "{stopped:?}");
        let old = legacy.old_application().await;
        old.batch_execute(&moved(&legacy, 4)).await.unwrap();
        assert_eq!(legacy.one(LEFT_BEHIND).await, 0, "{version}");
        let of = format!("SELECT count(*) FROM tasks WHERE project = 4 AND tenant_id = {}", legacy.first + 3);
        assert_eq!(legacy.one(&of).await, 100, "{version}");
        // When references are led by the tenant already.
        convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
        old.batch_execute(&moved(&legacy, 8)).await.unwrap();
        assert_eq!(legacy.one(LEFT_BEHIND).await, 0, "{version}");
        let left = old
            .batch_execute(&format!(
                "UPDATE tasks SET assignee = 1 WHERE id = (SELECT min(id) FROM tasks WHERE project = 1);
                 UPDATE projects SET account = {} WHERE id = 1",
                legacy.first + 3
            ))
            .await;
        let refused = left.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "23503", "its assignee stays behind: {refused:?}");
        request.until = Until::Enforce;
        let everything = legacy.counts("").await;
        convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
        legacy.assert_isolated(&everything).await;
        legacy.assert_clean().await;
    }
}

/// Whoever inserts a child sees its parent as it was: what no trigger could know is found when all rows are looked at.
#[tokio::test]
async fn rows_that_were_left_behind_are_brought_to_their_parents() {
    let legacy = Legacy::new(15).await;
    let request = legacy.request(Until::Enforce);
    let stopped = convert::run(&legacy.world.control, &request, &StopBefore("verify-rows")).await;
    assert!(matches!(stopped, Err(OpsError::Stopped("verify-rows"))), "{stopped:?}");
    let admin = legacy.admin().await;
    let sql = format!(
        "{}; SET session_replication_role = replica; UPDATE projects SET tenant_id = account WHERE id = 4",
        moved(&legacy, 4).replace(
            "UPDATE projects SET account",
            "SET session_replication_role = replica; UPDATE projects SET account"
        )
    );
    admin.batch_execute(&sql).await.unwrap();
    assert!(legacy.one(LEFT_BEHIND).await > 0, "they are left behind");
    let done = convert::run(&legacy.world.control, &request, &Silent).await.unwrap();
    assert_eq!(done.phase, Phase::Enforced);
    assert_eq!(legacy.one(LEFT_BEHIND).await, 0);
    legacy.assert_clean().await;
}
