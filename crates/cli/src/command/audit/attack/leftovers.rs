//! Throw-away tenants: their names tell when they were made, so that the next run finds what a killed one left behind.

use crate::print::Reporter;
use std::time::{SystemTime, UNIX_EPOCH};
use tenantry_core::TenantKey;
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant::{self, DataLoss};
use tenantry_ops::Control;

const PREFIX: &str = "audit-attack-";
/// No attack takes longer.
const LEFTOVER_SECONDS: u64 = 900;

/// A key that nobody else has, and that says when it was made.
pub(super) fn key(which: &str) -> anyhow::Result<TenantKey> {
    let random: u32 = rand_word();
    Ok(TenantKey::new(format!("{PREFIX}{}-{random:08x}-{which}", now()))?)
}

/// From the addresses of the process and the clock: it only has to differ between runs that begin in the same second.
fn rand_word() -> u32 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    nanos ^ std::process::id().rotate_left(16)
}

/// Drops what killed runs left behind.
pub(super) async fn sweep(control: &Control, reporter: &Reporter) -> anyhow::Result<()> {
    for info in tenant::list(control).await? {
        if is_leftover(info.key.as_str(), now()) {
            remove(control, &info.key, reporter).await?;
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

fn is_leftover(key: &str, now: u64) -> bool {
    let made = key.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u64>().ok());
    made.is_some_and(|made| now.saturating_sub(made) > LEFTOVER_SECONDS)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::is_leftover;

    #[test]
    fn only_old_throw_away_tenants_are_swept() {
        assert!(is_leftover("audit-attack-1000-0000abcd-a", 1_901));
        assert!(!is_leftover("audit-attack-1000-0000abcd-a", 1_900));
        assert!(!is_leftover("acme", u64::MAX));
        assert!(!is_leftover("audit-attack-mine", u64::MAX));
    }
}
