//! Asking servers where they are: one connection to each server of a cluster that has more than one.

use super::{Position, Role, Topologies, Topology};
use crate::backend::{Address, BackendError, Credentials, ServerConnection};
use crate::limit::timer::Timers;
use crate::pool::Slot;
use crate::worker::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tenantry_core::{ContextKey, Rights};
use tokio::task::JoinSet;

/// Between two questions to a server that somebody waits for.
const BRIEFLY: Duration = Duration::from_millis(1);
/// How often clusters that nobody is connected for any more are looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// Watches the servers of every cluster that has more than one. The first worker does; the others return.
pub(crate) async fn run(shared: Arc<Shared>) {
    if shared.topologies.watched.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut tasks = JoinSet::new();
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        for topology in shared.topologies.unwatched() {
            for at in 0..topology.members.len() {
                tasks.spawn(watch(Arc::clone(&shared), Arc::clone(&topology), at));
            }
        }
        // Cancel-safe: `notified`, `tick` and `join_next` lose nothing when dropped.
        tokio::select! {
            () = shared.topologies.added.notified() => {}
            _ = sweep.tick() => shared.topologies.sweep(),
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
        }
    }
}

impl Topologies {
    fn unwatched(&self) -> Vec<Arc<Topology>> {
        let topologies = self.by_cluster.lock();
        let new = topologies.values().filter(|topology| !topology.started.swap(true, Ordering::Relaxed));
        new.map(Arc::clone).collect()
    }

    /// Forgets clusters that only the watchers know.
    fn sweep(&self) {
        self.by_cluster.lock().retain(|_, topology| {
            let used = Arc::strong_count(topology) > topology.members.len() + 1;
            if !used {
                topology.close();
            }
            used
        });
    }
}

/// Asks one server, again and again, until its cluster has other servers or is of no interest.
async fn watch(shared: Arc<Shared>, topology: Arc<Topology>, at: usize) {
    let mut watcher = Watcher { shared, topology, at, connection: None };
    let interval = watcher.shared.config.replica_check_interval;
    while !watcher.topology.closed.load(Ordering::Acquire) {
        let asked = Instant::now();
        match watcher.ask().await {
            Ok(position) => watcher.topology.note(at, asked, position),
            Err(error) => {
                watcher.connection = None;
                watcher.note_failure(&error);
                tokio::time::sleep(interval).await;
                continue;
            }
        }
        let member = &watcher.topology.members[at];
        let pause = if watcher.topology.is_awaited(at) { BRIEFLY } else { interval };
        if tokio::time::timeout(pause, member.wanted.notified()).await.is_ok() {
            // Whoever wants to know waits at least so long: nobody can make the gateway ask without a pause.
            tokio::time::sleep_until((asked + BRIEFLY).into()).await;
        }
    }
}

struct Watcher {
    shared: Arc<Shared>,
    topology: Arc<Topology>,
    at: usize,
    connection: Option<(ServerConnection, ContextKey)>,
}

impl Watcher {
    async fn ask(&mut self) -> Result<Position, BackendError> {
        tokio::time::timeout(self.shared.config.connect_timeout, self.ask_without_end()).await?
    }

    async fn ask_without_end(&mut self) -> Result<Position, BackendError> {
        let (mut connection, key) = match self.connection.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        let position = connection.ask_position(&key).await?;
        self.connection = Some((connection, key));
        Ok(position)
    }

    async fn open(&self) -> Result<(ServerConnection, ContextKey), BackendError> {
        let via = Arc::clone(&self.topology.via.lock());
        let master_key = &self.shared.master_key;
        let address = Address::new(&self.topology.members[self.at].address, &via.tls);
        let credentials = Credentials::of(&via, Rights::Write, master_key);
        let (timer, slot) = (Timers::default().add(), Slot::nobodys());
        let connection = ServerConnection::open(&address, &credentials, 1, timer, slot).await?;
        Ok((connection, master_key.context_key(&via.stable_name, via.key)))
    }

    fn note_failure(&self, error: &BackendError) {
        let address = &self.topology.members[self.at].address;
        if !self.topology.lost(self.at) {
            return;
        }
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(server = %address, role = Role::Down.as_str(), %error, cause, "a server does not answer");
    }
}
