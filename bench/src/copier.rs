//! A load of COPY, as a process of its own that takes pgbench's options and writes pgbench's log.

use crate::COPIER;
use crate::simple::Simple;
use crate::variant::Run;
use crate::workload::LARGE;
use anyhow::{Context, Result};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant, SystemTime};
use tokio::process::Command;

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    Out,
    In,
}

#[derive(Debug, Parser)]
struct Args {
    #[arg(value_parser = [COPIER])]
    _command: String,
    #[arg(long)]
    way: Way,
    #[arg(long)]
    sql: String,
    #[arg(long)]
    client: u32,
    #[arg(long)]
    time: u64,
    #[arg(long)]
    log: PathBuf,
    #[arg(long)]
    host: String,
    #[arg(long)]
    port: u16,
    #[arg(long)]
    username: String,
    database: String,
}

/// The process that sends this statement.
pub(crate) fn command(run: &Run, way: Way, sql: &str, log: &Path, seconds: u64) -> Result<Command> {
    let way = way.to_possible_value().context("no name")?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([COPIER, "--way", way.get_name(), "--sql", sql, "--client", &run.clients().to_string()])
        .args(["--time", &seconds.to_string(), "--log"])
        .arg(log);
    Ok(command)
}

/// The process's life.
pub(crate) fn run() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (sender, lines) = channel();
    runtime.block_on(copy(&args, &sender))?;
    drop(sender);
    let mut log = BufWriter::new(File::create(&args.log)?);
    for line in lines {
        writeln!(log, "{line}")?;
    }
    Ok(log.flush()?)
}

async fn copy(args: &Args, lines: &Sender<String>) -> Result<()> {
    let password = std::env::var("PGPASSWORD")?;
    let address = (&*args.host, args.port);
    let mut clients = Vec::new();
    for _ in 0..args.client {
        clients.push(Simple::connect(address, &args.username, &args.database, &password).await?);
    }
    let until = Instant::now() + Duration::from_secs(args.time);
    let rows = match args.way {
        Way::Out => Bytes::new(),
        Way::In => rows(),
    };
    let rows = &rows;
    let each = clients.iter_mut().zip(0..).map(|(client, number)| async move {
        while Instant::now() < until {
            let began = Instant::now();
            client.copy(&args.sql, rows).await?;
            lines.send(line(number, began.elapsed())?)?;
        }
        anyhow::Ok(())
    });
    futures_util::future::try_join_all(each).await?;
    Ok(())
}

/// Rows of `pgbench_history`.
fn rows() -> Bytes {
    let mut text = String::new();
    for row in 0..LARGE {
        // Writing to a text can't fail.
        let _written = writeln!(text, "{}\t1\t{row}\t{}\t2026-01-01 12:00:00\tx", row % 10 + 1, row - 500);
    }
    text.into()
}

/// `client transaction latency script epoch microseconds`.
fn line(client: u32, took: Duration) -> Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(format!("{client} 0 {} 0 {} {}", took.as_micros(), now.as_secs(), now.subsec_micros()))
}
