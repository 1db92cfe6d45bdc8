//! `scale`: what many cost: tenants in the route table, idle clients, tenants with schemas of their own.
//!
//! The gateway runs as a process of its own, which is this program again, so that its memory is its own. The pipe to it says how
//! many tenants and databases there are; when it closes, it ends.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its results and its progress")]
#![allow(clippy::cast_precision_loss, reason = "sizes and counts far below 2^52, as figures for people")]

mod child;
mod client;
mod world;

use anyhow::{Context, Result, ensure};
use child::{Child, Spec};
use clap::Parser;
use client::Client;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tenantry_core::MasterKey;
use tenantry_testkit::{Postgres, PostgresOptions};
use tenantry_wire::scram::ClientKeys;

/// Memory per tenant and per idle client, the time of a change, many schemas over few connections.
#[derive(Debug, Parser)]
#[command(name = "scale", version)]
struct Args {
    /// Tenants in the route table.
    #[arg(long, default_value_t = 100_000)]
    tenants: u32,
    /// Idle clients, each of another tenant.
    #[arg(long, default_value_t = 10_000)]
    clients: u32,
    /// Tenants with schemas of their own.
    #[arg(long, default_value_t = 1_000)]
    schemas: u32,
    /// Transactions over those.
    #[arg(long, default_value_t = 10_000)]
    transactions: u32,
    /// Server connections.
    #[arg(long, default_value_t = 50)]
    connections: u32,
    /// PostgreSQL's major version; the newest that is installed if not given.
    #[arg(long, value_name = "VERSION")]
    pg: Option<u32>,
}

fn main() -> ExitCode {
    let result = if std::env::args().nth(1).as_deref() == Some(child::WORD) {
        child::serve()
    } else {
        let args = Args::parse();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(bench(&args)))
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(args: &Args) -> Result<()> {
    let settings = [("max_connections", "200"), ("shared_buffers", "128MB")];
    let postgres = Postgres::start(PostgresOptions {
        version: args.pg,
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..PostgresOptions::default()
    })
    .await?;
    let key = MasterKey::generate();
    world::build(&postgres, &key, args.tenants, args.schemas).await?;
    let password = MasterKey::generate().to_hex();
    let keys = ClientKeys::derive(password.expose(), b"0123456789abcdef", 4_096);
    let spec = Spec {
        master_key: key.to_hex().expose().to_owned(),
        verifier: keys.verifier().to_string(),
        port: postgres.port(),
        connections: args.connections,
        tenants: args.tenants,
        schemas: args.schemas,
    };
    let mut child = Child::start(&spec)?;
    println!(
        "{} tenants in the route table: {:.0} bytes each",
        args.tenants,
        child.grown as f64 / f64::from(args.tenants)
    );
    idle_clients(args, &child, &keys).await?;
    hiccups(&mut child, &keys).await?;
    schemas(args, &postgres, &child, &keys).await?;
    drop(child);
    postgres.stop().await;
    Ok(())
}

/// Connects them, and looks at what the gateway's process has grown by.
async fn idle_clients(args: &Args, child: &Child, keys: &ClientKeys) -> Result<()> {
    let files = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let most = files
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_ascii_whitespace().next().and_then(|soft| soft.parse::<u32>().ok()));
    let clients = args.clients.min(most.unwrap_or(1_024).saturating_sub(300)).min(args.tenants);
    if clients < args.clients {
        eprintln!("scale: only {clients} clients: more need more open files (ulimit -n)");
    }
    // What is made once is made before.
    let mut kept = Vec::new();
    for n in 0..100 {
        kept.push(Client::connect(child.port, &format!("t{}", n + 1), keys).await?);
    }
    let before = child.resident()?;
    let began = Instant::now();
    for n in 100..clients {
        kept.push(Client::connect(child.port, &format!("t{}", n + 1), keys).await?);
    }
    let took = began.elapsed();
    // Whoever has just connected may still hold a buffer.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let grown = child.resident()?.saturating_sub(before);
    println!(
        "{clients} idle clients, each of another tenant: {:.0} bytes each in the gateway, {:.2} ms each to connect",
        grown as f64 / f64::from(clients.saturating_sub(100).max(1)),
        took.as_secs_f64() * 1e3 / f64::from(clients.saturating_sub(100).max(1))
    );
    Ok(())
}

/// A client's statements while nothing happens, and while tenants are added one after the other.
async fn hiccups(child: &mut Child, keys: &ClientKeys) -> Result<()> {
    let mut client = Client::connect(child.port, "t1", keys).await?;
    for _ in 0..200 {
        client.query("SELECT 1").await?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for (adding, times) in [false, true].into_iter().zip(&mut times) {
        if adding {
            child.say("add")?;
        }
        for _ in 0..4_000 {
            let began = Instant::now();
            client.query("SELECT 1").await?;
            times.push(began.elapsed());
        }
        times.sort();
    }
    let added = child.ask("added")?;
    let at = |times: &[Duration], part: usize| times[times.len() * part / 100 - 1].as_secs_f64() * 1e3;
    println!(
        "a statement while {added} tenants are added, one by one: p50 {:.3} ms, p99 {:.3} ms; without {:.3} and {:.3}",
        at(&times[1], 50),
        at(&times[1], 99),
        at(&times[0], 50),
        at(&times[0], 99)
    );
    // A tenant that was not there a moment ago.
    let mut worst = Duration::ZERO;
    for _ in 0..20 {
        let began = Instant::now();
        let name = child.ask("one more")?;
        Client::connect(child.port, &name, keys).await.context("a tenant that has just been added")?;
        worst = worst.max(began.elapsed());
    }
    println!(
        "from a change of the routes to a served login: {:.1} ms at worst of 20",
        worst.as_secs_f64() * 1e3
    );
    Ok(())
}

/// Transactions of many tenants with schemas of their own, in a random order.
async fn schemas(args: &Args, postgres: &Postgres, child: &Child, keys: &ClientKeys) -> Result<()> {
    const LANES: u32 = 8;
    let mut lanes = tokio::task::JoinSet::new();
    let began = Instant::now();
    for lane in 0..LANES {
        let (port, keys, args) = (child.port, keys.clone(), (args.schemas, args.transactions / LANES));
        lanes.spawn(async move {
            let mut clients: Vec<Option<Client>> = (0..args.0).map(|_| None).collect();
            let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(lane);
            for _ in 0..args.1 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let tenant = usize::try_from(random % u64::from(args.0))?;
                if clients[tenant].is_none() {
                    clients[tenant] = Some(Client::connect(port, &format!("s{tenant}"), &keys).await?);
                }
                if let Some(client) = &mut clients[tenant] {
                    client.query("SELECT count(*) FROM one, two, three").await?;
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = lanes.join_next().await {
        done??;
    }
    let took = began.elapsed();
    let admin = postgres.connect("scale_pool").await?;
    let pids: Vec<i32> = admin
        .query("SELECT pid FROM pg_stat_activity WHERE usename = 'login_scale_pool'", &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    ensure!(!pids.is_empty(), "no server connection is left to look at");
    let private: Vec<u64> = pids.iter().filter_map(|pid| child::private_bytes(*pid).ok()).collect();
    println!(
        "{} schemas over {} connections: {:.0} transactions a second; a backend's own memory {:.1} MiB on the average, {:.1} at most",
        args.schemas,
        pids.len(),
        f64::from(args.transactions) / took.as_secs_f64(),
        private.iter().sum::<u64>() as f64 / private.len().max(1) as f64 / 1_048_576.0,
        private.iter().max().copied().unwrap_or_default() as f64 / 1_048_576.0
    );
    Ok(())
}
