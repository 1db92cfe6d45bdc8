//! The dry run: every step with its lock and how long it may take, from the sizes of the tables and a short measurement. It
//! changes nothing.

use super::execute::blocks;
use super::sharing::{self, By, Shared, Shares};
use super::{Check, Convert, Ends, Tenants, checks, ends, paths, register, stages};
use crate::schema::PlainSchema;
use crate::sql::Doing;
use crate::{Control, OpsError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;
use tenantry_core::SqlIdent;
use tenantry_schema::alter::{Effort, Lock, Step, Style, access, alter_by};
use tenantry_schema::{Model, Severity, read as parse};
use tokio_postgres::Client;

/// What a conversion would do.
#[derive(Debug, Clone, Serialize)]
pub struct Estimate {
    pub checks: Vec<Check>,
    pub steps: Vec<PlannedStep>,
    /// What the rules would like a person to look at.
    pub notes: Vec<String>,
    /// What the sample gave, in megabytes a second.
    pub read_mb_per_second: f64,
    pub seconds: f64,
    /// Steps that keep the application out of a table for as long as they take.
    pub blocking: usize,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedStep {
    pub phase: &'static str,
    pub place: String,
    pub sql: String,
    pub lock: Lock,
    pub effort: Effort,
    pub seconds: f64,
}

/// How many times longer than reading a table once: building an index, and filling in a column of every row. Measured with
/// `bench/` on this project's machine; orders of magnitude, no promise.
const INDEX: f64 = 4.0;
const FILL: f64 = 30.0;
const MOMENT: f64 = 0.005;
/// Blocks that the sample reads of the largest table.
const SAMPLE: i64 = 4_000;

/// Plans it, without a change.
pub async fn plan(control: &Control, request: &Convert) -> Result<Estimate, OpsError> {
    let admin = control.connect(&request.cluster, request.database.as_str()).await?;
    let facts = stages::facts(&admin).await?;
    let plain = parse(&facts)?;
    let checks = checks::all(&admin, request).await?;
    let ends = ends(request, &plain, &stages::any_login()?)?;
    checks::unfit_rules(&ends)?;
    let schema =
        PlainSchema { model: plain.clone(), declaration: request.declaration.clone(), facts, version: None };
    register::fits_deployment(control, &schema).await?;
    let sizes = stages::sizes(&admin).await?;
    let speed = sample(&admin, &sizes).await?;
    let mut planner = Planner { request, ends: &ends, sizes, speed, steps: Vec::new() };
    planner.all(&plain)?;
    let warnings = ends.wanted.findings.iter().filter(|finding| finding.severity == Severity::Warning);
    let shared = sharing::shared(&plain, request)?;
    let notes = warnings.map(ToString::to_string).chain(sharing::notes(&shared));
    Ok(Estimate {
        checks,
        notes: notes.collect(),
        read_mb_per_second: speed,
        seconds: planner.steps.iter().map(|step| step.seconds).sum(),
        blocking: planner
            .steps
            .iter()
            .filter(|step| step.effort != Effort::Moment && step.lock >= Lock::Share)
            .count(),
        steps: planner.steps,
    })
}

/// Megabytes a second, from the first blocks of the largest table.
async fn sample(admin: &Client, sizes: &BTreeMap<String, u64>) -> Result<f64, OpsError> {
    const WHAT: &str = "measuring how fast a table is read";
    let Some((largest, bytes)) = sizes.iter().max_by_key(|(_, bytes)| **bytes) else { return Ok(200.0) };
    let name = SqlIdent::new(largest.clone())?;
    let sql = format!("SELECT count(*) FROM public.{name} t WHERE t.ctid < '({SAMPLE},0)'");
    let begun = Instant::now();
    admin.query_one(&sql, &[]).await.doing(WHAT)?;
    let read = megabytes((*bytes).min(u64::try_from(SAMPLE * 8192).unwrap_or(u64::MAX)));
    // Less than a megabyte says nothing about the speed.
    Ok(if read < 1.0 { 200.0 } else { read / begun.elapsed().as_secs_f64().max(0.001) })
}

#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

struct Planner<'a> {
    request: &'a Convert,
    ends: &'a Ends,
    sizes: BTreeMap<String, u64>,
    speed: f64,
    steps: Vec<PlannedStep>,
}

impl Planner<'_> {
    fn all(&mut self, plain: &Model) -> Result<(), OpsError> {
        let value_type = self.request.declaration.tenancy.value_type.as_sql();
        let constant = matches!(self.request.tenants, Tenants::One(_)).then(|| format!("'0'::{value_type}"));
        let sources = paths::sources(plain, self.request)?;
        let shares = Shares {
            shared: sharing::shared(plain, self.request)?,
            scope: constant.as_ref().map(|_| "'0'::bigint".to_owned()),
            constant,
        };
        let constant = &shares.constant;
        let columns = stages::with_columns(plain, self.ends, &shares);
        self.stage("columns", plain, &columns)?;
        for source in &sources {
            if constant.is_none() && source.from != paths::From::Column {
                let sql = format!("CREATE TRIGGER … ON \"{}\"", source.table);
                self.push("filling", &source.table, sql, Lock::ShareRowExclusive, Effort::Moment, MOMENT);
            }
        }
        for shared in shares.shared.iter().filter(|shared| shared.by != By::One) {
            self.shared(shared);
        }
        for source in &sources {
            let filled = source.adopted || constant.is_some() || source.from == paths::From::Column;
            if !filled {
                let load = 100.0 / f64::from(self.request.limits.load.clamp(1, 100));
                let seconds = self.scan(&source.table) * FILL * load;
                let sql = format!("UPDATE \"{}\" … in batches", source.table);
                self.push("filled", &source.table, sql, Lock::None, Effort::Rewrite, seconds);
            }
            let seconds = self.scan(&source.table);
            let sql = format!(
                "SELECT … FROM \"{}\" (rows without a tenant, references between tenants)",
                source.table
            );
            self.push("verified", &source.table, sql, Lock::None, Effort::Scan, seconds);
        }
        let constrained = stages::constrained(&columns, self.ends);
        self.stage("constrained", &columns, &constrained)?;
        let observed = stages::observed(self.ends, self.request.declaration.tenancy.value_type);
        self.stage("observing", &constrained, &observed)?;
        self.stage("enforced", &observed, &self.ends.wanted.model.clone())?;
        for step in access(&self.ends.wanted.model, &self.ends.wanted.kinds, &self.ends.target) {
            self.take("enforced", step);
        }
        Ok(())
    }

    fn shared(&mut self, shared: &Shared) {
        let table = &shared.table;
        let triggered = match &shared.by {
            By::Links { links, .. } => links,
            By::Column(_) | By::One => table,
        };
        let sql = format!("CREATE TRIGGER … ON \"{triggered}\"");
        self.push("filling", triggered, sql, Lock::ShareRowExclusive, Effort::Moment, MOMENT);
        let load = 100.0 / f64::from(self.request.limits.load.clamp(1, 100));
        let seconds = (self.scan(table) + self.scan(triggered)) * FILL * load;
        let sql = format!("UPDATE \"{table}\" SET scope_id … in batches ({})", shared.way());
        self.push("filled", table, sql, Lock::None, Effort::Rewrite, seconds);
    }

    fn stage(&mut self, phase: &'static str, from: &Model, to: &Model) -> Result<(), OpsError> {
        let limit = self.request.limits.small_table_bytes;
        let sizes = self.sizes.clone();
        let small = move |table: &str| {
            let tree = from.tables.iter().filter(|part| from.root(&part.name) == from.root(table));
            tree.filter_map(|part| sizes.get(&part.name)).sum::<u64>() <= limit
        };
        let style = |table: &str| if small(table) { Style::Plain } else { Style::Online };
        for mut step in alter_by(from, to, &self.ends.target, &style)? {
            if blocks(&step) && step.tables.iter().all(|table| small(table)) {
                step.effort = Effort::Moment;
            }
            self.take(phase, step);
        }
        Ok(())
    }

    fn take(&mut self, phase: &'static str, step: Step) {
        let scan: f64 = step.tables.iter().map(|table| self.scan(table)).sum();
        let seconds = match step.effort {
            Effort::Moment => MOMENT,
            Effort::Scan if step.sql.contains("INDEX") => scan * INDEX + MOMENT,
            Effort::Scan => scan + MOMENT,
            Effort::Rewrite => scan * FILL,
        };
        self.push(phase, &step.place, step.sql, step.lock, step.effort, seconds);
    }

    fn push(
        &mut self,
        phase: &'static str,
        place: &str,
        sql: String,
        lock: Lock,
        effort: Effort,
        seconds: f64,
    ) {
        self.steps.push(PlannedStep { phase, place: place.to_owned(), sql, lock, effort, seconds });
    }

    /// Reading the table once, with its partitions.
    fn scan(&self, table: &str) -> f64 {
        let tree = self.ends.plain.tables.iter().filter(|part| self.ends.plain.root(&part.name) == table);
        let of_tree: u64 = tree.filter_map(|part| self.sizes.get(&part.name)).sum();
        let bytes = if of_tree > 0 { of_tree } else { self.sizes.get(table).copied().unwrap_or(0) };
        megabytes(bytes) / self.speed.max(1.0)
    }
}
