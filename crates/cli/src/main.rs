//! `tenantry`: reads the command line, runs one command, and turns its error into text and an exit code.
//!
//! What commands do is in the crates below; this binary wires them to a configuration and to a terminal.

mod args;
mod command;
mod config;
mod demo;
mod descriptors;
mod failure;
mod logging;
mod notify;
mod pgbouncer;
mod print;
mod stop;
mod wiring;

use clap::Parser;
use failure::Failure;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let printer = cli.global.printer();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough (`tenantry tenant list | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = Failure::of(&error);
            printer.fail(&failure);
            ExitCode::from(failure.exit_code)
        }
    }
}

fn run(cli: args::Cli) -> anyhow::Result<()> {
    // The gateway brings its own worker threads; everything else waits for servers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(command::run(cli))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|io| io.kind() == io::ErrorKind::BrokenPipe)
}
