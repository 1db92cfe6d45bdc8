//! The idle connections of one pool, and which of them suits whom.

use crate::backend::{ServerConnection, State};
use std::time::Instant;
use tenantry_core::{Epoch, Placement, TenancyModel, TenantId};

/// Boxed because connections move between here and the sessions all the time.
#[allow(clippy::vec_box, reason = "a connection is large and moves at every transaction")]
pub(super) type Boxes = Vec<Box<ServerConnection>>;

/// What a borrower is going to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    epoch: Epoch,
    /// It has tables of its own: a backend that has seen them keeps what it knows of them.
    own_tables: bool,
}

impl Visit {
    pub(crate) fn of(placement: &Placement) -> Self {
        Self { epoch: placement.epoch, own_tables: placement.model == TenancyModel::Schema }
    }

    /// Notes whose tables the backend is going to see.
    pub(super) fn note(self, tenant: TenantId, connection: &mut ServerConnection) {
        if self.own_tables {
            connection.visited.insert(tenant);
        }
    }
}

#[derive(Debug)]
pub(super) struct Idle {
    /// Least recently used first.
    connections: Boxes,
    /// Tenants' own tables that one backend may have seen: it keeps what it knows of each, for as long as it lives.
    most_visited: usize,
}

impl Idle {
    pub(super) fn new(most_visited: usize) -> Self {
        Self { connections: Vec::new(), most_visited: most_visited.max(1) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ServerConnection> {
        self.connections.iter().map(|connection| &**connection)
    }

    /// Whether a backend has seen so many tenants' own tables that a fresh one should take its place.
    pub(super) fn is_worn(&self, connection: &ServerConnection) -> bool {
        connection.visited.len() > self.most_visited
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    pub(super) fn push(&mut self, connection: Box<ServerConnection>) {
        self.connections.push(connection);
    }

    /// Puts back what was looked after, as less recently used than what has come since.
    pub(super) fn put_back(&mut self, mut connections: Boxes) {
        connections.append(&mut self.connections);
        self.connections = connections;
    }

    /// Since when the least recently used one has been idle.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.connections.first().map(|connection| connection.idle_since)
    }

    pub(super) fn pop_oldest(&mut self) -> Option<Box<ServerConnection>> {
        if self.connections.is_empty() { None } else { Some(self.connections.remove(0)) }
    }

    pub(super) fn take(&mut self) -> Boxes {
        std::mem::take(&mut self.connections)
    }

    /// The connection that is best for a tenant: one that is inside it, else one that knows its tables, else nobody's, else
    /// the one that has not been used for longest.
    pub(super) fn pick(&mut self, tenant: TenantId, visit: Visit) -> Option<Box<ServerConnection>> {
        let inside = State::Entered { tenant, epoch: visit.epoch };
        let found = self.connections.iter().rposition(|connection| connection.state == inside);
        if let Some(index) = found {
            return Some(self.connections.remove(index));
        }
        if self.connections.is_empty() {
            return None;
        }
        let index = if visit.own_tables { self.best_for_own_tables(tenant) } else { self.nobodys() };
        let mut connection = self.connections.remove(index.unwrap_or(0));
        visit.note(tenant, &mut connection);
        Some(connection)
    }

    fn nobodys(&self) -> Option<usize> {
        self.connections.iter().rposition(|connection| !matches!(connection.state, State::Entered { .. }))
    }

    fn best_for_own_tables(&self, tenant: TenantId) -> Option<usize> {
        let all = self.connections.iter().enumerate();
        let known = all.clone().rfind(|(_, connection)| connection.visited.contains(&tenant));
        // Else the one that knows the fewest: tenants spread, and each backend's memory stays small.
        known.or_else(|| all.min_by_key(|(_, connection)| connection.visited.len())).map(|(index, _)| index)
    }
}
