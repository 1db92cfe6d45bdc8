//! The results: tables for people, JSON for programs.

use crate::args::Args;
use crate::bouncer;
use crate::stats::{Sample, Spread};
use crate::variant::{Mode, Run, Task};
use crate::world::{MANY, MANY_ROWS, ROWS, World};
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::fmt::Write;

/// What was measured and where.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    seconds: f64,
    rounds: u32,
    connections: u32,
    gateway_workers: u16,
    postgres: String,
    pgbouncer: String,
    /// Other poolers, by the names of their variants, with their releases.
    others: Vec<String>,
    rows: i64,
    results: Vec<Outcome>,
    #[serde(skip)]
    bouncer_knows_prepared: bool,
}

#[derive(Debug, Serialize)]
struct Machine {
    cpus: usize,
    model: String,
    kernel: String,
}

/// One variant at one task: a sample of each round, in order.
#[derive(Debug, Serialize)]
struct Outcome {
    variant: &'static str,
    #[serde(flatten)]
    task: Task,
    compared_with: [&'static str; 2],
    samples: Vec<Sample>,
    summary: Option<Summary>,
}

/// Medians over the rounds. Ratios are of the same round, then the median.
#[derive(Debug, Clone, Serialize)]
struct Summary {
    tps: Spread,
    p50_us: Spread,
    p99_us: Spread,
    pooler_cpu_us: Option<Spread>,
    server_cpu_us: Spread,
    pooler_rss_mib: Option<Spread>,
    tps_to_direct: Option<Spread>,
    tps_to_pgbouncer: Option<Spread>,
    cpu_to_pgbouncer: Option<Spread>,
    server_cpu_to_pgbouncer: Option<Spread>,
}

impl Report {
    pub(crate) fn new(args: &Args, world: &World) -> Self {
        Self {
            machine: Machine::this(),
            seconds: args.seconds,
            rounds: args.rounds,
            connections: args.connections,
            gateway_workers: args.workers,
            postgres: world.postgres.version().to_string(),
            pgbouncer: world.bouncer.version.clone(),
            others: world.others.iter().map(|(other, peer)| format!("{other:?} {}", peer.version)).collect(),
            rows: ROWS,
            results: Vec::new(),
            bouncer_knows_prepared: bouncer::knows_prepared(&world.bouncer.version),
        }
    }

    pub(crate) fn add(&mut self, run: &Run, sample: Sample) {
        let (name, task) = (run.variant.name, run.task);
        match self.results.iter_mut().find(|r| r.variant == name && r.task == task) {
            Some(known) => known.samples.push(sample),
            None => self.results.push(Outcome {
                variant: name,
                task,
                compared_with: [run.variant.direct, run.variant.pgbouncer],
                samples: vec![sample],
                summary: None,
            }),
        }
    }

    fn samples(&self, variant: &str, task: Task) -> &[Sample] {
        let found = self.results.iter().find(|r| r.variant == variant && r.task == task);
        found.map_or(&[], |result| &result.samples)
    }

    fn summary(&self, outcome: &Outcome) -> Option<Summary> {
        let all = |value: fn(&Sample) -> f64| Spread::of(outcome.samples.iter().map(value));
        let known = |value: fn(&Sample) -> Option<f64>| Spread::of(outcome.samples.iter().filter_map(value));
        let against = |other: &str, value: fn(&Sample) -> Option<f64>| {
            let others = self.samples(other, outcome.task);
            let pairs = outcome.samples.iter().zip(others);
            Spread::of(pairs.filter_map(|(own, other)| Some(value(own)? / value(other)?)))
        };
        let [direct, pgbouncer] = outcome.compared_with;
        Some(Summary {
            tps: all(|s| s.tps)?,
            p50_us: all(|s| s.p50_us)?,
            p99_us: all(|s| s.p99_us)?,
            pooler_cpu_us: known(|s| s.pooler_cpu_us),
            server_cpu_us: all(|s| s.server_cpu_us)?,
            pooler_rss_mib: known(|s| s.pooler_rss_mib),
            tps_to_direct: against(direct, |s| Some(s.tps)),
            tps_to_pgbouncer: against(pgbouncer, |s| Some(s.tps)),
            cpu_to_pgbouncer: against(pgbouncer, |s| s.pooler_cpu_us),
            server_cpu_to_pgbouncer: against(pgbouncer, |s| Some(s.server_cpu_us)),
        })
    }

    /// Everything, with the summaries.
    pub(crate) fn json(mut self) -> Result<String> {
        let summaries: Vec<_> = self.results.iter().map(|result| self.summary(result)).collect();
        for (result, summary) in self.results.iter_mut().zip(summaries) {
            result.summary = summary;
        }
        Ok(serde_json::to_string_pretty(&self)? + "\n")
    }

    /// One table for each task.
    pub(crate) fn text(&self) -> String {
        let poolers = [&[format!("PgBouncer {}", self.pgbouncer)], &*self.others].concat();
        let mut text = format!(
            "\nPostgreSQL {}, {}, {} ({} CPUs), Linux {}\n\
             {} server connections, {ROWS} rows, {} rounds of {} s; a hundred clients on {MANY} times {MANY_ROWS} rows\n\
             medians; ratios are taken within each round: median (lowest-highest); µs of CPU per transaction\n",
            self.postgres,
            poolers.join(", "),
            self.machine.model,
            self.machine.cpus,
            self.machine.kernel,
            self.connections,
            self.rounds,
            self.seconds,
        );
        let mut tasks: Vec<Task> = Vec::new();
        for task in self.results.iter().map(|result| result.task) {
            if !tasks.contains(&task) {
                tasks.push(task);
            }
        }
        for task in tasks {
            let results: Vec<_> = self.results.iter().filter(|result| result.task == task).collect();
            // Writing to a text can't fail.
            let _written = write!(text, "\n{task}\n{}\n", self.table(&results));
            if task.mode == Mode::Prepared && !self.bouncer_knows_prepared {
                let _written = writeln!(text, "  PgBouncer {} can't (1.21 can)", self.pgbouncer);
            }
        }
        text
    }

    fn table(&self, results: &[&Outcome]) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header([
            "variant",
            "tps",
            "p50 µs",
            "p99 µs",
            "server µs",
            "pooler µs",
            "RSS MiB",
            "tps:direct",
            "tps:pgb",
            "pooler µs:pgb",
        ]);
        for result in results {
            let Some(summary) = self.summary(result) else { continue };
            table.add_row([
                result.variant.to_owned(),
                plain(Some(summary.tps), 0),
                plain(Some(summary.p50_us), 0),
                plain(Some(summary.p99_us), 0),
                plain(Some(summary.server_cpu_us), 1),
                plain(summary.pooler_cpu_us, 1),
                plain(summary.pooler_rss_mib, 1),
                ranged(summary.tps_to_direct),
                ranged(summary.tps_to_pgbouncer),
                ranged(summary.cpu_to_pgbouncer),
            ]);
        }
        for column in 1..10 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }
}

impl Machine {
    fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cpus: std::thread::available_parallelism().map_or(0, Into::into),
            model: model.map_or("unknown processor", |(_, name)| name).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

fn plain(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".to_owned(), |s| format!("{:.digits$}", s.median))
}

fn ranged(spread: Option<Spread>) -> String {
    spread.map_or("-".to_owned(), |s| {
        if s.min < s.max {
            format!("{:.2} ({:.2}-{:.2})", s.median, s.min, s.max)
        } else {
            format!("{:.2}", s.median)
        }
    })
}
