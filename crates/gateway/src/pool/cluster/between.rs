//! What a worker tells the others, wants of them, and gives them (`pool/passing.rs`).

use super::part::PoolConnections;
use super::{Connections, Leftovers, Whom};
use crate::backend::ServerConnection;
use crate::pool::idle::Visit;
use crate::pool::total::Standing;
use crate::pool::{Grant, Pool};
use std::sync::Arc;
use tenantry_core::TenantId;

/// Where somebody waits who goes before everybody on this worker.
#[derive(Debug, Clone, Copy)]
pub(in crate::pool) enum Next {
    /// For a connection of the pool, on that worker.
    Pool(usize),
    /// For a place on the server.
    Server(usize),
}

impl Connections {
    /// Tells the other workers who stands first here.
    pub(super) fn tell(&self) {
        let capped = self.cap != u32::MAX;
        let mut first_of_server: Option<Standing> = None;
        for pool in self.contended.iter().filter_map(|id| self.pools.get(id)) {
            let standing = pool.standing();
            pool.total.line.tell(self.worker, standing);
            let waits_for_place = capped && pool.idle.is_empty() && pool.is_below_limit();
            if let Some(standing) = standing.filter(|_| waits_for_place) {
                first_of_server = Some(first_of_server.map_or(standing, |first| first.min(standing)));
            }
        }
        self.total.line.tell(self.worker, first_of_server);
    }

    /// The worker on which somebody waits who goes before everybody here: for a connection of the pool, or for a place on its server.
    pub(super) fn goes_before_us(&self, id: u64) -> Option<Next> {
        let pool = self.pools.get(&id)?;
        let (of_pool, of_server) = (&pool.total.line, &self.total.line);
        if !of_pool.is_anybody_there() && !of_server.is_anybody_there() {
            return None;
        }
        let ours = pool.standing();
        let next = of_pool.first_before(self.worker, ours);
        if let Some((worker, standing)) = next
            && !self.is_reserved(pool, standing.busy)
        {
            return Some(Next::Pool(worker));
        }
        let next = of_server.first_before(self.worker, ours);
        next.map(|(worker, _)| Next::Server(worker))
    }

    /// The same, if there is anything to give.
    pub(in crate::pool) fn next_elsewhere(&self, id: u64) -> Option<Next> {
        let pool = self.pools.get(&id)?;
        match self.goes_before_us(id)? {
            Next::Pool(_) if pool.idle.is_empty() && !self.may_open(pool) => None,
            Next::Server(_) if self.is_full() && self.pools.values().all(|pool| pool.idle.is_empty()) => None,
            next => Some(next),
        }
    }

    /// A tenant that was held back on this worker may have room again: tells the others where it stands.
    pub(in crate::pool) fn let_go(&mut self, id: u64, tenant: TenantId) {
        self.rank(id, tenant);
        self.tell();
    }

    /// Whose turn it would be, if this worker had one more idle connection of the pool.
    pub(in crate::pool) fn wants(&mut self, id: u64) -> Option<(TenantId, Visit)> {
        let pool = self.pools.get(&id).filter(|pool| pool.idle.is_empty() && !pool.closed)?;
        let (rank, tenant) = pool.queue.first()?;
        let visit = pool.queue.front(tenant)?.visit;
        (!self.is_reserved(pool, rank.busy)).then_some((tenant, visit))
    }

    /// An idle connection for another worker that has a client of the tenant's waiting. It is that worker's from now on.
    pub(in crate::pool) fn spare(
        &mut self,
        id: u64,
        tenant: TenantId,
        visit: Visit,
    ) -> Option<Box<ServerConnection>> {
        let pool = self.pools.get_mut(&id)?;
        let connection = pool.idle.pick(tenant, visit)?;
        pool.open -= 1;
        Some(connection)
    }

    /// Takes over another worker's connection, and serves who is next on this one.
    pub(in crate::pool) fn take_over(
        &mut self,
        id: u64,
        connection: Box<ServerConnection>,
        is_usable: bool,
        leftovers: &mut Leftovers,
    ) {
        let Some(pool) = self.pools.get_mut(&id) else {
            return leftovers.push(Grant::Connection(connection));
        };
        pool.open += 1;
        if !is_usable || !pool.keeps(&connection) {
            return leftovers.push(Grant::Connection(connection));
        }
        pool.idle.push(connection);
        self.dispatch(Whom::Ours, leftovers);
    }

    /// The pools that could do with one more connection.
    pub(super) fn waiting(&self) -> Vec<Arc<Pool>> {
        let pools = self.contended.iter().filter_map(|id| self.pools.get(id));
        pools.filter(|pool| pool.idle.is_empty()).filter_map(|pool| pool.pool.upgrade()).collect()
    }

    /// Whether a place on the server, and nothing else, is what the pool's clients wait for.
    pub(in crate::pool) fn lacks_place(&self, id: u64) -> bool {
        self.is_full() && self.pools.get(&id).is_some_and(PoolConnections::is_below_limit)
    }
}
