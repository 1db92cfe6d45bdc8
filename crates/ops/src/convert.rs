//! `convert`: a database that already has rows, and an application on it, becomes a pool with shared tables.
//!
//! Durable and resumable: a ledger in the database's schema `tenancy` says how far it got, and every step looks at what is
//! there before it acts. Killed anywhere, the same request goes on. Until `enforce` nothing is refused to anybody: the old
//! application keeps its roles and sees what it saw; before the constraints, `abort` takes everything back.

mod backfill;
mod checks;
mod clones;
mod estimate;
mod execute;
mod fill;
mod ledger;
mod moves;
mod paths;
mod prepare;
mod register;
mod sharing;
mod stages;
mod status;
mod verify;
mod words;

pub use checks::{Check, Weight};
pub use clones::{CloneGroup, CloneReport, clones};
pub use estimate::{Estimate, PlannedStep, plan};
pub use ledger::Phase;
pub use status::{Backfilled, Status, StepLine, Violation, abort, status};

use crate::convert::execute::Executor;
use crate::convert::ledger::Ledger;
use crate::convert::sharing::{Shares, carry};
use crate::steps::Steps;
use crate::{Control, OpsError, Progress};
use std::time::Duration;
use tenantry_catalog::Database;
use tenantry_core::{ErrorKind, SqlIdent, TenancyModel, TenantKey};
use tenantry_schema::{Declaration, Floor, Model, Reconciled, Severity, Target, reconcile};

/// What `convert` is asked for. The same request again goes on.
#[derive(Debug, Clone)]
pub struct Convert {
    pub cluster: String,
    pub database: SqlIdent,
    pub tenants: Tenants,
    pub declaration: Declaration,
    pub until: Until,
    pub limits: Limits,
}

/// Whose the rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// All of one tenant: the database was one customer's.
    One(TenantKey),
    /// Of many: each row of a table is a tenant.
    Table(TenantTable),
}

/// The table that lists the tenants (`accounts`, `organizations`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantTable {
    pub table: String,
    /// Holds the tenant's key; `None`: keys are made of the ids.
    pub key: Option<String>,
    /// Holds a name for people.
    pub name: Option<String>,
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// Everything is in place, and what would be refused is written down instead.
    Observe,
    /// Row-level security refuses; what is not the gateway's application sees no rows.
    Enforce,
}

/// What the running application may be made to feel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// No statement waits for one of ours for longer than this.
    pub max_block: Duration,
    /// How long a short lock is asked for, again and again, before the operation gives up.
    pub patience: Duration,
    /// How much of the time the backfill writes, in per cent; it rests for the remainder.
    pub load: u8,
    /// Standbys further behind than this make the backfill wait.
    pub max_lag_bytes: u64,
    /// Tables up to this size are changed the short way.
    pub small_table_bytes: u64,
    /// Whether steps that can't be had without keeping the application out for longer are taken all the same.
    pub blocking: Blocking,
}

/// Whether the bound may be broken where PostgreSQL offers nothing better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    Refuse,
    Accept,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_block: Duration::from_millis(500),
            patience: Duration::from_mins(10),
            load: 50,
            max_lag_bytes: 64 << 20,
            small_table_bytes: 256 << 10,
            blocking: Blocking::Refuse,
        }
    }
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct Converted {
    pub phase: Phase,
    pub tenants: u64,
    /// Things a person should know, found on the way.
    pub notes: Vec<String>,
}

/// A conversion that is under way: where, what, and the connection that holds its lock.
pub(crate) struct Job<'a> {
    control: &'a Control,
    request: &'a Convert,
    database: Database,
    executor: Executor,
    ledger: Ledger,
}

/// The two ends: what the database was, and what the rules make of it.
pub(crate) struct Ends {
    pub(crate) plain: Model,
    pub(crate) wanted: Reconciled,
    pub(crate) target: Target,
}

/// Converts, as far as asked. Run it again after anything: it goes on where it stopped.
pub async fn run(
    control: &Control,
    request: &Convert,
    progress: &dyn Progress,
) -> Result<Converted, OpsError> {
    let steps = Steps::new(progress);
    let on = format!("{}/{}", request.cluster, request.database.as_str());
    let _lock = control.lock(&format!("database/{on}")).await?;
    let mut admin = control.connect(&request.cluster, request.database.as_str()).await?;
    execute::take_lock(&admin).await?;

    let step = steps.next("check", &on)?;
    let begun = ledger::find(&admin).await?;
    step.run(begun.is_some(), async {
        checks::refuse(&checks::all(&admin, request).await?)?;
        if begun.is_none() {
            sharing::shared(&stages::read(&admin).await?, request)?;
        }
        checks::unfit_rules(&ends(request, &stages::read(&admin).await?, &stages::any_login()?)?)
    })
    .await?;
    if begun.as_ref().is_some_and(|begun| begun.phase == Phase::Enforced) {
        return finished(control, request, begun).await;
    }
    let database = prepare::pool(control, request, &mut admin, steps, &on).await?;
    let ledger = prepare::ledger(&admin, request, begun, steps, &on).await?;
    let executor = Executor::new(admin, &request.limits);
    let mut job = Job { control, request, database, executor, ledger };
    Box::pin(job.run(steps, &on)).await
}

async fn finished(
    control: &Control,
    request: &Convert,
    begun: Option<ledger::Ledger>,
) -> Result<Converted, OpsError> {
    let tenants = register::count(control, request).await?;
    let phase = begun.map_or(Phase::Enforced, |begun| begun.phase);
    Ok(Converted { phase, tenants, notes: Vec::new() })
}

/// What the rules make of a plain model here. The floor is the final one.
pub(crate) fn ends(request: &Convert, plain: &Model, database: &Database) -> Result<Ends, OpsError> {
    let target = Target {
        model: TenancyModel::Shared,
        schema: SqlIdent::new("public")?,
        owner: SqlIdent::new(crate::schema::OWNER)?,
        app: database.login.clone(),
        reader: Some(crate::isolation::reader(&database.login)?),
        context: database.context,
        tenant_value: None,
    };
    let floor = Floor { context: database.context, tenant_value: None };
    let wanted = reconcile(plain, &request.declaration, TenancyModel::Shared, &floor);
    Ok(Ends { plain: plain.clone(), wanted, target })
}

impl Job<'_> {
    async fn run(&mut self, steps: Steps<'_>, on: &str) -> Result<Converted, OpsError> {
        let plain = self.ledger.plain.clone();
        let ends = ends(self.request, &plain, &self.database)?;
        let mut notes: Vec<String> = ends
            .wanted
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Warning)
            .map(ToString::to_string)
            .collect();
        let sources = paths::sources(&plain, self.request)?;
        let shared = sharing::shared(&plain, self.request)?;
        notes.extend(sharing::notes(&shared));
        let constant = register::first(self, steps, on).await?;
        let scope = carry::own_scope(self, constant.as_deref(), &shared).await?;
        let shares = Shares { shared, constant, scope };

        words::ready(self).await?;
        stages::columns(self, &ends, &shares, steps, on).await?;
        fill::install(self, &sources, &shares, steps, on).await?;
        backfill::run(self, &sources, &shares, steps, on).await?;
        verify::before_constraints(self, &ends, &sources, &shares.shared, steps, on).await?;
        stages::constraints(self, &ends, steps, on).await?;
        verify::after_constraints(self, &ends, steps, on).await?;
        let tenants = register::all(self, &ends, steps, on).await?;
        stages::observe(self, &ends, steps, on).await?;
        register::ready(self, steps, on).await?;
        if self.request.until == Until::Enforce {
            notes.extend(status::violations_note(&self.executor.admin).await?);
            verify::before_enforcing(self, &ends, &sources, &shares.shared, steps, on).await?;
            stages::enforce(self, &ends, steps, on).await?;
        }
        self.control.wait_for_gateways(crate::control::HEARING).await?;
        Ok(Converted { phase: self.ledger.phase, tenants, notes })
    }
}

pub(crate) fn refused(message: impl Into<String>, hint: impl Into<String>) -> OpsError {
    OpsError::refused(ErrorKind::InvalidInput, message, hint)
}
