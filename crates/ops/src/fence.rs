//! The fence: whoever holds a tenant's exclusive lock knows that no connection anywhere is inside the tenant.

use std::time::Duration;

/// How long to be polite to those inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FenceOptions {
    /// How long to wait for open transactions before their connections are terminated.
    pub grace: Duration,
    /// How long to wait in all.
    pub deadline: Duration,
}

impl Default for FenceOptions {
    fn default() -> Self {
        Self { grace: Duration::from_secs(2), deadline: Duration::from_secs(10) }
    }
}
