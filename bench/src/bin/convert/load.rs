//! The application: clients that read and write without a pause, and somebody who watches the locks' queues.

use crate::world::{ACCOUNTS, ROLE, World};
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

/// How often the queues are looked at.
const WATCH: Duration = Duration::from_millis(4);

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<(Instant, Duration)>>>,
    watcher: JoinHandle<Result<Vec<(Instant, Duration)>, tokio_postgres::Error>>,
}

/// What was seen: statements with how long they took, and waits with how long they had lasted.
pub(crate) struct Seen {
    statements: Vec<(Instant, Duration)>,
    waits: Vec<(Instant, Duration)>,
}

impl Load {
    pub(crate) async fn start(world: &World, clients: usize) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for number in 0..clients {
            let client = world.application().await?;
            tasks.push(tokio::spawn(work(client, world.rows, number, Arc::clone(&stop))));
        }
        let watcher =
            tokio::spawn(watch(world.postgres.connect(crate::world::DATABASE).await?, Arc::clone(&stop)));
        Ok(Self { stop, clients: tasks, watcher })
    }

    pub(crate) async fn stop(self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        let mut statements = Vec::new();
        for client in self.clients {
            statements.extend(client.await?);
        }
        Ok(Seen { statements, waits: self.watcher.await?? })
    }
}

/// One client. After `enforce` the old application's statements are refused; what counts here is how long they wait.
async fn work(client: Client, rows: i64, number: usize, stop: Arc<AtomicBool>) -> Vec<(Instant, Duration)> {
    let mut seen = Vec::new();
    let mut seed = 77_u64.wrapping_add(u64::try_from(number).unwrap_or(0));
    let mut below = |most: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(seed >> 33).unwrap_or(0) % most.max(1)
    };
    let mut count = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        let (task, project, account) = (1 + below(rows), 1 + below(rows / 20), 1 + below(ACCOUNTS));
        let begun = Instant::now();
        let done = match count % 8 {
            0 => client.execute("INSERT INTO tasks (project, title) VALUES ($1, 'new')", &[&project]).await,
            1 => {
                client
                    .execute("UPDATE tasks SET state = 1 - state WHERE id = $1 AND state < 2", &[&task])
                    .await
            }
            2 => client.execute("INSERT INTO comments (task, body) VALUES ($1, 'new')", &[&task]).await,
            3 => {
                client
                    .execute("SELECT * FROM projects WHERE account = $1 ORDER BY id LIMIT 20", &[&account])
                    .await
            }
            4 => client
                .execute(
                    "SELECT t.*, c.body FROM tasks t LEFT JOIN comments c ON c.task = t.id WHERE t.id = $1",
                    &[&task],
                )
                .await,
            _ => {
                client
                    .execute("SELECT * FROM tasks WHERE project = $1 AND state = 0 LIMIT 20", &[&project])
                    .await
            }
        };
        seen.push((begun, begun.elapsed()));
        if done.is_err_and(|error| error.is_closed()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen
}

/// How long those of the application that stand in a lock's queue now have stood there.
async fn watch(
    client: Client,
    stop: Arc<AtomicBool>,
) -> Result<Vec<(Instant, Duration)>, tokio_postgres::Error> {
    let sql = "SELECT extract(epoch FROM max(clock_timestamp() - l.waitstart))::float8
                 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                WHERE NOT l.granted AND a.usename = $1 AND l.waitstart IS NOT NULL";
    let statement = client.prepare(sql).await?;
    let mut waits = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let row = client.query_one(&statement, &[&ROLE]).await?;
        if let Some(seconds) = row.get::<_, Option<f64>>(0) {
            waits.push((Instant::now(), Duration::from_secs_f64(seconds.max(0.0))));
        }
        tokio::time::sleep(WATCH).await;
    }
    Ok(waits)
}

impl Seen {
    fn within(
        of: &[(Instant, Duration)],
        from: Instant,
        to: Instant,
    ) -> impl Iterator<Item = (Instant, Duration)> {
        of.iter().copied().filter(move |(at, _)| *at >= from && *at < to)
    }

    /// The longest wait in a lock's queue that was seen.
    pub(crate) fn longest_wait(&self, from: Instant, to: Instant) -> Duration {
        Self::within(&self.waits, from, to).map(|(_, wait)| wait).max().unwrap_or_default()
    }

    /// The slowest statement that was under way then, as the application saw it.
    pub(crate) fn slowest(&self, from: Instant, to: Instant) -> Duration {
        let overlaps = |(at, took): &&(Instant, Duration)| *at < to && *at + *took >= from;
        self.statements.iter().filter(overlaps).map(|(_, took)| *took).max().unwrap_or_default()
    }

    /// How many statements, and how long half of them, and all but a hundredth, took.
    pub(crate) fn latencies(&self, from: Instant, to: Instant) -> (u32, Duration, Duration) {
        let mut all: Vec<Duration> = Self::within(&self.statements, from, to).map(|(_, took)| took).collect();
        all.sort_unstable();
        let at = |part: usize| all.get(all.len() * part / 100).copied().unwrap_or_default();
        (u32::try_from(all.len()).unwrap_or(u32::MAX), at(50), at(99))
    }
}
