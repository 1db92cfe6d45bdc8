//! `tenantry completions`: a script that teaches a shell the commands.

use super::Session;
use crate::args::Cli;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use std::io::Write;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(session: &Session, args: &CompletionsArgs) -> anyhow::Result<()> {
    // Into memory first: the generator panics when its output goes away.
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "tenantry", &mut script);
    session.printer().out().write_all(&script)?;
    Ok(())
}
