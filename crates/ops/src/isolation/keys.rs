//! Context keys of a data database: installing, dropping, rotating. Two are valid at a time.

use super::keep_out_of_the_log;
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{Control, OpsError, Progress};
use std::time::Duration;
use tenantry_catalog::Database;
use tenantry_core::{ContextKey, DatabaseId, ErrorKind, KeyId};
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

/// Whether exactly this key is installed. Compares HMAC's blocks, as the table holds them.
pub(crate) async fn is_installed(admin: &Client, key: &ContextKey) -> Result<bool, OpsError> {
    let pad = |mask: u8| {
        let mut block = [mask; 64];
        for (byte, key) in block.iter_mut().zip(key.bytes()) {
            *byte ^= key;
        }
        block
    };
    let sql = "SELECT inner_pad = $2 AND outer_pad = $3 FROM tenancy.keys WHERE id = $1";
    let (inner, outer) = (pad(0x36), pad(0x5c));
    let row = admin.query_opt(sql, &[&key.id().get(), &inner.as_slice(), &outer.as_slice()]).await;
    Ok(row.doing("looking at the context keys")?.is_some_and(|row| row.get(0)))
}

/// Whether another key has this one's id.
pub(crate) async fn has_other(admin: &Client, key: &ContextKey) -> Result<bool, OpsError> {
    const WHAT: &str = "looking at the context keys";
    let there = admin.query_one("SELECT to_regclass('tenancy.keys') IS NOT NULL", &[]).await.doing(WHAT)?;
    if !there.get::<_, bool>(0) {
        return Ok(false);
    }
    let sql = "SELECT EXISTS (SELECT FROM tenancy.keys WHERE id = $1)";
    let taken = admin.query_one(sql, &[&key.id().get()]).await.doing(WHAT)?;
    Ok(taken.get(0) && !is_installed(admin, key).await?)
}

/// Gives a database its next context key: installs it, announces it in the catalog, and drops the old one when every
/// gateway has heard of it, or after `grace`. Running it again after a crash goes on where it stopped.
pub async fn rotate_key(
    control: &Control,
    database: DatabaseId,
    grace: Duration,
    progress: &dyn Progress,
) -> Result<KeyId, OpsError> {
    let steps = Steps::new(progress);
    let tx = control.catalog.transaction().await?;
    let found = tx.database(database).await?;
    tx.rollback().await?;
    let _lock = control.lock(&format!("database/{}", found.stable_name())).await?;
    let mut admin = control.connect(&found.cluster_name, found.name.as_str()).await?;
    let on = found.stable_name();
    // An earlier rotation that was announced is finished, not begun again.
    let (old, new) = match found.previous_key {
        Some(previous) => (previous, found.key),
        None => (found.key, KeyId::new(found.key.get() + 1)),
    };
    let key = control.master_key.context_key(&on, new);

    let step = steps.next("install-key", &on)?;
    step.run(is_installed(&admin, &key).await?, put_key(&mut admin, &key)).await?;

    let step = steps.next("announce-key", &on)?;
    step.run(found.previous_key.is_some(), announce(control, &found, new)).await?;

    let step = steps.next("wait-for-gateways", &on)?;
    step.run(false, control.wait_for_gateways(grace)).await?;

    let step = steps.next("drop-key", &on)?;
    step.run(false, async { drop_key(&admin, old).await.map(drop) }).await?;

    let step = steps.next("retire-key", &on)?;
    let retire = async {
        let tx = control.catalog.transaction().await?;
        tx.retire_previous_key(database).await?;
        let details = serde_json::json!({ "dropped": old.get(), "key_id": new.get() });
        tx.audit(&control.audit("database.rotate-key", format!("database/{on}"), None, details)).await?;
        Ok(tx.commit().await?)
    };
    step.run(false, retire).await?;
    Ok(new)
}

async fn announce(control: &Control, database: &Database, new: KeyId) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    let announced = tx.rotate_database_key(database.id, database.key).await?;
    if announced != new {
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("the catalog's next key is {announced}, not {new}"),
            "run the rotation again",
        ));
    }
    Ok(tx.commit().await?)
}
