//! A pool as the console and the metrics show it.

use crate::backend::{ServerConnection, State};
use crate::cancel::CancelTarget;
use std::sync::Arc;
use std::time::Instant;
use tenantry_core::TenantId;

/// A pool at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PoolSize {
    pub(crate) limit: u32,
    pub(crate) open: u32,
    pub(crate) idle: usize,
    pub(crate) waiting: usize,
}

impl PoolSize {
    pub(crate) fn add(&mut self, other: Self) {
        // One limit for all workers.
        self.limit = self.limit.max(other.limit);
        self.open += other.open;
        self.idle += other.idle;
        self.waiting += other.waiting;
    }
}

/// An idle connection, as the console lists it.
#[derive(Debug, Clone)]
pub(crate) struct IdleServer {
    pub(crate) target: Arc<CancelTarget>,
    /// Whose it still is.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) idle_since: Instant,
    pub(crate) statements: usize,
}

impl IdleServer {
    pub(super) fn of(connection: &ServerConnection) -> Self {
        let tenant = match connection.state {
            State::Entered { tenant, .. } => Some(tenant),
            _ => None,
        };
        Self {
            target: Arc::clone(&connection.cancel),
            tenant,
            idle_since: connection.idle_since,
            statements: connection.prepared.len(),
        }
    }
}
