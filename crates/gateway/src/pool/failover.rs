//! Which server a new connection goes to: the one that is the primary now, of those that may be.

use super::Pool;
use crate::backend::{Address, BackendError, ServerConnection};
use crate::pool::Slot;
use crate::replica::{Place, Topology};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tenantry_core::{DatabaseRoute, ServerAddress};

/// Between two looks for a primary while there is none.
const PAUSE: Duration = Duration::from_millis(50);

/// The servers that a pool's connections may go to.
#[derive(Debug)]
pub(super) struct Servers {
    place: Place,
    addresses: Vec<(ServerAddress, Address)>,
    /// Where the cluster has more than one.
    topology: Option<Arc<Topology>>,
    generation: AtomicU64,
}

impl Servers {
    pub(super) fn of(route: &DatabaseRoute, place: Place, topology: Option<Arc<Topology>>) -> Self {
        let addresses: Vec<_> = match place {
            Place::Primary => route.hosts().collect(),
            Place::Replica(number) => route.replicas.get(usize::from(number)).cloned().into_iter().collect(),
        };
        let with_tls = |server: ServerAddress| {
            let address = Address::new(&server, &route.tls);
            (server, address)
        };
        Self {
            place,
            addresses: addresses.into_iter().map(with_tls).collect(),
            generation: AtomicU64::new(topology.as_ref().map_or(0, |topology| topology.generation())),
            topology,
        }
    }

    /// Whether another server has become the primary since this was asked last: connections to the old one are of no use.
    pub(super) fn failed_over(&self) -> bool {
        let (Place::Primary, Some(topology)) = (self.place, &self.topology) else { return false };
        let now = topology.generation();
        // Mostly it is a load and a comparison.
        self.generation.load(Ordering::Relaxed) != now && self.generation.swap(now, Ordering::Relaxed) != now
    }

    /// Whether the connection's server is what the pool is for. A replica that was promoted says so.
    pub(super) fn suits(&self, connection: &ServerConnection) -> bool {
        self.topology.is_none() || connection.is_standby() == (self.place != Place::Primary)
    }

    /// The likeliest first.
    fn candidates(&self) -> Vec<&Address> {
        match &self.topology {
            Some(topology) if self.addresses.len() > 1 => {
                let find = |server| self.addresses.iter().find(|(known, _)| *known == server);
                topology.primary_first().into_iter().filter_map(find).map(|(_, address)| address).collect()
            }
            _ => self.addresses.iter().map(|(_, address)| address).collect(),
        }
    }
}

impl Pool {
    /// Opens a connection to the pool's server. Where the primary may be one of several, those are tried in turn, again and
    /// again: the caller's deadline ends it.
    pub(super) async fn connect(&self) -> Result<ServerConnection, BackendError> {
        let several = self.servers.addresses.len() > 1;
        // One that swallows packets must leave time for the others.
        let hosts = u32::try_from(self.servers.addresses.len()).unwrap_or(u32::MAX).max(1);
        let patience = self.config.connect_timeout / hosts;
        loop {
            let mut last = BackendError::WrongRole("not configured");
            for address in self.servers.candidates() {
                let outcome = tokio::time::timeout(patience, self.connect_to(address)).await;
                match outcome.map_err(BackendError::from).flatten() {
                    Ok(connection) => return Ok(connection),
                    Err(error) => last = error,
                }
            }
            if !several {
                return Err(last);
            }
            tracing::debug!(database = %self.route.stable_name, error = %last, "no server is the primary");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn connect_to(&self, address: &Address) -> Result<ServerConnection, BackendError> {
        let (most, timer) = (self.config.max_server_statements, self.cluster.timers.add());
        let connection =
            ServerConnection::open(address, &self.credentials, most, timer, Slot::nobodys()).await?;
        if self.servers.suits(&connection) {
            return Ok(connection);
        }
        Err(BackendError::WrongRole(if connection.is_standby() {
            "a replica"
        } else {
            "no replica any more"
        }))
    }
}
