//! The feed: the catalog's routes as a sequence of immutable snapshots.

mod decode;
mod follow;
mod load;

use crate::CatalogConfig;
use crate::error::CatalogError;
use follow::{Follower, Session};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenantry_core::RouteTable;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a feed follows the catalog.
#[derive(Debug, Clone)]
pub struct FeedOptions {
    /// The longest a change stays unseen when its notification was lost.
    pub poll_interval: Duration,
    /// Rows of one query while loading.
    pub chunk_rows: u32,
    /// Pause before the first attempt to reconnect; it doubles up to `backoff_max`.
    pub backoff_min: Duration,
    pub backoff_max: Duration,
    /// Acknowledge revisions under this name, so that operations can wait until every gateway has seen theirs.
    pub gateway: Option<String>,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(5),
            chunk_rows: 5_000,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            gateway: None,
        }
    }
}

/// How a feed is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedStatus {
    pub connected: bool,
    /// Of the snapshot that is served.
    pub revision: i64,
    /// When the catalog answered last.
    pub last_contact: Instant,
    /// Rows that could not be understood since the last full load; what they describe is not served.
    pub skipped: usize,
}

/// Makes feeds.
#[derive(Debug, Clone, Copy)]
pub struct Feed;

/// A running feed. Dropped, it stops; its receivers keep the last snapshot.
#[derive(Debug)]
pub struct FeedHandle {
    status: watch::Receiver<FeedStatus>,
    task: JoinHandle<()>,
}

impl Feed {
    /// Loads all routes, and follows the catalog from then on: also through its restarts, serving the last snapshot
    /// meanwhile. An error means that the first load failed.
    pub async fn start(
        config: CatalogConfig,
        options: FeedOptions,
    ) -> Result<(watch::Receiver<Arc<RouteTable>>, FeedHandle), CatalogError> {
        let session = Session::open(&config).await?;
        let (table, position, skipped) = session.reader(&options).everything().await?;
        let (routes, receiver) = watch::channel(Arc::new(table));
        let first = FeedStatus {
            connected: true,
            revision: position.revision,
            last_contact: Instant::now(),
            skipped,
        };
        let (status_sender, status) = watch::channel(first);
        let pause = options.backoff_min;
        let follower = Follower { config, options, routes, status: status_sender, position, pause };
        let task = tokio::spawn(follower.run(session));
        Ok((receiver, FeedHandle { status, task }))
    }
}

impl FeedHandle {
    /// How the feed is doing now.
    pub fn status(&self) -> FeedStatus {
        *self.status.borrow()
    }

    /// The status as it changes.
    pub fn watch(&self) -> watch::Receiver<FeedStatus> {
        self.status.clone()
    }

    /// Stops, and waits until nothing of the feed runs any more.
    pub async fn stop(mut self) {
        self.task.abort();
        drop((&mut self.task).await);
    }
}

impl Drop for FeedHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
