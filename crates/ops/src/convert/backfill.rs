//! Old rows get their tenant: table by table, parents first, in short transactions over ranges of blocks.
//!
//! Blocks and not keys: every table has them, they are read in the order in which they lie, and how many there are is known.
//! What the application inserts or updates meanwhile has its tenant from the trigger. Rows that somebody has locked are left
//! for the next pass, so that the backfill never waits for the application nor can be part of a deadlock.

use super::Job;
use super::ledger::Phase;
use super::paths::{self, From, Source};
use super::sharing::{self, By, Shared, Shares};
use super::words;
use crate::sql::{Doing, render};
use crate::steps::Steps;
use crate::{Advance, OpsError, Progress, Step};
use std::time::{Duration, Instant};
use tenantry_core::{ErrorKind, SqlIdent};

const FIRST_BATCH: i64 = 16;
const LARGEST_BATCH: i64 = 4_096;
/// Of what may block, the part that one batch may hold row locks.
const SHARE: u32 = 5;
/// Passes over a table in which rows were locked, or moved, before it is an error.
const MOST_PASSES: i32 = 50;
/// Dead rows are cleared away when so many of a table's blocks were written again.
const BLOCKS_TO_VACUUM: i64 = 16_384;
const LAG_PAUSE: Duration = Duration::from_millis(200);

const BATCH: &str = include_str!("backfill.sql");
const SCOPES: &str = include_str!("sharing/scopes.sql");
const LEAVES: &str = "SELECT t.relid::regclass::oid, c.relname::text FROM pg_catalog.pg_partition_tree($1::text::regclass) t
                        JOIN pg_catalog.pg_class c ON c.oid = t.relid WHERE t.isleaf AND c.relkind = 'r' ORDER BY 2";

pub(super) async fn run(
    job: &mut Job<'_>,
    sources: &[Source],
    shares: &Shares,
    steps: Steps<'_>,
    on: &str,
) -> Result<(), OpsError> {
    let step = steps.next("backfill", on)?;
    let done = job.ledger.has(Phase::Filled);
    step.run(done, async {
        for shared in shares.shared.iter().filter(|shared| shared.by != By::One) {
            let join = Join::of_shared(shared, job)?;
            for leaf in leaves(job, &shared.table).await? {
                Table { job, leaf: &leaf, join: &join }.fill(steps.progress()).await?;
            }
        }
        for source in sources {
            // A new column with a constant default is filled already.
            let constant = shares.constant.as_deref().filter(|_| source.adopted);
            let Some(join) = Join::of(source, job, constant)? else { continue };
            for leaf in leaves(job, &source.table).await? {
                Table { job, leaf: &leaf, join: &join }.fill(steps.progress()).await?;
            }
        }
        job.ledger.reach(&job.executor.admin, Phase::Filled).await
    })
    .await
}

/// The physical tables of a table: itself, or its partitions.
pub(super) async fn leaves(job: &Job<'_>, table: &str) -> Result<Vec<String>, OpsError> {
    let admin = &job.executor.admin;
    let name = format!("public.{}", SqlIdent::new(table)?);
    let rows = admin.query(LEAVES, &[&name]).await.doing("looking for partitions")?;
    if rows.is_empty() {
        return Ok(vec![table.to_owned()]);
    }
    Ok(rows.iter().map(|row| row.get(1)).collect())
}

/// How a batch finds the tenant.
struct Join {
    value: String,
    tables: String,
    condition: String,
    column: String,
    /// Makes scopes for the rows of a range, before they are locked: an expression that gives their members.
    members: Option<String>,
}

impl Join {
    fn of(source: &Source, job: &Job<'_>, constant: Option<&str>) -> Result<Option<Self>, OpsError> {
        let column = job.request.declaration.tenancy.column.to_string();
        let (value, tables, condition) = match &source.from {
            From::Own(key) | From::Refers(key) => {
                (format!("t.{}", SqlIdent::new(key.clone())?), String::new(), "true".to_owned())
            }
            From::Word(key) => {
                let word = format!("t.{}", SqlIdent::new(key.clone())?);
                (words::number_of(&word), String::new(), "true".to_owned())
            }
            From::One => match constant {
                Some(constant) => (constant.to_owned(), String::new(), "true".to_owned()),
                None => return Ok(None),
            },
            From::Column => return Ok(None),
            From::Parent { parent, columns, keys } => {
                let join = paths::pairs("t", columns, "p", keys)?;
                let condition = format!("{join} AND p.{column} IS NOT NULL");
                (
                    format!("p.{column}"),
                    format!(" JOIN public.{} p ON true", SqlIdent::new(parent.clone())?),
                    condition,
                )
            }
        };
        Ok(Some(Self { value, tables, condition, column, members: None }))
    }

    fn of_shared(shared: &Shared, job: &Job<'_>) -> Result<Self, OpsError> {
        let value_type = job.request.declaration.tenancy.value_type;
        let members = match &shared.by {
            By::Links { .. } => Some(shared.members("t", value_type)?),
            // Tenants have their own scopes already.
            By::Column(_) | By::One => None,
        };
        Ok(Self {
            value: "p.scope".to_owned(),
            tables: format!(" CROSS JOIN LATERAL (SELECT {} AS scope) p", shared.scope("t", value_type)?),
            condition: "p.scope IS NOT NULL".to_owned(),
            column: sharing::COLUMN.to_owned(),
            members,
        })
    }
}

/// One physical table's backfill.
struct Table<'a, 'b> {
    job: &'a Job<'b>,
    leaf: &'a str,
    join: &'a Join,
}

/// Where the ledger says that it is.
struct Cursor {
    block: i64,
    blocks: i64,
    batch: i64,
    rows: i64,
    passes: i32,
}

impl Table<'_, '_> {
    async fn fill(&self, progress: &dyn Progress) -> Result<(), OpsError> {
        let Some(mut cursor) = self.cursor().await? else { return Ok(()) };
        let (begun, before) = (Instant::now(), cursor.rows);
        let from = cursor.block;
        let mut written = 0;
        loop {
            while cursor.block < cursor.blocks {
                let told = Step { name: "backfill", on: self.leaf };
                if progress.proceed(told).is_break() {
                    return Err(OpsError::Stopped("backfill"));
                }
                let taken = self.batch(&mut cursor).await?;
                written += cursor.batch;
                progress.advanced(told, advance(&cursor, begun, from, before));
                self.rest(taken).await?;
                if written >= BLOCKS_TO_VACUUM {
                    self.vacuum().await?;
                    written = 0;
                }
            }
            if !self.again(&mut cursor).await? {
                break;
            }
        }
        if cursor.rows > before {
            self.vacuum().await?;
        }
        self.done().await
    }

    async fn cursor(&self) -> Result<Option<Cursor>, OpsError> {
        const WHAT: &str = "reading how far the backfill is";
        let admin = &self.job.executor.admin;
        let blocks = self.blocks().await?;
        let sql = "INSERT INTO tenancy.conversion_backfill (relation, blocks, batch) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        admin.execute(sql, &[&self.leaf, &blocks, &FIRST_BATCH]).await.doing(WHAT)?;
        let sql = "SELECT block, blocks, batch, rows, passes, done FROM tenancy.conversion_backfill WHERE relation = $1";
        let row = admin.query_one(sql, &[&self.leaf]).await.doing(WHAT)?;
        let cursor = Cursor {
            block: row.get(0),
            blocks: row.get(1),
            batch: row.get(2),
            rows: row.get(3),
            passes: row.get(4),
        };
        Ok((!row.get::<_, bool>(5)).then_some(cursor))
    }

    async fn blocks(&self) -> Result<i64, OpsError> {
        let sql = "SELECT pg_catalog.pg_relation_size($1::text::regclass) / pg_catalog.current_setting('block_size')::bigint";
        let row = self.job.executor.admin.query_one(sql, &[&self.name()?]).await;
        Ok(row.doing("asking for the size of a table")?.get(0))
    }

    fn name(&self) -> Result<String, OpsError> {
        Ok(format!("public.{}", SqlIdent::new(self.leaf)?))
    }

    /// One range of blocks: rows and cursor in one transaction. Too long a range is made shorter and tried again.
    async fn batch(&self, cursor: &mut Cursor) -> Result<Duration, OpsError> {
        let budget = self.job.executor.limits.max_block / SHARE;
        loop {
            let begun = Instant::now();
            let end = (cursor.block + cursor.batch).min(cursor.blocks);
            match self.range(cursor, end).await {
                Ok(rows) => {
                    let taken = begun.elapsed();
                    (cursor.block, cursor.rows) = (end, cursor.rows + rows);
                    cursor.batch = adapted(cursor.batch, taken, budget);
                    return Ok(taken);
                }
                Err(error) if error.code().is_some_and(|code| code.code() == "57014") && cursor.batch > 1 => {
                    cursor.batch = (cursor.batch / 4).max(1);
                }
                Err(error) => return Err(error).doing(&format!("filling in the tenants of {}", self.leaf)),
            }
        }
    }

    async fn range(&self, cursor: &Cursor, end: i64) -> Result<i64, tokio_postgres::Error> {
        let Ok(name) = self.name() else { return Ok(0) };
        let sql = render(
            BATCH,
            &[
                ("table", &name),
                ("value", &self.join.value),
                ("tables", &self.join.tables),
                ("condition", &self.join.condition),
                ("column", &self.join.column),
            ],
        );
        let admin = &self.job.executor.admin;
        let timeout = self.job.executor.limits.max_block.as_millis().max(1);
        let (from, to) = (format!("({},0)", cursor.block), format!("({end},0)"));
        if let Some(members) = &self.join.members {
            let scopes = render(SCOPES, &[("table", &name), ("members", members)]);
            admin.batch_execute(&format!("SET statement_timeout = {timeout}")).await?;
            admin.query_one(&scopes, &[&from, &to]).await?;
        }
        // The application's triggers have nothing to do with this, and its references don't change.
        admin
            .batch_execute(&format!(
                "BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = {timeout}; SET LOCAL synchronous_commit = off"
            ))
            .await?;
        let filled = async {
            let rows = i64::try_from(admin.execute(&sql, &[&from, &to]).await?).unwrap_or(i64::MAX);
            let note = "UPDATE tenancy.conversion_backfill SET block = $2, batch = $3, rows = rows + $4,
                               changed_at = pg_catalog.clock_timestamp() WHERE relation = $1";
            admin.execute(note, &[&self.leaf, &end, &cursor.batch, &rows]).await?;
            admin.batch_execute("COMMIT").await?;
            Ok(rows)
        };
        let filled = filled.await;
        if filled.is_err() {
            // The connection may be gone; then the first error says so.
            drop(admin.batch_execute("ROLLBACK").await);
        }
        filled
    }

    /// After a pass: rows that were locked, or that a rewrite of the table moved, are looked for again.
    async fn again(&self, cursor: &mut Cursor) -> Result<bool, OpsError> {
        let admin = &self.job.executor.admin;
        let sql = format!(
            "SELECT EXISTS (SELECT FROM ONLY {} t{} WHERE t.{} IS NULL AND {})",
            self.name()?,
            self.join.tables,
            self.join.column,
            self.join.condition
        );
        admin.batch_execute("SET statement_timeout = 0").await.doing("looking for rows without a tenant")?;
        let left: bool = admin.query_one(&sql, &[]).await.doing("looking for rows without a tenant")?.get(0);
        if !left {
            return Ok(false);
        }
        cursor.passes += 1;
        if cursor.passes >= MOST_PASSES {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!("rows of {} stay locked", self.leaf),
                "end the transactions that hold them (pg_stat_activity shows them), and run the same command again",
            ));
        }
        tokio::time::sleep(LAG_PAUSE).await;
        (cursor.block, cursor.blocks) = (0, self.blocks().await?);
        let sql =
            "UPDATE tenancy.conversion_backfill SET block = 0, blocks = $2, passes = $3 WHERE relation = $1";
        admin
            .execute(sql, &[&self.leaf, &cursor.blocks, &cursor.passes])
            .await
            .doing("beginning another pass")?;
        Ok(true)
    }

    /// Leaves the machine to the application for a while, and lets standbys catch up.
    async fn rest(&self, taken: Duration) -> Result<(), OpsError> {
        let limits = &self.job.executor.limits;
        let load = f64::from(limits.load.clamp(1, 100)) / 100.0;
        tokio::time::sleep(taken.mul_f64(1.0 / load - 1.0)).await;
        let most = i64::try_from(limits.max_lag_bytes).unwrap_or(i64::MAX);
        let sql = "SELECT coalesce(max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.replay_lsn)), 0) > $1::bigint
                     FROM pg_catalog.pg_stat_replication r WHERE r.state = 'streaming'";
        let begun = Instant::now();
        loop {
            let behind = self
                .job
                .executor
                .admin
                .query_one(sql, &[&most])
                .await
                .doing("asking how far standbys are")?;
            if !behind.get::<_, bool>(0) {
                return Ok(());
            }
            if begun.elapsed() >= limits.patience {
                return Err(OpsError::refused(
                    ErrorKind::Conflict,
                    "a standby stays too far behind",
                    "look at pg_stat_replication; run the same command again when it has caught up, or raise --max-lag",
                ));
            }
            tokio::time::sleep(LAG_PAUSE).await;
        }
    }

    /// Each batch leaves as many dead rows as it filled in. Without truncation: that would keep everybody out.
    async fn vacuum(&self) -> Result<(), OpsError> {
        let admin = &self.job.executor.admin;
        admin
            .batch_execute("SET statement_timeout = 0; SET lock_timeout = 0")
            .await
            .doing("clearing away dead rows")?;
        let sql = format!("VACUUM (TRUNCATE false, SKIP_LOCKED true, INDEX_CLEANUP auto) {}", self.name()?);
        admin.batch_execute(&sql).await.doing("clearing away dead rows")
    }

    async fn done(&self) -> Result<(), OpsError> {
        let sql = "UPDATE tenancy.conversion_backfill SET done = true, changed_at = pg_catalog.clock_timestamp() WHERE relation = $1";
        self.job.executor.admin.execute(sql, &[&self.leaf]).await.doing("ending a table's backfill")?;
        Ok(())
    }
}

/// Twice as many blocks when it was quick, half as many when it was slow.
fn adapted(batch: i64, taken: Duration, budget: Duration) -> i64 {
    if taken > budget {
        (batch / 2).max(1)
    } else if taken < budget / 2 {
        (batch * 2).min(LARGEST_BATCH)
    } else {
        batch
    }
}

#[allow(clippy::cast_precision_loss, reason = "shown to people")]
fn advance(cursor: &Cursor, begun: Instant, from: i64, before: i64) -> Advance {
    let seconds = begun.elapsed().as_secs_f64().max(0.001);
    let gone = (cursor.block - from).max(1) as f64;
    let left = (cursor.blocks - cursor.block).max(0) as f64;
    Advance {
        part: cursor.block as f64 / cursor.blocks.max(1) as f64,
        rows: u64::try_from(cursor.rows).unwrap_or(0),
        rows_per_second: (cursor.rows - before) as f64 / seconds,
        remaining: Some(Duration::from_secs_f64(left * seconds / gone)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_follow_the_time_they_take() {
        let budget = Duration::from_millis(100);
        assert_eq!(adapted(16, Duration::from_millis(10), budget), 32);
        assert_eq!(adapted(16, Duration::from_millis(70), budget), 16);
        assert_eq!(adapted(16, Duration::from_millis(300), budget), 8);
        assert_eq!(adapted(1, Duration::from_millis(300), budget), 1);
        assert_eq!(adapted(LARGEST_BATCH, Duration::ZERO, budget), LARGEST_BATCH);
    }
}
