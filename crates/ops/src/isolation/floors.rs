//! Floors that an older version of the core left on the tables that tenants share. They hold, but since version 3 they can also
//! keep out tenants that have a schema of their own.

use crate::OpsError;
use crate::brief;
use crate::sql::Doing;
use tokio_postgres::Client;

const OLD: &str = include_str!("floors_old.sql");

/// Whether a table has an old floor.
pub(super) async fn are_current(admin: &Client) -> Result<bool, OpsError> {
    Ok(admin.query(OLD, &[]).await.doing("looking at the floors")?.is_empty())
}

/// Brings every floor up to date: table by table, each in a moment that nobody has to wait for.
pub(super) async fn renew(admin: &Client) -> Result<(), OpsError> {
    for row in admin.query(OLD, &[]).await.doing("looking at the floors")? {
        let (table, statement): (String, String) = (row.get(0), row.get(1));
        brief::change(admin, &statement, &format!("renewing the floor of {table}")).await?;
    }
    Ok(())
}
