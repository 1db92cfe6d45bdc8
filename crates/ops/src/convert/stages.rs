//! The states that the schema goes through, each a model; the ALTER planner finds the way from what is there.

use super::ledger::Phase;
use super::sharing::{Shares, carry};
use super::{Ends, Job, Until, fill, moves};
use crate::isolation;
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{OpsError, Progress};
use std::collections::BTreeMap;
use tenantry_catalog::Database;
use tenantry_core::SqlIdent;
use tenantry_schema::alter::{Style, access, alter_by, without_leftovers};
use tenantry_schema::{Kind, Model, TenantType, introspection, introspection_settings, read as parse};
use tokio_postgres::Client;

/// What introspection says now.
pub(super) async fn facts(admin: &Client) -> Result<Vec<(String, String)>, OpsError> {
    const WHAT: &str = "reading the schema";
    admin.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.doing(WHAT)?;
    let facts = facts_in(admin).await;
    admin.batch_execute("ROLLBACK").await.doing(WHAT)?;
    facts
}

async fn facts_in(admin: &Client) -> Result<Vec<(String, String)>, OpsError> {
    admin
        .batch_execute(&introspection_settings(&SqlIdent::new("public")?))
        .await
        .doing("reading the schema")?;
    let mut facts = Vec::new();
    for query in introspection() {
        let row =
            admin.query_one(query.sql, &[]).await.doing(&format!("reading the schema's {}", query.name))?;
        facts.push((query.name.to_owned(), row.get(0)));
    }
    Ok(facts)
}

/// The schema as it is now, with what an interrupted plan left, but without the conversion's triggers.
pub(super) async fn read(admin: &Client) -> Result<Model, OpsError> {
    let mut model = parse(&facts(admin).await?)?;
    for table in &mut model.tables {
        table.triggers.retain(|trigger| {
            ![fill::TRIGGER, moves::TRIGGER].contains(&trigger.name.as_str())
                && !trigger.name.starts_with(carry::TRIGGER)
        });
    }
    Ok(model)
}

/// A stand-in for the database's row while nothing is registered yet: rules don't depend on the login.
pub(super) fn any_login() -> Result<Database, OpsError> {
    Ok(Database {
        id: tenantry_core::DatabaseId::new(0),
        cluster: tenantry_core::ClusterId::new(0),
        cluster_name: String::new(),
        name: SqlIdent::new("postgres")?,
        kind: tenantry_catalog::DatabaseKind::Pool,
        login: SqlIdent::new("tenantry_app")?,
        context: tenantry_core::ContextKind::Carrier,
        key: tenantry_core::KeyId::new(1),
        previous_key: None,
        max_connections: 1,
        state: tenantry_catalog::DatabaseState::Provisioning,
        fingerprint: None,
    })
}

/// The model with the tenant column, and what came with it, alone: nullable, or filled with the one tenant.
pub(crate) fn with_columns(live: &Model, ends: &Ends, shares: &Shares) -> Model {
    let mut model = live.clone();
    for table in &mut model.tables {
        let Some(wanted) = ends.wanted.model.table(&table.name) else { continue };
        let is_new = |column: &&tenantry_schema::model::Column| table.column(&column.name).is_none();
        let mut added: Vec<_> = wanted.columns.iter().filter(is_new).cloned().collect();
        let scoped = ends.wanted.kinds.get(&table.name) == Some(&Kind::Scoped);
        let constant = if scoped { &shares.scope } else { &shares.constant };
        for column in &mut added {
            // PostgreSQL keeps the constant aside: no row is written.
            column.default.clone_from(constant);
            column.not_null = constant.is_some();
        }
        table.columns.extend(added);
    }
    model
}

/// What is wanted, apart from row-level security, views and the marks: those follow when the rows are right.
pub(crate) fn constrained(live: &Model, ends: &Ends) -> Model {
    let mut model = ends.wanted.model.clone();
    let live = without_leftovers(live);
    for table in &mut model.tables {
        let Some(now) = live.table(&table.name) else { continue };
        table.policies.clone_from(&now.policies);
        table.row_security = now.row_security;
        table.force_row_security = now.force_row_security;
        table.comment.clone_from(&now.comment);
        // Those that keep references to visible rows belong to what refuses.
        table.triggers.clone_from(&now.triggers);
    }
    for view in &mut model.views {
        if let Some(now) = live.views.iter().find(|now| now.name == view.name) {
            view.options.clone_from(&now.options);
        }
    }
    model
}

/// What is wanted, with a floor that writes down what it would refuse.
pub(crate) fn observed(ends: &Ends, value_type: TenantType) -> Model {
    let mut model = ends.wanted.model.clone();
    for table in &mut model.tables {
        if let Some(plain) = ends.plain.table(&table.name) {
            table.triggers.clone_from(&plain.triggers);
        }
        let kind = ends.wanted.kinds.get(&table.name);
        if !matches!(kind, Some(Kind::Tenant | Kind::Scoped)) {
            continue;
        }
        for policy in table.policies.iter_mut().filter(|policy| !policy.permissive) {
            let record = |expression: &str, access: &str| {
                // A scope is not one tenant.
                let column = match kind {
                    Some(Kind::Scoped) => format!("NULL::{}", type_of(value_type)),
                    _ => column_of(expression).unwrap_or("tenant_id").to_owned(),
                };
                format!(
                    "({expression} OR tenancy_convert.observed('{}'::text, {column}, '{access}'::text))",
                    literal(&table.name)
                )
            };
            policy.using = policy.using.as_deref().map(|expression| record(expression, "rows"));
            policy.check = policy.check.as_deref().map(|expression| record(expression, "write"));
        }
    }
    model
}

fn literal(name: &str) -> String {
    name.replace('\'', "''")
}

/// The floor is `(column = …)`.
fn column_of(expression: &str) -> Option<&str> {
    expression.strip_prefix('(')?.split(" = ").next()
}

/// Sizes of tables, to tell small ones from large ones.
pub(super) async fn sizes(admin: &Client) -> Result<BTreeMap<String, u64>, OpsError> {
    let sql = "SELECT c.relname::text, pg_catalog.pg_table_size(c.oid) FROM pg_catalog.pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')";
    let rows = admin.query(sql, &[]).await.doing("asking for the sizes of tables")?;
    Ok(rows.iter().map(|row| (row.get(0), u64::try_from(row.get::<_, i64>(1)).unwrap_or(0))).collect())
}

impl Job<'_> {
    /// Plans the way to a model from what is there, and goes it.
    pub(super) async fn go(
        &self,
        phase: Phase,
        ends: &Ends,
        to: impl Fn(&Model) -> Model,
        progress: &dyn Progress,
    ) -> Result<(), OpsError> {
        let live = read(&self.executor.admin).await?;
        let sizes = sizes(&self.executor.admin).await?;
        let limit = self.executor.limits.small_table_bytes;
        let small = |table: &str| {
            let tree = live.tables.iter().filter(|part| live.root(&part.name) == live.root(table));
            tree.filter_map(|part| sizes.get(&part.name)).sum::<u64>() <= limit
        };
        let style = |table: &str| if small(table) { Style::Plain } else { Style::Online };
        let steps = alter_by(&live, &to(&live), &ends.target, &style).map_err(changed_meanwhile)?;
        self.executor.run(phase, &steps, &small, progress).await
    }
}

/// The plan was made for the schema as it was when the conversion began.
fn changed_meanwhile(error: tenantry_schema::SchemaError) -> OpsError {
    match &error {
        tenantry_schema::SchemaError::CannotAlter { place, message, .. } => OpsError::Refused {
            kind: tenantry_core::ErrorKind::Conflict,
            message: format!("the schema was changed while it was converted: {place}: {message}"),
            hint: Some("undo that change until the conversion has ended, or abort and begin again".into()),
        },
        _ => error.into(),
    }
}

pub(super) async fn columns(
    job: &mut Job<'_>,
    ends: &Ends,
    shares: &Shares,
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    let step = steps.next("add-columns", on)?;
    let done = job.ledger.has(Phase::Columns);
    step.run(done, async {
        job.go(Phase::Columns, ends, |live| with_columns(live, ends, shares), steps.progress()).await?;
        job.ledger.reach(&job.executor.admin, Phase::Columns).await
    })
    .await
}

pub(super) async fn constraints(
    job: &mut Job<'_>,
    ends: &Ends,
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    let step = steps.next("constrain", on)?;
    let done = job.ledger.has(Phase::Constrained);
    step.run(done, async {
        job.go(Phase::Constrained, ends, |live| constrained(live, ends), steps.progress()).await?;
        // New indexes and columns without statistics would be planned for badly.
        job.executor.admin.batch_execute("SET statement_timeout = 0; ANALYZE").await.doing("analyzing")?;
        job.ledger.reach(&job.executor.admin, Phase::Constrained).await
    })
    .await
}

const OBSERVE: &str = include_str!("observe.sql");

pub(super) async fn observe(
    job: &mut Job<'_>,
    ends: &Ends,
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    let step = steps.next("observe", on)?;
    let done = job.ledger.has(Phase::Observing);
    step.run(done, async {
        let value_type = job.request.declaration.tenancy.value_type;
        let sql = crate::sql::render(OBSERVE, &[("type", type_of(value_type))]);
        job.executor.admin.batch_execute(&sql).await.doing("installing the recorder")?;
        let grants: Vec<_> = access(&ends.wanted.model, &ends.wanted.kinds, &ends.target)
            .into_iter()
            .filter(|step| step.sql.starts_with("GRANT"))
            .collect();
        let progress = steps.progress();
        job.executor.run_once(Phase::Observing, grants, progress).await?;
        job.go(Phase::Observing, ends, |_| observed(ends, value_type), progress).await?;
        job.ledger.reach(&job.executor.admin, Phase::Observing).await
    })
    .await
}

pub(super) fn type_of(value: TenantType) -> &'static str {
    value.as_sql()
}

/// The floor refuses from here on, everything belongs to the owner role, PUBLIC's surface is closed, helpers go.
pub(super) async fn enforce(
    job: &mut Job<'_>,
    ends: &Ends,
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    debug_assert!(job.request.until == Until::Enforce);
    let step = steps.next("enforce", on)?;
    let done = job.ledger.has(Phase::Enforced);
    step.run(done, async {
        let progress = steps.progress();
        job.go(Phase::Enforced, ends, |_| ends.wanted.model.clone(), progress).await?;
        fill::remove(job).await?;
        let access = access(&ends.wanted.model, &ends.wanted.kinds, &ends.target);
        job.executor.run_once(Phase::Enforced, access, progress).await?;
        let admin = &mut job.executor.admin;
        admin
            .batch_execute(
                "DROP SCHEMA IF EXISTS tenancy_convert CASCADE; RESET lock_timeout; RESET statement_timeout",
            )
            .await
            .doing("removing the conversion's helpers")?;
        let tenant_type: isolation::TenantType = job.request.declaration.tenancy.value_type;
        crate::database::CoreOf::new(job.control, &job.database, tenant_type, None)?.install(admin).await?;
        job.ledger.reach(&job.executor.admin, Phase::Enforced).await
    })
    .await
}
