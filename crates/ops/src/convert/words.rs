//! Tenants that are known by words: the table that lists them has a text for its key (`slug`, `code`), and rows refer to it.
//!
//! A tenant's id is a number. Each word gets one from the catalog, reserved beforehand, and the tables get a numeric tenant
//! column beside their words, which stay what they are. The table that lists the tenants says for ever which is which.

use super::{Convert, Job, Tenants, paths};
use crate::OpsError;
use crate::sql::Doing;
use tenantry_schema::{Model, TenantType};

const WORDS: &str = include_str!("words.sql");
const RESERVE: &str = include_str!("words/reserve.sql");
/// Ids beyond those of the tenants that are there: for those that the application adds until the conversion has ended.
const SPARE: i64 = 10_000;

/// Whether tenants are words here, and get numbers.
pub(super) fn mapped(plain: &Model, request: &Convert) -> Result<bool, OpsError> {
    let Tenants::Table(root) = &request.tenants else { return Ok(false) };
    if request.declaration.tenancy.value_type != TenantType::Bigint {
        return Ok(false);
    }
    let key = paths::root_key(plain, root)?;
    let found = plain.table(&root.table).and_then(|table| table.column(&key));
    Ok(found.is_some_and(|column| is_text(&column.type_name)))
}

pub(super) fn is_text(type_name: &str) -> bool {
    type_name == "text" || type_name == "citext" || type_name.starts_with("character")
}

/// An SQL expression that gives the number of a word, and a number to a word that has none yet.
pub(super) fn number_of(word: &str) -> String {
    format!("tenancy_convert.tenant_of({word}::text)")
}

/// What gives out numbers, with enough of them.
pub(super) async fn ready(job: &Job<'_>) -> Result<(), OpsError> {
    const WHAT: &str = "reserving ids for tenants";
    if !mapped(&job.ledger.plain, job.request)? {
        return Ok(());
    }
    let Tenants::Table(root) = &job.request.tenants else { return Ok(()) };
    let admin = &job.executor.admin;
    admin.batch_execute(WORDS).await.doing(WHAT)?;
    let table = tenantry_core::SqlIdent::new(root.table.clone())?;
    let sql = format!(
        "SELECT (SELECT count(*) FROM public.{table}) - (SELECT count(*) FROM tenancy_convert.words) + {SPARE}
              - (SELECT count(*) FROM tenancy_convert.reserved r
                  WHERE r.number > (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tenancy_convert.given))"
    );
    let missing: i64 = admin.query_one(&sql, &[]).await.doing(WHAT)?.get(0);
    // A few less than wished for are no reason to reserve more.
    if missing <= SPARE / 2 {
        return Ok(());
    }
    let tx = job.control.catalog.transaction().await?;
    let ids = tx.reserve_tenant_ids(u32::try_from(missing).unwrap_or(u32::MAX)).await?;
    tx.commit().await?;
    let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    admin.execute(RESERVE, &[&ids]).await.doing(WHAT)?;
    Ok(())
}
