//! What one worker has of one pool.

use super::{RESERVE, Waiter};
use crate::backend::{Parameters, ServerConnection};
use crate::config::Config;
use crate::pool::idle::Idle;
use crate::pool::queue::Queue;
use crate::pool::total::{PoolTotal, ServerTotal, Standing};
use crate::pool::{Pool, PoolSize};
use std::sync::{Arc, Weak};
use std::time::Instant;
use tenantry_core::{DatabaseRoute, TenancyModel};

/// The connections of one pool.
#[derive(Debug)]
pub(in crate::pool) struct PoolConnections {
    pub(super) total: Arc<PoolTotal>,
    /// How many there may be, over all workers.
    pub(super) limit: u32,
    /// How many of them are kept for tenants that use none.
    pub(super) reserve: u32,
    /// How many this worker has.
    pub(super) open: u32,
    pub(super) lent: u32,
    pub(in crate::pool) idle: Idle,
    pub(super) queue: Queue<Waiter>,
    /// Replaced by a pool with a newer route: nothing is kept any more.
    pub(super) closed: bool,
    /// Connections opened before this are closed instead of being kept.
    pub(super) retired: Option<Instant>,
    pub(in crate::pool) parameters: Option<Arc<Parameters>>,
    pub(super) pool: Weak<Pool>,
}

/// How many connections there may be, over all workers.
#[derive(Debug, Clone, Copy)]
pub(in crate::pool) struct Size {
    /// To the database.
    pub(super) limit: u32,
    pub(super) reserve: u32,
    /// To the server.
    pub(super) cap: u32,
    /// Tenants' tables that one backend may have seen.
    pub(super) schemas: usize,
}

impl Size {
    pub(in crate::pool) fn of(route: &DatabaseRoute, config: &Config, model: TenancyModel) -> Self {
        let limit = route.max_connections.max(1);
        Self {
            limit,
            reserve: if model.is_pooled() { limit / RESERVE } else { 0 },
            cap: if route.cluster_connections == 0 { u32::MAX } else { route.cluster_connections },
            schemas: config.max_server_schemas,
        }
    }
}

impl PoolConnections {
    pub(super) fn new(pool: Weak<Pool>, total: Arc<PoolTotal>, size: Size) -> Self {
        Self {
            total,
            limit: size.limit,
            reserve: size.reserve,
            open: 0,
            lent: 0,
            idle: Idle::new(size.schemas),
            queue: Queue::default(),
            closed: false,
            retired: None,
            parameters: None,
            pool,
        }
    }

    /// Whether there may be one more, as far as the server lets it.
    pub(super) fn is_below_limit(&self) -> bool {
        self.total.counts.open() < self.limit
    }

    /// A place for one more, if there is one.
    pub(super) fn claim(&mut self, server: &ServerTotal, cap: u32) -> bool {
        if !self.total.counts.claim(self.limit) {
            return false;
        }
        if !server.counts.claim(cap) {
            self.total.counts.free(1);
            return false;
        }
        self.open += 1;
        true
    }

    /// Where the first stands who waits for the pool's connections, of those who may be served.
    pub(super) fn standing(&self) -> Option<Standing> {
        let (rank, tenant) = self.queue.first()?;
        let since = self.queue.front(tenant)?.since;
        Some(self.total.line.standing(rank, since))
    }

    pub(super) fn unclaim(&mut self, server: &ServerTotal) {
        self.open -= 1;
        self.total.counts.free(1);
        server.counts.free(1);
    }

    pub(in crate::pool) fn size(&self) -> PoolSize {
        PoolSize { limit: self.limit, open: self.open, idle: self.idle.len(), waiting: self.queue.len() }
    }

    /// Whether a connection that comes back is kept.
    pub(super) fn keeps(&self, connection: &ServerConnection) -> bool {
        let retired = self.retired.is_some_and(|at| connection.cancel.opened <= at);
        !self.closed && !retired && self.total.counts.open() <= self.limit && !self.idle.is_worn(connection)
    }
}
