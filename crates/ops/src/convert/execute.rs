//! Running DDL beside an application that goes on working: short locks are asked for with a timeout, again and again, so that
//! nobody queues behind us for longer than the bound; long work is done only under locks that let reads and writes through.

use super::{Blocking, Limits, Phase, refused};
use crate::sql::Doing;
use crate::{OpsError, Progress, Step as Told};
use std::time::{Duration, Instant};
use tenantry_catalog::ServerError;
use tenantry_core::ErrorKind;
use tenantry_schema::alter::{Effort, Lock, Step};
use tokio_postgres::Client;

/// Held by the session that converts: 'TEN', 'CONV'.
const LOCK: &str = "SELECT pg_catalog.pg_try_advisory_lock(1413828822, 1129270870)";
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// The first wait for a lock; each attempt waits longer, up to the bound.
const FIRST_WAIT: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

const BLOCKERS: &str = include_str!("blockers.sql");

pub(crate) struct Executor {
    pub(crate) admin: Client,
    pub(crate) limits: Limits,
}

/// One conversion at a time. Asked for, not waited for inside the server: a session that waits holds a snapshot, and indexes
/// that are built concurrently would wait for it.
pub(super) async fn take_lock(admin: &Client) -> Result<(), OpsError> {
    let begun = Instant::now();
    loop {
        let got: bool = admin.query_one(LOCK, &[]).await.doing("taking the conversion's lock")?.get(0);
        if got {
            return Ok(());
        }
        if begun.elapsed() >= LOCK_PATIENCE {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                "another conversion of this database is running",
                "wait for it, or stop it: it can go on later",
            ));
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
}

/// Steps that belong into one transaction.
pub(super) fn units(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    steps.chunk_by(|a, b| a.group.is_some() && a.group == b.group)
}

/// Whether a step keeps the application out while it reads or writes all rows.
pub(super) fn blocks(step: &Step) -> bool {
    step.effort != Effort::Moment && step.lock >= Lock::Share
}

impl Executor {
    pub(super) fn new(admin: Client, limits: &Limits) -> Self {
        Self { admin, limits: limits.clone() }
    }

    /// Runs a plan, and writes each unit into the ledger. `small` says which tables are changed the short way.
    pub(super) async fn run(
        &self,
        phase: Phase,
        steps: &[Step],
        small: &dyn Fn(&str) -> bool,
        progress: &dyn Progress,
    ) -> Result<(), OpsError> {
        let hard = steps.iter().find(|step| blocks(step) && !step.tables.iter().all(|table| small(table)));
        if let Some(step) = hard.filter(|_| self.limits.blocking == Blocking::Refuse) {
            return Err(refused(
                format!(
                    "{}: PostgreSQL can only do this while it keeps everybody out of the table",
                    step.place
                ),
                "run it when the application is idle, with --allow-blocking; or drop the constraint and add it afterwards",
            ));
        }
        self.admin
            .batch_execute("SET search_path = public, pg_catalog; SET check_function_bodies = off")
            .await
            .doing("preparing to change the schema")?;
        for unit in units(steps) {
            let on = unit.first().map_or_else(String::new, |step| step.place.clone());
            let told = Told { name: phase.as_str(), on: &on };
            if progress.proceed(told).is_break() {
                return Err(OpsError::Stopped(phase.as_str()));
            }
            progress.begun(told);
            self.note(phase, unit, "running").await?;
            self.unit(unit).await?;
            self.note(phase, unit, "done").await?;
            progress.finished(told);
        }
        self.admin.batch_execute("SET search_path = pg_catalog, pg_temp").await.doing("changing the schema")
    }

    /// The same for statements whose effect is not looked for in the schema (grants, owners): those that the ledger has are not
    /// run again.
    pub(super) async fn run_once(
        &self,
        phase: Phase,
        steps: Vec<Step>,
        progress: &dyn Progress,
    ) -> Result<(), OpsError> {
        let sql = "SELECT sql FROM tenancy.conversion_step WHERE phase = $1 AND state = 'done'";
        let rows =
            self.admin.query(sql, &[&phase.as_str()]).await.doing("reading the conversion's ledger")?;
        let done: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        let open: Vec<Step> = steps.into_iter().filter(|step| !done.contains(&step.sql.as_str())).collect();
        self.run(phase, &open, &|_| true, progress).await
    }

    async fn note(&self, phase: Phase, unit: &[Step], state: &str) -> Result<(), OpsError> {
        let sql =
            "INSERT INTO tenancy.conversion_step AS s (phase, place, sql, state) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (phase, pg_catalog.md5(sql)) DO UPDATE SET state = excluded.state,
                     attempts = s.attempts + CASE excluded.state WHEN 'running' THEN 1 ELSE 0 END,
                     done_at = CASE excluded.state WHEN 'done' THEN pg_catalog.clock_timestamp() END";
        let text: Vec<&str> = unit.iter().map(|step| step.sql.as_str()).collect();
        let place = unit.first().map_or("", |step| step.place.as_str());
        self.admin
            .execute(sql, &[&phase.as_str(), &place, &text.join(";\n"), &state])
            .await
            .doing("writing the conversion's ledger")?;
        Ok(())
    }

    /// One unit, as often as it takes.
    pub(super) async fn unit(&self, unit: &[Step]) -> Result<(), OpsError> {
        let begun = Instant::now();
        let mut wait = FIRST_WAIT.min(self.limits.max_block);
        let mut pause = FIRST_WAIT;
        loop {
            let done = self.attempt(unit, wait).await;
            let Err(error) = done else { return Ok(()) };
            let Some(again) = again(&error) else { return Err(failed(unit, error)) };
            if begun.elapsed() >= self.limits.patience {
                return Err(self.gave_up(unit, again).await);
            }
            tokio::time::sleep(jittered(pause)).await;
            wait = (wait * 2).min(self.limits.max_block);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A unit of several steps holds its first lock while it asks for the next ones: together they stay within the bound.
    async fn attempt(&self, unit: &[Step], wait: Duration) -> Result<(), tokio_postgres::Error> {
        let [only] = unit else { return self.transaction(unit, wait).await };
        if !only.transactional || (only.effort != Effort::Moment && only.lock <= Lock::ShareUpdateExclusive) {
            // What waits here waits for a lock that lets reads and writes through, or for old transactions to end.
            self.admin.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").await?;
            return self.admin.batch_execute(&only.sql).await;
        }
        self.transaction(unit, wait).await
    }

    async fn transaction(&self, unit: &[Step], wait: Duration) -> Result<(), tokio_postgres::Error> {
        let bound = self.limits.max_block;
        let begun = Instant::now();
        let long = unit.iter().any(blocks);
        self.admin.batch_execute(&format!("BEGIN; SET LOCAL lock_timeout = {}", millis(wait))).await?;
        for step in unit {
            let left = bound.saturating_sub(begun.elapsed());
            let timeout = if long { 0 } else { millis(left) };
            let sql = format!("SET LOCAL statement_timeout = {timeout}; {}", step.sql);
            if let Err(error) = self.admin.batch_execute(&sql).await {
                // The connection may be gone; then the first error says so.
                drop(self.admin.batch_execute("ROLLBACK").await);
                return Err(error);
            }
        }
        self.admin.batch_execute("COMMIT").await
    }

    async fn gave_up(&self, unit: &[Step], why: &str) -> OpsError {
        let tables: Vec<String> = unit.iter().flat_map(|step| step.tables.iter().cloned()).collect();
        let found = self.admin.query(BLOCKERS, &[&tables]).await.unwrap_or_default();
        let who: Vec<String> = found.iter().map(|row| row.get(0)).collect();
        let place = unit.first().map_or("", |step| step.place.as_str());
        let hint = if who.is_empty() {
            "run the same command again, or give it a greater --patience".to_owned()
        } else {
            format!("in the way: {}; run the same command again when they have ended", who.join("; "))
        };
        OpsError::refused(
            ErrorKind::Conflict,
            format!("{place}: {why} for {} s", self.limits.patience.as_secs()),
            hint,
        )
    }
}

fn millis(duration: Duration) -> u128 {
    duration.as_millis().max(1)
}

/// Half to one and a half times as long, so that two who wait don't meet again.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX))
}

/// Why it is worth another try, if it is.
fn again(error: &tokio_postgres::Error) -> Option<&'static str> {
    match error.code().map(tokio_postgres::error::SqlState::code) {
        Some("55P03" | "57014") => Some("the lock could not be had without making others wait"),
        Some("40P01") => Some("it and others kept each other waiting"),
        _ => None,
    }
}

fn failed(unit: &[Step], error: tokio_postgres::Error) -> OpsError {
    let place = unit.first().map_or("", |step| step.place.as_str());
    let doing = format!("changing {place}");
    match error.code().map(tokio_postgres::error::SqlState::code) {
        Some("23505") => OpsError::Refused {
            kind: ErrorKind::Conflict,
            message: format!("{place}: rows have the same key: {}", detail(&error)),
            hint: Some("change the rows, and run the same command again".into()),
        },
        Some("23503" | "23514" | "23502") => OpsError::Refused {
            kind: ErrorKind::Conflict,
            message: format!("{place}: rows don't fit: {}", detail(&error)),
            hint: Some("change the rows, and run the same command again".into()),
        },
        _ => OpsError::Server { doing, source: ServerError::from(error) },
    }
}

fn detail(error: &tokio_postgres::Error) -> String {
    let Some(db) = error.as_db_error() else { return error.to_string() };
    db.detail().map_or_else(|| db.message().to_owned(), |detail| format!("{} ({detail})", db.message()))
}
