//! Connections that go from one worker to another.
//!
//! Clients come to workers as the kernel spreads them, so one worker may have more of them than its connections, while another's are
//! idle. A connection goes to where it is wanted: whoever waits takes an idle one of another worker, and whoever gives one back gives it to
//! the worker on which somebody goes first. Only idle connections move, with what is prepared on them; the tenant that one is inside,
//! and its proof, are the connection's own. No two workers' locks are held at once: a connection is in nobody's list while it moves, and
//! counted all the time.

use super::Pool;
use super::cluster::{Cluster, Next, Whom};
use crate::account::Account;
use crate::backend::ServerConnection;

impl Pool {
    /// Looks on other workers for what somebody who waits here could have: an idle connection of this database, or, where the server is
    /// full, the place of any idle one.
    pub(super) fn fetch(&self) {
        let mut connections = self.connections();
        let is_wanted = connections.wants(self.id).is_some();
        let lacks_place = connections.lacks_place(self.id);
        drop(connections);
        let worker = self.cluster.worker;
        if !is_wanted {
            return;
        }
        if self.total.counts.has_idle() && self.total.pools.others(worker).any(|other| other.pass_to(self)) {
            self.stats.passed.add(1);
        } else if lacks_place && self.cluster.total.counts.has_idle() {
            // Who goes first gets the place as it is freed.
            let _freed = self.cluster.total.clusters.others(worker).any(|other| other.free_place());
        }
    }

    /// Somebody on another worker goes before everybody here: it gets what there is. What it does not want is ours.
    pub(super) fn pass_on(&self, next: Next) {
        match next {
            Next::Pool(worker) => {
                if let Some(other) = self.total.pools.of(worker) {
                    if self.pass_to(&other) {
                        self.stats.passed.add(1);
                    } else {
                        other.cluster.serve();
                    }
                }
            }
            Next::Server(worker) => {
                let other = self.cluster.total.clusters.of(worker);
                if let Some(other) = other
                    && !(self.cluster.is_full() && self.cluster.free_place())
                {
                    other.serve();
                }
            }
        }
        self.cluster.serve();
    }

    /// Gives an idle connection to another worker's pool of the same database, if that has a use for it. False when nothing was given.
    fn pass_to(&self, other: &Self) -> bool {
        loop {
            let Some((tenant, visit)) = other.connections().wants(other.id) else { return false };
            let Some(mut connection) = self.connections().spare(self.id, tenant, visit) else { return false };
            let is_usable = other.receive(&mut connection);
            other.cluster.change(|connections, leftovers| {
                connections.take_over(other.id, connection, is_usable, leftovers);
            });
            if is_usable {
                return true;
            }
        }
    }

    /// Makes another worker's connection this one's. False when it is to be closed.
    fn receive(&self, connection: &mut ServerConnection) -> bool {
        connection.slot.pass(self.this.clone());
        connection.timer = self.cluster.timers.add();
        // Each worker numbers its clients' unnamed statements.
        connection.unnamed = 0;
        let _events = self.cluster.events.enter();
        connection.is_quiet() && connection.io.register().is_ok()
    }

    /// A connection of the tenant's is in use no more: those of its clients that waited for that, on other workers, stand in line again.
    pub(super) fn let_go(&self, account: &Account) {
        if account.is_held_back() {
            for other in self.total.pools.others(self.cluster.worker) {
                other.connections().let_go(other.id, account.tenant);
            }
        }
    }
}

impl Cluster {
    fn is_full(&self) -> bool {
        self.state.lock().is_full()
    }

    /// Closes the connection that has been idle for longest. False when none is.
    fn free_place(&self) -> bool {
        let evicted = self.state.lock().evict(None);
        // Dropped without the lock.
        evicted.is_some()
    }

    /// Serves those who wait on this worker.
    fn serve(&self) {
        self.change(|connections, leftovers| connections.dispatch(Whom::Ours, leftovers));
    }
}
