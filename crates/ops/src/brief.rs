//! Changing a table beside those who use it: the lock is asked for with a short timeout, again and again, so that nobody waits
//! behind us for long. Not for plans of many steps: that is what `convert` has an executor for.

use crate::OpsError;
use crate::sql::Doing;
use std::time::{Duration, Instant};
use tenantry_core::ErrorKind;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// How long others may wait in the queue behind one attempt, in ms.
const LOCK_TIMEOUT_MS: u32 = 100;
/// How long to try in all.
const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Runs a statement that needs a strong lock for a moment, in a transaction of its own, as often as it takes.
pub(crate) async fn change(admin: &Client, sql: &str, doing: &str) -> Result<(), OpsError> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let attempt = format!("BEGIN; SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; {sql}; COMMIT");
        let Err(error) = admin.batch_execute(&attempt).await else { return Ok(()) };
        // The connection may be gone; then the first error says so.
        drop(admin.batch_execute("ROLLBACK").await);
        let busy =
            matches!(error.code(), Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED));
        if !busy {
            return Err(error).doing(doing);
        }
        if begun.elapsed() >= PATIENCE {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!(
                    "{doing}: the lock could not be had for {} s without making others wait",
                    PATIENCE.as_secs()
                ),
                "end the long transactions on that table, and run the same command again",
            ));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
