//! Throw-away tenants: their names tell which run made them, and a run that lives holds a lock. So the next run finds what a
//! killed one left behind, at once, and leaves another one's that is still at it alone.

use crate::print::Reporter;
use std::time::{SystemTime, UNIX_EPOCH};
use tenantry_catalog::{CatalogError, OperationLock};
use tenantry_core::TenantKey;
use tenantry_ops::Control;
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant::{self, DataLoss};

const PREFIX: &str = "audit-attack-";

/// One run of the attack, as long as it lives.
pub(super) struct Run {
    id: String,
    /// Held by the catalog's session: gone with the process, however it ends.
    lock: OperationLock,
}

impl Run {
    pub(super) async fn begin(control: &Control) -> anyhow::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Two runs that begin in the same nanosecond are two processes.
        let id = format!("{:x}{:x}", since.as_nanos(), std::process::id());
        let lock = control.catalog.lock(&lock_name(&id)).await?;
        Ok(Self { id, lock })
    }

    /// A tenant's key that nobody else has.
    pub(super) fn key(&self, which: &str) -> anyhow::Result<TenantKey> {
        Ok(TenantKey::new(format!("{PREFIX}{}-{which}", self.id))?)
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        Ok(self.lock.release().await?)
    }
}

fn lock_name(run: &str) -> String {
    format!("{PREFIX}{run}")
}

/// Drops what killed runs left behind.
pub(super) async fn sweep(control: &Control, reporter: &Reporter) -> anyhow::Result<()> {
    for info in tenant::list(control).await? {
        let Some(run) = run_of(info.key.as_str()) else { continue };
        match control.catalog.lock(&lock_name(run)).await {
            Ok(lock) => {
                let removed = remove(control, &info.key, reporter).await;
                lock.release().await?;
                removed?;
            }
            Err(CatalogError::Locked { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Drops a throw-away tenant, whatever state it is in; one that is not there is no error.
pub(super) async fn remove(control: &Control, key: &TenantKey, reporter: &Reporter) -> anyhow::Result<()> {
    if tenant::show(control, key).await.is_err() {
        return Ok(());
    }
    Ok(tenant::drop(control, key, DataLoss::Accept, &FenceOptions::default(), reporter).await?)
}

/// The run that made a tenant, if one did.
fn run_of(key: &str) -> Option<&str> {
    let (run, which) = key.strip_prefix(PREFIX)?.split_once('-')?;
    let is_run = run.len() > 16 && run.chars().all(|c| c.is_ascii_hexdigit());
    (is_run && matches!(which, "a" | "b")).then_some(run)
}

#[cfg(test)]
mod tests {
    use super::run_of;

    #[test]
    fn only_throw_away_tenants_are_swept() {
        assert_eq!(run_of("audit-attack-18a2bc3d4e5f60718293-a"), Some("18a2bc3d4e5f60718293"));
        for key in ["acme", "audit-attack-mine", "audit-attack-mine-a", "audit-attack-18a2bc3d4e5f60718293-c"]
        {
            assert_eq!(run_of(key), None, "{key}");
        }
    }
}
