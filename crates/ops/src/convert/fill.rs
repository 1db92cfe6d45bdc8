//! New rows get their tenant while the conversion runs: a trigger on each table takes it from the parent, so that the
//! application goes on without knowing of the column. It goes when the policies refuse.

use super::ledger::Phase;
use super::paths::{self, From, Source};
use super::sharing::{self, Shares, carry};
use super::{Job, moves, words};
use crate::OpsError;
use crate::sql::{Doing, render};
use crate::steps::Steps;
use tenantry_core::{SqlIdent, quote_literal};
use tenantry_schema::alter::{Effort, Lock, Step};

/// Triggers fire in the order of their names: the application's own come first, and may set what leads to the parent.
pub(super) const TRIGGER: &str = "zzz_tenantry_convert";

const FUNCTION: &str = include_str!("fill.sql");

pub(super) async fn install(
    job: &mut Job<'_>,
    sources: &[Source],
    shares: &Shares,
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    let constant = shares.constant.as_deref();
    let step = steps.next("fill-new-rows", on)?;
    let done = job.ledger.has(Phase::Filling);
    step.run(done, async {
        for (number, source) in sources.iter().enumerate() {
            let Some(value) = lookup(source, job, constant)? else { continue };
            trigger(job, source, number, &value).await?;
        }
        moves::install(job, sources).await?;
        carry::install(job, &shares.shared, shares.scope.as_deref()).await?;
        job.ledger.reach(&job.executor.admin, Phase::Filling).await
    })
    .await
}

/// An SQL expression over NEW that gives the tenant.
fn lookup(source: &Source, job: &Job<'_>, constant: Option<&str>) -> Result<Option<String>, OpsError> {
    let column = &job.request.declaration.tenancy.column;
    Ok(Some(match &source.from {
        From::Own(key) | From::Refers(key) => format!("NEW.{}", SqlIdent::new(key.clone())?),
        From::Word(key) => words::number_of(&format!("NEW.{}", SqlIdent::new(key.clone())?)),
        From::One => match constant {
            Some(constant) => constant.to_owned(),
            None => return Ok(None),
        },
        From::Column => return Ok(None),
        From::Parent { parent, columns, keys } => {
            let join = paths::pairs("NEW", columns, "p", keys)?;
            let parent = SqlIdent::new(parent.clone())?;
            format!("(SELECT p.{column} FROM public.{parent} p WHERE {join})")
        }
    }))
}

/// Whether a row got another parent, and so perhaps another tenant.
fn moved(source: &Source) -> Result<String, OpsError> {
    let columns: &[String] = match &source.from {
        From::Parent { columns, .. } if !source.adopted => columns,
        From::Refers(column) if !source.adopted => std::slice::from_ref(column),
        _ => return Ok("false".to_owned()),
    };
    let differs: Result<Vec<String>, OpsError> = columns
        .iter()
        .map(|column| {
            let column = SqlIdent::new(column.clone())?;
            Ok(format!("NEW.{column} IS DISTINCT FROM OLD.{column}"))
        })
        .collect();
    Ok(differs?.join(" OR "))
}

async fn trigger(job: &Job<'_>, source: &Source, number: usize, value: &str) -> Result<(), OpsError> {
    let table = SqlIdent::new(source.table.clone())?;
    let function = SqlIdent::new(format!("fill_{number}"))?;
    let column = job.request.declaration.tenancy.column.as_str();
    let sql = self::function(function.as_str(), column, value, &moved(source)?)?;
    job.executor.admin.batch_execute(&sql).await.doing("making the function that fills new rows")?;
    let name = SqlIdent::new(TRIGGER)?;
    let sql = format!(
        "CREATE OR REPLACE TRIGGER {name} BEFORE INSERT OR UPDATE ON public.{table}
         FOR EACH ROW EXECUTE FUNCTION tenancy_convert.{function}()"
    );
    let step = moment(sql, &source.table, Lock::ShareRowExclusive);
    if trigger_exists(job, &source.table, TRIGGER).await? {
        return Ok(());
    }
    job.executor.unit(std::slice::from_ref(&step)).await
}

/// The function of a trigger that fills a column: from the context, or else with `value`.
pub(super) fn function(name: &str, column: &str, value: &str, moved: &str) -> Result<String, OpsError> {
    let context = if column == sharing::COLUMN { "tenancy.own_scope()" } else { "tenancy.tenant_id()" };
    let (function, column) = (SqlIdent::new(name)?.to_string(), SqlIdent::new(column)?.to_string());
    Ok(render(
        FUNCTION,
        &[
            ("function", &function),
            ("column", &column),
            ("context", context),
            ("value", value),
            ("moved", moved),
        ],
    ))
}

pub(super) async fn trigger_exists(job: &Job<'_>, table: &str, name: &str) -> Result<bool, OpsError> {
    let sql =
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
                WHERE c.relnamespace = 'public'::regnamespace AND c.relname = $1 AND t.tgname = $2)";
    let row = job.executor.admin.query_one(sql, &[&table, &name]).await.doing("looking for a trigger")?;
    Ok(row.get(0))
}

pub(super) fn moment(sql: String, table: &str, lock: Lock) -> Step {
    Step {
        sql,
        place: table.to_owned(),
        lock,
        tables: vec![table.to_owned()],
        effort: Effort::Moment,
        transactional: true,
        group: None,
    }
}

/// The triggers go; the context fills the column from now on.
pub(super) async fn remove(job: &Job<'_>) -> Result<(), OpsError> {
    let sql = format!(
        "SELECT c.relname::text, t.tgname::text FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
          WHERE c.relnamespace = 'public'::regnamespace AND (t.tgname IN ({}, {}) OR t.tgname LIKE {}) AND t.tgparentid = 0 ORDER BY 1, 2",
        quote_literal(TRIGGER),
        quote_literal(moves::TRIGGER),
        quote_literal(&format!("{}%", carry::TRIGGER))
    );
    let rows = job.executor.admin.query(&sql, &[]).await.doing("looking for the conversion's triggers")?;
    for row in rows {
        let (table, trigger): (String, String) = (row.get(0), row.get(1));
        let name = SqlIdent::new(table.clone())?;
        let sql = format!("DROP TRIGGER IF EXISTS {} ON public.{name}", SqlIdent::new(trigger)?);
        job.executor.unit(&[moment(sql, &table, Lock::AccessExclusive)]).await?;
    }
    Ok(())
}
