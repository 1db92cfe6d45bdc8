//! How far a conversion is, what would have been refused, and taking it back.

use super::execute::{self, Executor};
use super::ledger::{self, Phase};
use super::{Convert, Ends, Job, Tenants, ends, fill, prepare, stages};
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{Control, OpsError, Progress, database, isolation};
use serde::Serialize;
use tenantry_catalog::DatabaseState;
use tenantry_core::{ErrorKind, SqlIdent, TenantState};
use tenantry_schema::Model;
use tokio_postgres::Client;

/// How far it is.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// `None`: no conversion was begun here.
    pub phase: Option<&'static str>,
    pub backfills: Vec<Backfilled>,
    /// The last steps, newest first.
    pub steps: Vec<StepLine>,
    /// How many accesses would have been refused.
    pub violations: u64,
    /// Where from, the most frequent first.
    pub examples: Vec<Violation>,
}

/// One physical table's backfill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backfilled {
    pub table: String,
    pub rows: u64,
    /// Of a whole that is 1.
    pub part: f64,
    pub done: bool,
}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepLine {
    pub phase: String,
    pub place: String,
    pub sql: String,
    pub done: bool,
    pub attempts: i32,
    pub seconds: Option<f64>,
}

/// Accesses that would have been refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub table: String,
    pub access: String,
    /// The tenant whose context it was; `None`: no context at all.
    pub context: Option<String>,
    pub login: String,
    pub application: String,
    pub count: u64,
    pub statement: String,
}

const STEPS: &str = "SELECT phase, place, left(sql, 400), state = 'done', attempts,
       extract(epoch FROM done_at - begun_at)::float8 FROM tenancy.conversion_step ORDER BY number DESC LIMIT 20";
const BACKFILLS: &str = "SELECT relation, rows, CASE WHEN done OR blocks = 0 THEN 1.0 ELSE block::float8 / blocks END::float8, done
  FROM tenancy.conversion_backfill ORDER BY begun_at";
const VIOLATIONS: &str = "SELECT relation, access, context, login, application, count(*), min(statement)
  FROM tenancy.violation GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC LIMIT 20";

/// How far the conversion of a database is.
pub async fn status(control: &Control, cluster: &str, database: &SqlIdent) -> Result<Status, OpsError> {
    const WHAT: &str = "reading the conversion's ledger";
    let admin = control.connect(cluster, database.as_str()).await?;
    let Some(ledger) = ledger::find(&admin).await? else {
        return Ok(Status {
            phase: None,
            backfills: Vec::new(),
            steps: Vec::new(),
            violations: 0,
            examples: Vec::new(),
        });
    };
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    let backfills = admin.query(BACKFILLS, &[]).await.doing(WHAT)?;
    let steps = admin.query(STEPS, &[]).await.doing(WHAT)?;
    let examples = admin.query(VIOLATIONS, &[]).await.doing(WHAT)?;
    Ok(Status {
        phase: Some(ledger.phase.as_str()),
        backfills: backfills
            .iter()
            .map(|row| Backfilled {
                table: row.get(0),
                rows: number(row.get(1)),
                part: row.get(2),
                done: row.get(3),
            })
            .collect(),
        steps: steps
            .iter()
            .map(|row| StepLine {
                phase: row.get(0),
                place: row.get(1),
                sql: row.get(2),
                done: row.get(3),
                attempts: row.get(4),
                seconds: row.get(5),
            })
            .collect(),
        violations: violations(&admin).await?,
        examples: examples
            .iter()
            .map(|row| Violation {
                table: row.get(0),
                access: row.get(1),
                context: row.get(2),
                login: row.get(3),
                application: row.get(4),
                count: number(row.get(5)),
                statement: row.get(6),
            })
            .collect(),
    })
}

async fn violations(admin: &Client) -> Result<u64, OpsError> {
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tenancy.violations_seen";
    let row = admin.query_one(sql, &[]).await.doing("counting what would have been refused")?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

pub(super) async fn violations_note(admin: &Client) -> Result<Option<String>, OpsError> {
    let count = violations(admin).await?;
    Ok((count > 0).then(|| format!("{count} accesses were written down that are refused from now on")))
}

/// Takes back a conversion that is not in service: constraints become what they were, the tenant columns that it added go, and
/// the catalog forgets the database.
pub async fn abort(control: &Control, request: &Convert, progress: &dyn Progress) -> Result<(), OpsError> {
    let steps = Steps::new(progress);
    let on = format!("{}/{}", request.cluster, request.database.as_str());
    let _lock = control.lock(&format!("database/{on}")).await?;
    let admin = control.connect(&request.cluster, request.database.as_str()).await?;
    execute::take_lock(&admin).await?;
    if let Some(ledger) = ledger::find(&admin).await? {
        if ledger.has(Phase::Registered) {
            return Err(OpsError::refused(
                ErrorKind::NotSupported,
                "the conversion can't be taken back any more: its tenants are registered and may be in use",
                "go on with `tenantry convert run`; the old application keeps working until --enforce",
            ));
        }
        let Some(database) = prepare::find(control, request).await? else {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                "the catalog does not know the database",
                "run convert again first",
            ));
        };
        let mut job =
            Job { control, request, database, executor: Executor::new(admin, &request.limits), ledger };
        let ends = ends(request, &job.ledger.plain.clone(), &job.database)?;
        job.undo(&ends, steps, &on).await?;
    }
    forget(control, request, steps, &on).await
}

impl Job<'_> {
    async fn undo(&mut self, ends: &Ends, steps: Steps<'_>, on: &str) -> Result<(), OpsError> {
        let step = steps.next("restore-constraints", on)?;
        step.run(false, async {
            self.go_back(ends, steps.progress()).await?;
            fill::remove(self).await?;
            self.drop_columns(ends).await
        })
        .await?;
        let step = steps.next("remove-core", on)?;
        step.run(false, async {
            let login = &self.database.login;
            let reader = isolation::reader(login)?;
            let sql = format!(
                "RESET lock_timeout; RESET statement_timeout;
                 DROP SCHEMA IF EXISTS tenancy_convert CASCADE; DROP SCHEMA IF EXISTS tenancy CASCADE;
                 DROP OWNED BY {login}, {reader}; REVOKE USAGE, CREATE ON SCHEMA public FROM tenantry_owner"
            );
            self.executor.admin.batch_execute(&sql).await.doing("removing the isolation core")
        })
        .await
    }

    /// The plain schema with the tenant columns still there: the same planner finds the way back.
    async fn go_back(&self, ends: &Ends, progress: &dyn Progress) -> Result<(), OpsError> {
        let live = stages::read(&self.executor.admin).await?;
        let to = backward(&live, ends);
        self.go(Phase::Begun, ends, |_| to.clone(), progress).await
    }

    async fn drop_columns(&self, ends: &Ends) -> Result<(), OpsError> {
        let live = stages::read(&self.executor.admin).await?;
        for table in live.tables.iter().filter(|table| !table.is_partition()) {
            let Some(plain) = ends.plain.table(&table.name) else { continue };
            for column in table.columns.iter().filter(|column| plain.column(&column.name).is_none()) {
                let sql = format!(
                    "ALTER TABLE public.{} DROP COLUMN {}",
                    SqlIdent::new(table.name.clone())?,
                    SqlIdent::new(column.name.clone())?
                );
                self.executor
                    .unit(&[fill::moment(sql, &table.name, tenantry_schema::alter::Lock::AccessExclusive)])
                    .await?;
            }
        }
        Ok(())
    }
}

fn backward(live: &Model, ends: &Ends) -> Model {
    let mut model = ends.plain.clone();
    for table in &mut model.tables {
        let Some(now) = live.table(&table.name) else { continue };
        let added: Vec<_> =
            now.columns.iter().filter(|column| table.column(&column.name).is_none()).cloned().collect();
        table.columns.extend(added.into_iter().map(|mut column| {
            (column.default, column.not_null) = (None, false);
            column
        }));
    }
    model
}

async fn forget(control: &Control, request: &Convert, steps: Steps<'_>, on: &str) -> Result<(), OpsError> {
    let step = steps.next("forget", on)?;
    let found = prepare::find(control, request).await?;
    let Some(database) = found.filter(|found| found.state == DatabaseState::Provisioning) else {
        return step.run(true, async { Ok(()) }).await;
    };
    step.run(false, async {
        let tx = control.catalog.transaction().await?;
        if let Tenants::One(key) = &request.tenants
            && let Some(tenant) = tx.find_tenant(key).await?
            && tenant.state == TenantState::Provisioning
            && tenant.placement.is_none()
        {
            tx.set_tenant_state(tenant.id, TenantState::Provisioning, TenantState::Dropping).await?;
            tx.delete_tenant(tenant.id).await?;
        }
        tx.set_database_state(database.id, DatabaseState::Dropping).await?;
        tx.delete_database(database.id).await?;
        let subject = format!("database/{on}");
        tx.audit(&control.audit("convert.abort", subject, None, serde_json::json!({}))).await?;
        tx.commit().await?;
        let maintenance = control.connect_maintenance(&request.cluster).await?;
        database::drop_logins(&maintenance, &database.login).await
    })
    .await
}
