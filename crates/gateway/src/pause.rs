//! What an administrator has paused: a database, a tenant, or everything. Transactions that begin there wait.
//!
//! Whoever is not paused pays one load of a bit that rarely changes.

use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use tenantry_core::{DatabaseId, TenantId};
use tokio::sync::watch;

/// What can be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Everything,
    Database(DatabaseId),
    Tenant(TenantId),
}

#[derive(Debug)]
pub(crate) struct Pauses {
    any: AtomicBool,
    parts: Mutex<HashSet<Part>>,
    changed: watch::Sender<()>,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { any: AtomicBool::new(false), parts: Mutex::default(), changed: watch::channel(()).0 }
    }
}

impl Pauses {
    /// Whether anything at all is paused.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// False when it was paused already.
    pub(crate) fn pause(&self, part: Part) -> bool {
        let mut parts = self.parts.lock();
        let new = parts.insert(part);
        self.any.store(true, Ordering::Relaxed);
        new
    }

    /// Resuming everything resumes each part. False when it was not paused.
    pub(crate) fn resume(&self, part: Part) -> bool {
        let mut parts = self.parts.lock();
        let was = if part == Part::Everything {
            let some = !parts.is_empty();
            parts.clear();
            some
        } else {
            parts.remove(&part)
        };
        self.any.store(!parts.is_empty(), Ordering::Relaxed);
        drop(parts);
        self.changed.send_replace(());
        was
    }

    pub(crate) fn is_paused(&self, part: Part) -> bool {
        self.any() && self.parts.lock().contains(&part)
    }

    pub(crate) fn everything(&self) -> bool {
        self.is_paused(Part::Everything)
    }

    /// Waits until transactions of that tenant on that database may begin.
    pub(crate) async fn pass(&self, database: DatabaseId, tenant: TenantId) {
        let mut changed = self.changed.subscribe();
        loop {
            // Marked as seen before the look, so that no change in between is missed.
            changed.borrow_and_update();
            let held = [Part::Everything, Part::Database(database), Part::Tenant(tenant)];
            if !held.into_iter().any(|part| self.is_paused(part)) || changed.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn whoever_waits_goes_on_when_the_last_pause_that_holds_it_is_gone() {
        let pauses = Arc::new(Pauses::default());
        let (database, tenant) = (DatabaseId::new(1), TenantId::new(7));
        pauses.pass(database, tenant).await;
        assert!(pauses.pause(Part::Database(database)) && pauses.pause(Part::Tenant(tenant)));
        assert!(!pauses.pause(Part::Tenant(tenant)));
        // Others are not held.
        pauses.pass(DatabaseId::new(2), TenantId::new(8)).await;
        let waiting = tokio::spawn({
            let pauses = Arc::clone(&pauses);
            async move { pauses.pass(database, tenant).await }
        });
        tokio::task::yield_now().await;
        assert!(pauses.resume(Part::Database(database)));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert!(pauses.resume(Part::Everything) && !pauses.any());
        waiting.await.unwrap();
    }
}
