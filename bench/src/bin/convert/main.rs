//! Converts a database of a few million rows while an application reads and writes it, and says how long each step took and
//! how long, at most, any statement of the application waited.
//!
//! Two figures for waiting: the longest time that a statement stood in a lock's queue (asked every few milliseconds of the
//! server itself), and the longest that a statement took as the application saw it, which holds the machine's other noise too;
//! the same is measured for some seconds before the conversion begins, to compare with.

#![allow(clippy::print_stdout, reason = "a bench prints its results")]

mod load;
mod world;

use anyhow::Result;
use clap::Parser;
use load::{Load, Seen};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tenantry_ops::convert::{self, Limits, Until};
use tenantry_ops::{Progress, Step};
use world::World;

/// Converts a database under load.
#[derive(Debug, Parser)]
#[command(name = "convert", version)]
struct Args {
    /// Rows of the largest table; the others have as many in all.
    #[arg(long, default_value_t = 1_500_000)]
    rows: i64,
    /// Clients that read and write meanwhile.
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// The bound, in milliseconds.
    #[arg(long, default_value_t = 500)]
    max_block: u64,
    /// How much of the time the backfill writes, in per cent.
    #[arg(long, default_value_t = 50)]
    load: u8,
    /// The whole database is one tenant's.
    #[arg(long)]
    one: bool,
    /// Seconds of the same load before anything is done.
    #[arg(long, default_value_t = 10)]
    before: u64,
    /// `PostgreSQL`'s major version.
    #[arg(long)]
    pg: Option<u32>,
}

/// When the steps began and ended.
#[derive(Default)]
struct Timeline {
    begun: Mutex<Option<Instant>>,
    steps: Mutex<Vec<Timed>>,
}

#[derive(Clone)]
struct Timed {
    name: String,
    on: String,
    from: Instant,
    to: Instant,
    depth: bool,
}

impl Progress for Timeline {
    fn proceed(&self, _next: Step<'_>) -> ControlFlow<()> {
        *self.begun.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now());
        ControlFlow::Continue(())
    }

    fn finished(&self, step: Step<'_>) {
        let from = self.begun.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let mut steps = self.steps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Inner steps come before the outer one that holds them: that one began when the first of them did, or before.
        let (name, on) = (step.name.to_owned(), step.on.to_owned());
        let now = Instant::now();
        let depth = step.on.contains('/');
        let outer = steps.iter().rev().find(|step| step.depth).map(|step| step.to);
        let from = if depth { outer.unwrap_or(now) } else { from.unwrap_or(now) };
        steps.push(Timed { name, on, from, to: now, depth });
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let begun = Instant::now();
    let world = World::start(args.pg, args.rows).await?;
    println!(
        "{} rows, {} of tables and indexes, filled in {:.0} s",
        world.rows().await?,
        world.size().await?,
        begun.elapsed().as_secs_f64()
    );
    let load = Load::start(&world, args.clients).await?;
    let quiet = Instant::now();
    tokio::time::sleep(Duration::from_secs(args.before)).await;
    let begun = Instant::now();
    let (before_from, before_to) = (quiet, begun);

    let limits =
        Limits { max_block: Duration::from_millis(args.max_block), load: args.load, ..Limits::default() };
    let timeline = Timeline::default();
    let mut request = World::request(args.one, limits)?;
    request.until = Until::Observe;
    Box::pin(convert::run(&world.control, &request, &timeline)).await?;
    let observing = Instant::now();
    // Observed for a moment, so that what that costs is seen.
    tokio::time::sleep(Duration::from_secs(args.before)).await;
    let enforcing = Instant::now();
    request.until = Until::Enforce;
    Box::pin(convert::run(&world.control, &request, &timeline)).await?;
    let ended = Instant::now();
    let seen = load.stop().await?;

    report(&timeline, &seen);
    line("before", &seen, before_from, before_to);
    line("converting, to observed", &seen, begun, observing);
    line("observed", &seen, observing, enforcing);
    line("enforcing", &seen, enforcing, ended);
    let longest = seen.longest_wait(begun, ended);
    println!(
        "\nbound {} ms; the longest time in a lock's queue was {} ms: {}",
        args.max_block,
        longest.as_millis(),
        if longest <= Duration::from_millis(args.max_block) { "kept" } else { "BROKEN" }
    );
    world.stop().await;
    Ok(())
}

fn report(timeline: &Timeline, seen: &Seen) {
    let steps = timeline.steps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("\n{:<18} {:<44} {:>9} {:>11} {:>11}", "step", "on", "seconds", "queue ms", "slowest ms");
    for step in steps.iter().filter(|step| step.depth || (step.to - step.from) > Duration::from_millis(300)) {
        let indent = if step.depth { "" } else { "  " };
        println!(
            "{:<18} {:<44} {:>9.2} {:>11} {:>11}",
            format!("{indent}{}", step.name),
            step.on.chars().take(44).collect::<String>(),
            (step.to - step.from).as_secs_f64(),
            seen.longest_wait(step.from, step.to).as_millis(),
            seen.slowest(step.from, step.to).as_millis()
        );
    }
    println!();
}

fn line(name: &str, seen: &Seen, from: Instant, to: Instant) {
    let (count, p50, p99) = seen.latencies(from, to);
    println!(
        "{name:<26} {:>7.1} s {:>9.0} statements/s, p50 {:.2} ms, p99 {:.1} ms, slowest {} ms, longest in a lock's queue {} ms",
        (to - from).as_secs_f64(),
        f64::from(count) / (to - from).as_secs_f64(),
        p50.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
        seen.slowest(from, to).as_millis(),
        seen.longest_wait(from, to).as_millis()
    );
}
