//! Context keys of a data database: installing, dropping, rotating. Two are valid at a time.

use super::keep_out_of_the_log;
use crate::sql::Doing;
use crate::{Control, OpsError, Progress};
use std::time::Duration;
use tenantry_core::{ContextKey, DatabaseId, KeyId};
use tokio_postgres::Client;

/// Installs a key. The same key again changes nothing.
pub async fn put_key(admin: &mut Client, key: &ContextKey) -> Result<(), OpsError> {
    const WHAT: &str = "installing a context key";
    let tx = admin.transaction().await.doing(WHAT)?;
    if tx.query_one("SELECT current_setting('is_superuser') = 'on'", &[]).await.doing(WHAT)?.get(0) {
        keep_out_of_the_log(&tx).await?;
    }
    // As a bound value: the statement's text, which others might see, does not hold it.
    tx.execute("SELECT tenancy.put_key($1, $2)", &[&key.id().get(), &key.bytes().as_slice()])
        .await
        .doing(WHAT)?;
    tx.commit().await.doing(WHAT)
}

/// Removes a key; says whether it was there. The last key can't be removed.
pub async fn drop_key(admin: &Client, key: KeyId) -> Result<bool, OpsError> {
    let row = admin.query_one("SELECT tenancy.drop_key($1)", &[&key.get()]).await;
    Ok(row.doing("dropping a context key")?.get(0))
}

/// Gives a database its next context key: installs it, announces it in the catalog, and drops the old one after
/// `grace`, in which gateways hear of it. Running it again after a crash goes on where it stopped.
pub async fn rotate_key(
    control: &Control,
    database: DatabaseId,
    grace: Duration,
    progress: &dyn Progress,
) -> Result<KeyId, OpsError> {
    let _ = (control, database, grace, progress);
    todo!()
}
