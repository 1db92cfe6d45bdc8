//! The two tenants: one that measures, one that floods.

use anyhow::{Context, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio_postgres::{Config, NoTls};

/// A tenant's way in, and what it says there.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) light: String,
    pub(crate) heavy: String,
}

/// The loud tenant, in a thread of its own.
pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// How long a client that was refused waits before it tries again: a flood that only produces errors measures nothing else.
const AFTER_ERROR: Duration = Duration::from_millis(20);
/// The flood is there before anything is measured.
const WARM_UP: Duration = Duration::from_millis(700);

impl Flood {
    pub(crate) fn start(target: Target, connections: u32) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (Arc::clone(&stop), Arc::clone(&done));
        let thread = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                let mut clients = tokio::task::JoinSet::new();
                for n in 0..connections {
                    let sql = if n % 2 == 0 { target.light.clone() } else { target.heavy.clone() };
                    clients.spawn(one(target.config.clone(), sql, Arc::clone(&until), Arc::clone(&count)));
                }
                while !until.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                clients.shutdown().await;
            });
        });
        std::thread::sleep(WARM_UP);
        done.store(0, Ordering::Relaxed);
        Self { stop, done, thread: Some(thread) }
    }

    /// How many of its statements succeeded.
    pub(crate) fn stop(mut self) -> u64 {
        let done = self.done.load(Ordering::Relaxed);
        self.end();
        done
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.end();
    }
}

async fn one(config: Config, sql: String, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) {
    while !stop.load(Ordering::Relaxed) {
        let Ok((client, connection)) = config.connect(NoTls).await else {
            tokio::time::sleep(AFTER_ERROR).await;
            continue;
        };
        let connection = tokio::spawn(connection);
        while !stop.load(Ordering::Relaxed) && !client.is_closed() {
            match client.batch_execute(&sql).await {
                Ok(()) => drop(done.fetch_add(1, Ordering::Relaxed)),
                Err(_) => tokio::time::sleep(AFTER_ERROR).await,
            }
        }
        connection.abort();
    }
}

/// The quiet tenant: so many statements a second, each timed from when it was due if the one before was late.
pub(crate) fn quiet(target: &Target, rate: u32, seconds: u32) -> Result<Vec<u32>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) =
            target.config.connect(NoTls).await.context("the quiet tenant can't connect")?;
        tokio::spawn(connection);
        for _ in 0..5 {
            client.batch_execute(&target.light).await?;
        }
        let period = Duration::from_secs(1) / rate;
        let mut due = Instant::now();
        let mut micros = Vec::new();
        for _ in 0..rate * seconds {
            due += period;
            let late = Instant::now() > due;
            tokio::time::sleep_until(due.into()).await;
            let began = if late { due } else { Instant::now() };
            client.batch_execute(&target.light).await?;
            micros.push(u32::try_from(began.elapsed().as_micros())?);
        }
        Ok(micros)
    })
}
