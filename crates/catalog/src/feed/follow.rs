//! The task behind a feed: catches up whenever it is told of a change or the poll is due, and reconnects.

use super::load::{Position, Reader, Update};
use super::{FeedOptions, FeedStatus};
use crate::CatalogConfig;
use crate::connection::{Connection, next_message};
use crate::error::CatalogError;
use crate::migrate;
use crate::queries;
use crate::row::get;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenantry_core::RouteTable;
use tokio::sync::{mpsc, watch};
use tokio_postgres::AsyncMessage;

/// A connection that listens.
pub(super) struct Session {
    connection: Connection,
    /// Something was notified since the last look. Closed when the connection is.
    wake: mpsc::Receiver<()>,
}

/// What is being served, and where it is published.
pub(super) struct Follower {
    pub(super) config: CatalogConfig,
    pub(super) options: FeedOptions,
    pub(super) routes: watch::Sender<Arc<RouteTable>>,
    pub(super) status: watch::Sender<FeedStatus>,
    pub(super) position: Position,
    /// Before the next attempt to reconnect. It grows until the catalog was read again: one that takes connections
    /// and fails at every query is not tried more often than one that is down.
    pub(super) pause: Duration,
}

/// What a session's end means.
enum End {
    /// Nobody receives routes any more.
    Unwatched,
    Failed(CatalogError),
}

impl Session {
    /// Connects and listens. What commits after this is notified; what committed before is for the first look.
    pub(super) async fn open(config: &CatalogConfig) -> Result<Self, CatalogError> {
        let (waker, wake) = mpsc::channel(1);
        let connection = Connection::open_with(config, |mut driver| async move {
            while let Some(Ok(message)) = next_message(&mut driver).await {
                if let AsyncMessage::Notification(_) = message {
                    // A full channel: the follower has not looked since the notification before.
                    waker.try_send(()).ok();
                }
            }
        })
        .await?;
        migrate::check(&connection, migrate::MIGRATIONS).await?;
        connection.batch("listen", "LISTEN tenantry_routes").await?;
        Ok(Self { connection, wake })
    }

    pub(super) fn reader(&self, options: &FeedOptions) -> Reader<'_> {
        Reader { connection: &self.connection, chunk_rows: options.chunk_rows.max(1) as usize }
    }
}

impl Follower {
    /// Follows until nobody receives routes any more. Dropping the future at any await is safe: what was published
    /// is whole, and the next session starts from the position that belongs to it.
    pub(super) async fn run(mut self, first: Session) {
        let mut session = first;
        loop {
            let error = match self.follow(&mut session).await {
                End::Unwatched => return,
                End::Failed(error) => error,
            };
            drop(session);
            self.report_lost(&error);
            let Some(next) = self.reconnect().await else { return };
            session = next;
        }
    }

    async fn follow(&mut self, session: &mut Session) -> End {
        loop {
            if let Err(error) = self.catch_up(session).await {
                return End::Failed(error);
            }
            tokio::select! {
                () = self.routes.closed() => return End::Unwatched,
                wake = session.wake.recv() => if wake.is_none() {
                    let source = crate::ServerError::text("the connection was closed");
                    return End::Failed(CatalogError::Unreachable { place: self.config.place(), source });
                },
                () = tokio::time::sleep(self.options.poll_interval) => {}
            }
        }
    }

    /// Publishes what changed since the last time, if anything did, and acknowledges it.
    async fn catch_up(&mut self, session: &Session) -> Result<(), CatalogError> {
        let reader = session.reader(&self.options);
        let served = Arc::clone(&self.routes.borrow());
        match reader.since(&served, self.position).await? {
            Update::Nothing => {}
            Update::Changed { table, position, skipped } => {
                self.publish(&table, position, |old| old + skipped);
            }
            Update::Lost => {
                tracing::info!(
                    revision = self.position.revision,
                    "the catalog's log does not reach back: loading all routes"
                );
                let (table, position, skipped) = reader.everything().await?;
                self.publish(&table, position, |_| skipped);
            }
        }
        self.meet_peers(session).await?;
        if let Some(gateway) = &self.options.gateway {
            let revision = self.position.revision;
            session.connection.execute(queries::GATEWAY_ACKNOWLEDGE, &[gateway, &revision]).await?;
        }
        self.report_contact();
        Ok(())
    }

    /// Looks where other gateways are. They are not part of the log of changes: each renews its row all the time.
    async fn meet_peers(&self, session: &Session) -> Result<(), CatalogError> {
        let rows = session.connection.query(queries::GATEWAY_PEERS, &[&self.options.gateway]).await?;
        let mut peers = BTreeMap::new();
        for row in rows {
            let number = u16::try_from(get::<i32>(&row, "gateway", "number")?);
            let address = get::<&str>(&row, "gateway", "peer")?.parse();
            if let (Ok(number), Ok(address)) = (number, address) {
                peers.insert(number, address);
            }
        }
        let served = Arc::clone(&self.routes.borrow());
        if *served.peers() != peers {
            self.routes.send_replace(Arc::new(served.with_peers(peers)));
        }
        Ok(())
    }

    fn publish(&mut self, table: &RouteTable, position: Position, skipped: impl FnOnce(usize) -> usize) {
        self.position = position;
        let peers = self.routes.borrow().peers().clone();
        self.routes.send_replace(Arc::new(table.with_peers(peers)));
        self.status.send_modify(|status| {
            status.revision = position.revision;
            status.skipped = skipped(status.skipped);
        });
    }

    /// Tries until it works, with pauses that grow; `None` when nobody receives routes any more.
    async fn reconnect(&mut self) -> Option<Session> {
        loop {
            tokio::select! {
                () = self.routes.closed() => return None,
                () = tokio::time::sleep(jittered(self.pause)) => {}
            }
            self.pause = (self.pause * 2).min(self.options.backoff_max);
            // The catalog being down is reported once; each further attempt is only of interest to a debugger.
            match Session::open(&self.config).await {
                Ok(session) => return Some(session),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "no catalog yet"),
            }
        }
    }

    fn report_lost(&self, error: &CatalogError) {
        if self.status.borrow().connected {
            let revision = self.position.revision;
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, revision, "the catalog was lost; the last routes are served on");
            self.status.send_modify(|status| status.connected = false);
        }
    }

    fn report_contact(&mut self) {
        self.pause = self.options.backoff_min;
        if !self.status.borrow().connected {
            tracing::info!(revision = self.position.revision, "the catalog is back");
        }
        self.status.send_modify(|status| {
            status.connected = true;
            status.last_contact = Instant::now();
        });
    }
}

/// Between half the pause and all of it, so that many gateways don't come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    // Each `RandomState` has keys of its own: the hash of nothing is a random number.
    let random = RandomState::new().hash_one(()) % 1_000;
    pause.mul_f64(0.5 + 0.0005 * f64::from(u32::try_from(random).unwrap_or(0)))
}
