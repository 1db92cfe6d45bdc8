//! `noisy`: what a tenant that floods costs one that does not, through PgBouncer and through the gateway.
//!
//! A quiet tenant sends 20 small statements a second. A loud one floods with small and with heavy statements from many
//! connections. What is compared is the quiet one's time for a statement with and without the other, in one run on one machine.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its results and its progress")]
#![allow(clippy::cast_precision_loss, reason = "counts far below 2^52, as figures for people")]

#[path = "../../bouncer.rs"]
#[allow(dead_code, reason = "the other bench needs more of it")]
mod bouncer;
mod flood;
#[path = "../../peer.rs"]
#[allow(dead_code, reason = "the other bench needs more of it")]
mod peer;
mod world;

use anyhow::Result;
use clap::Parser;
use comfy_table::Table;
use flood::{Flood, quiet};
use std::process::ExitCode;
use tenantry_core::Limits;
use world::{Loud, Via, World};

/// A quiet tenant beside a loud one: PgBouncer, and the gateway.
#[derive(Debug, Parser)]
#[command(name = "noisy", version)]
struct Args {
    /// Measured seconds of each run.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Rounds; each runs everything once.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Statements of the quiet tenant in a second.
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// Connections of the loud tenant, half of them with heavy statements.
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Server connections of each pool.
    #[arg(long, default_value_t = 16)]
    pool: u32,
    /// Only the runs whose name holds this.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// PostgreSQL's major version; the newest that is installed if not given.
    #[arg(long, value_name = "VERSION")]
    pg: Option<u32>,
}

/// One way to run both.
struct Run {
    name: &'static str,
    via: Via,
    loud: Option<Loud>,
    limits: Limits,
    /// Connections of the flood, where nobody stands in front of the server to hold them back.
    connections: Option<u32>,
}

/// Times of the quiet tenant's statements, and how many of the loud one's there were.
#[derive(Default)]
struct Sample {
    micros: Vec<u32>,
    flood: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(bench(&args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runs() -> Vec<Run> {
    let plan = Limits::default();
    // The connections of a plan, and nothing else of it: what fair queueing alone does.
    let queue = Limits { connections: 10, ..Limits::UNLIMITED };
    let run = |name, via, loud, limits| Run { name, via, loud, limits, connections: None };
    let direct = |name, connections| Run {
        connections: Some(connections),
        ..run(name, Via::Nobody, Some(Loud::Shared), plan)
    };
    vec![
        run("no pooler, alone", Via::Nobody, None, plan),
        direct("no pooler, flood on two connections", 2),
        direct("no pooler, flood on ten", 10),
        run("PgBouncer, alone", Via::PgBouncer, None, plan),
        run("PgBouncer, flood", Via::PgBouncer, Some(Loud::Shared), plan),
        run("gateway, alone", Via::Gateway, None, plan),
        run("gateway, flood, fair queue only", Via::Gateway, Some(Loud::Shared), queue),
        run(
            "gateway, flood, two connections",
            Via::Gateway,
            Some(Loud::Shared),
            Limits { connections: 2, ..queue },
        ),
        run("gateway, flood, default plan", Via::Gateway, Some(Loud::Shared), plan),
        run(
            "gateway, flood from its own database, default plan",
            Via::Gateway,
            Some(Loud::OwnDatabase),
            plan,
        ),
    ]
}

async fn bench(args: &Args) -> Result<()> {
    let mut runs = runs();
    if let Some(part) = &args.only {
        runs.retain(|run| run.name.contains(part.as_str()));
        anyhow::ensure!(!runs.is_empty(), "no run is named like {part:?}");
    }
    let world = World::build(args.pg, args.pool).await?;
    let mut samples: Vec<Sample> = runs.iter().map(|_| Sample::default()).collect();
    for round in 1..=args.rounds {
        for (run, sample) in runs.iter().zip(&mut samples) {
            world.limit(run.limits);
            let connections = run.connections.unwrap_or(args.connections);
            let flood = run.loud.map(|loud| Flood::start(world.loud(run.via, loud), connections));
            let target = world.quiet(run.via);
            let (seconds, rate) = (args.seconds, args.rate);
            let measured = tokio::task::spawn_blocking(move || quiet(&target, rate, seconds)).await??;
            sample.micros.extend(measured);
            sample.flood += flood.map_or(0, Flood::stop);
            eprintln!("noisy: round {round}/{} {}", args.rounds, run.name);
        }
    }
    print(args, &runs, samples);
    world.close().await;
    Ok(())
}

fn print(args: &Args, runs: &[Run], mut samples: Vec<Sample>) {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["", "p50 ms", "p99 ms", "p50 ratio", "p99 ratio", "statements of the flood a second"]);
    for sample in &mut samples {
        sample.micros.sort_unstable();
    }
    let seconds = f64::from(args.seconds * args.rounds);
    for (run, sample) in runs.iter().zip(&samples) {
        let alone = runs.iter().position(|other| other.via == run.via && other.loud.is_none());
        let alone = alone.map_or(sample, |at| &samples[at]);
        let ratio = |part| format!("{:.2}", sample.percentile(part) / alone.percentile(part));
        table.add_row([
            run.name.to_owned(),
            format!("{:.2}", sample.percentile(50)),
            format!("{:.2}", sample.percentile(99)),
            ratio(50),
            ratio(99),
            format!("{:.0}", sample.flood as f64 / seconds),
        ]);
    }
    println!("{table}");
    println!("quiet: {} a second; loud: {} connections, pools of {}", args.rate, args.connections, args.pool);
}

impl Sample {
    /// In milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        tenantry_bench::percentile(&self.micros, percent) / 1e3
    }
}
