//! Rows whose parent moves to another tenant go with it, while the conversion runs and the application knows nothing of
//! tenants: a trigger on each parent carries its tenant to its children, and theirs carry it on.
//!
//! Ordinary triggers: the application's own fire for the children as for any update, and once references are led by the tenant
//! PostgreSQL checks them, so that a move that would leave another reference behind is refused.

use super::fill::{moment, trigger_exists};
use super::paths::{From, Source, pairs};
use super::{Job, backfill};
use crate::OpsError;
use crate::sql::{Doing, render};
use tenantry_core::SqlIdent;
use tenantry_schema::alter::Lock;

/// Triggers fire in the order of their names, and the children have to be there before PostgreSQL's own (`RI_…`) look
/// whether one was left behind.
pub(super) const TRIGGER: &str = "000_tenantry_move";

const FUNCTION: &str = include_str!("moves.sql");
const STALE: &str = include_str!("moves/stale.sql");
/// How often rows of one table are brought to their parents' tenant before it is left to the report.
const MOST_PASSES: usize = 1_000;

/// Tables whose rows have their tenant from a parent, by that parent. Where the column was there before, it is the
/// application's.
fn children<'a>(sources: &'a [Source], parent: &str) -> Result<Vec<(&'a Source, String)>, OpsError> {
    let mut children = Vec::new();
    for source in sources.iter().filter(|source| !source.adopted) {
        if let From::Parent { parent: name, columns, keys } = &source.from
            && name == parent
        {
            children.push((source, pairs("c", columns, "NEW", keys)?));
        }
    }
    Ok(children)
}

pub(super) async fn install(job: &Job<'_>, sources: &[Source]) -> Result<(), OpsError> {
    let column = &job.request.declaration.tenancy.column;
    for (number, parent) in sources.iter().enumerate() {
        let mut updates = Vec::new();
        for (child, join) in children(sources, &parent.table)? {
            let table = SqlIdent::new(child.table.clone())?;
            updates.push(format!(
                "  UPDATE public.{table} c SET {column} = NEW.{column} WHERE {join} AND c.{column} IS DISTINCT FROM NEW.{column};"
            ));
        }
        if updates.is_empty() || trigger_exists(job, &parent.table, TRIGGER).await? {
            continue;
        }
        let function = SqlIdent::new(format!("move_{number}"))?;
        let sql = render(FUNCTION, &[("function", function.as_str()), ("updates", &updates.join("\n"))]);
        job.executor.admin.batch_execute(&sql).await.doing("making the function that follows moved rows")?;
        let sql = format!(
            "CREATE TRIGGER {} AFTER UPDATE ON public.{} FOR EACH ROW
             WHEN (OLD.{column} IS NOT NULL AND OLD.{column} IS DISTINCT FROM NEW.{column})
             EXECUTE FUNCTION tenancy_convert.{function}()",
            SqlIdent::new(TRIGGER)?,
            SqlIdent::new(parent.table.clone())?
        );
        job.executor.unit(&[moment(sql, &parent.table, Lock::ShareRowExclusive)]).await?;
    }
    Ok(())
}

/// Brings rows to the tenants of their parents, parents first: a row that was inserted while its parent moved has the tenant
/// that its parent had.
pub(super) async fn follow(job: &Job<'_>, sources: &[Source]) -> Result<(), OpsError> {
    let column = job.request.declaration.tenancy.column.to_string();
    for source in sources.iter().filter(|source| !source.adopted) {
        let From::Parent { parent, columns, keys } = &source.from else { continue };
        let join = pairs("c", columns, "p", keys)?;
        let parent = SqlIdent::new(parent.clone())?.to_string();
        for leaf in backfill::leaves(job, &source.table).await? {
            let table = SqlIdent::new(leaf)?.to_string();
            let values =
                [("table", table.as_str()), ("parent", &parent), ("join", &join), ("column", &column)];
            let sql = render(STALE, &values);
            for _ in 0..MOST_PASSES {
                if pass(job, &sql).await? == 0 {
                    break;
                }
            }
        }
    }
    Ok(())
}

async fn pass(job: &Job<'_>, sql: &str) -> Result<u64, OpsError> {
    const WHAT: &str = "bringing rows to the tenants of their parents";
    let admin = &job.executor.admin;
    let begin = "BEGIN; SET LOCAL session_replication_role = replica";
    admin.batch_execute(begin).await.doing(WHAT)?;
    let done = admin.execute(sql, &[]).await;
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    admin.batch_execute(end).await.doing(WHAT)?;
    done.doing(WHAT)
}
