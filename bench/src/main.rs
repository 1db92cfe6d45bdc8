//! `gateway`: what the gateway costs, against PgBouncer and against no pooler at all, measured in one run.
//!
//! Not a test and not a load test: it compares variants of one small transaction on one machine. `README.md` beside this
//! crate says what is measured and how to read it. Linux only: figures of processes come from `/proc`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its results and its progress")]

mod args;
mod bouncer;
mod copier;
mod load;
mod peer;
mod pgpool;
mod pooler;
mod report;
mod simple;
mod stats;
mod usage;
mod variant;
mod workload;
mod world;

use anyhow::{Context, Result, bail, ensure};
use args::Args;
use clap::Parser;
use load::Load;
use report::Report;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use variant::Run;
use world::World;

/// How the bench calls itself to be the process that is measured.
const CHILD: &str = "serve-for-bench";
/// And to be what sends COPY.
const COPIER: &str = "copy-for-bench";
/// Each run's first moments are not measured: connections are opened and caches filled.
const WARM_UP: Duration = Duration::from_millis(500);
/// Processes of the generator start one after the other, and the clients of one process log in one after the other.
const WARM_UP_PER_CLIENT: Duration = Duration::from_millis(12);
/// The load goes on for this long behind the window, and longer where starting it takes longer.
const TAIL: Duration = Duration::from_millis(300);
const TAIL_PER_PROCESS: Duration = Duration::from_millis(60);

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some(CHILD) => pooler::serve(),
        Some(COPIER) => copier::run(),
        _ => {
            let args = Args::parse();
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(Into::into)
                .and_then(|runtime| runtime.block_on(until_interrupted(&args)))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C drops whatever was started, which stops it.
async fn until_interrupted(args: &Args) -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = bench(args) => result,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}

async fn bench(args: &Args) -> Result<()> {
    let began = Instant::now();
    let world = World::build(args).await?;
    let runs = variant::runs(args, bouncer::knows_prepared(&world.bouncer.version));
    if runs.is_empty() {
        bail!("no variant of that name: see --help");
    }
    eprintln!(
        "bench: PostgreSQL {}, PgBouncer {} (pid {}), gateway (pid {}); {} tables in {:.1} s",
        world.postgres.version(),
        world.bouncer.version,
        world.bouncer.pid(),
        world.gateway.pid(),
        world::TABLES,
        began.elapsed().as_secs_f32()
    );
    let mut report = Report::new(args, &world);
    for round in 1..=args.rounds {
        // Variants of one task stand together, so that a noisy minute of the machine falls on all of them.
        for run in &runs {
            let sample = measure(args, &world, run)
                .await
                .with_context(|| format!("{}: {}", run.variant.name, run.task))?;
            eprintln!(
                "bench: round {round}/{} {:<28} {:<22} {:>7.0} tps",
                args.rounds,
                run.task.to_string(),
                run.variant.name,
                sample.tps
            );
            report.add(run, sample);
            if run.task.workload.writes() {
                world.clean().await?;
            }
        }
    }
    world.close().await;
    print!("{}", report.text());
    println!("\n{:.0} s in all", began.elapsed().as_secs_f32());
    if let Some(file) = &args.json {
        std::fs::write(file, report.json()?).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(())
}

/// One run: starts the load, waits until it is steady, and takes the figures of a window in its middle.
async fn measure(args: &Args, world: &World, run: &Run) -> Result<stats::Sample> {
    let processes = u32::try_from(run.places().len())?;
    let settle = WARM_UP + WARM_UP_PER_CLIENT * processes.max(run.clients());
    let window = Duration::from_secs_f64(args.seconds);
    let tail = TAIL + TAIL_PER_PROCESS * processes;
    let mut load = Load::start(world, run, settle + window + tail)?;
    let pooler = world.pooler_pid(run.variant.via);
    tokio::time::sleep(settle).await;
    let before = usage::Snapshot::take(pooler, world.postgres.pid())?;
    tokio::time::sleep(window).await;
    let after = usage::Snapshot::take(pooler, world.postgres.pid())?;
    let resident = pooler.map(usage::resident_bytes).transpose()?;
    let ended = load.has_ended()?;
    let latencies = load.finish(before.at, after.at).await?;
    // A busy machine started it too slowly. A backend that is gone has taken its CPU time with it.
    ensure!(!ended, "the load ended within the measured window: let the machine do nothing else");
    stats::Sample::of(&before, &after, latencies, resident)
}
