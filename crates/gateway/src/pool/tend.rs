//! Looking after idle connections: none stays in a tenant for long, none gets old, none is dead.

use super::Pool;
use crate::backend::{ServerConnection, State};
use std::task::{Context, Waker};
use std::time::Instant;
use tenantry_core::{Epoch, RouteTable, TenantId, TenantState};

impl Pool {
    /// Resets idle connections that have lingered in a tenant or whose tenant has changed, and closes old or dead ones. Those who
    /// wait are told of the limits in force now, and get what the pool has more of.
    pub(crate) fn tend(&self, routes: &RouteTable) {
        // A new session would see to it as well, but there may be none.
        if let Some(route) = routes.database(self.route.id).filter(|route| self.fits(route)) {
            self.resize(route);
        }
        let now = Instant::now();
        let idle = self.connections().pool(self.id).map(|pool| pool.idle.take()).unwrap_or_default();
        let mut kept = Vec::with_capacity(idle.len());
        for mut connection in idle {
            if self.may_stay(&mut connection, routes, now) {
                kept.push(connection);
            }
        }
        // Nothing ran in between (no await), but a slot freed above may have granted its place to a waiter.
        self.change(|connections, leftovers| {
            connections.put_back(self.id, kept, leftovers);
            connections.look_again(leftovers, |tenant| routes.tenant(tenant).map(|route| route.limits));
        });
    }

    fn may_stay(&self, connection: &mut ServerConnection, routes: &RouteTable, now: Instant) -> bool {
        let age = now.duration_since(connection.idle_since);
        if age >= self.config.server_idle_timeout || !connection.is_quiet() {
            return false;
        }
        if let State::Entered { tenant, epoch } = connection.state {
            let current = is_current(routes, tenant, epoch);
            if (age >= self.config.linger || !current) && !begin_reset(connection) {
                return false;
            }
        }
        // What a full socket or a busy moment left unsent of a reset: the tenant's fence is held until it is done.
        flush(connection)
    }
}

/// Whether a connection that is inside `tenant` at `epoch` may stay there.
fn is_current(routes: &RouteTable, tenant: TenantId, epoch: Epoch) -> bool {
    routes.tenant(tenant).is_some_and(|route| {
        route.state == TenantState::Active && route.placement.as_ref().is_some_and(|p| p.epoch == epoch)
    })
}

/// Sends the reset without waiting for its replies. False when the connection broke.
pub(super) fn begin_reset(connection: &mut ServerConnection) -> bool {
    connection.start_reset();
    flush(connection)
}

/// Sends what is queued as far as the socket takes it. False when the connection broke.
fn flush(connection: &mut ServerConnection) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    !matches!(connection.io.poll_flush(&mut context), std::task::Poll::Ready(Err(_)))
}
