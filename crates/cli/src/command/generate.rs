//! `tenantry generate`: the files of the repository that are made from the code. For maintainers, so it is hidden.

use super::{Session, rules};
use crate::args::Cli;
use crate::config::reference;
use anyhow::Context;
use clap::{Args, CommandFactory, Subcommand};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum GenerateCommand {
    /// Write the reference pages
    Docs(DocsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DocsArgs {
    /// The folder to write to
    #[arg(default_value = "docs/reference")]
    folder: PathBuf,
}

pub(crate) fn run(session: &Session, command: &GenerateCommand) -> anyhow::Result<()> {
    let GenerateCommand::Docs(args) = command;
    for (name, text) in pages()? {
        write(&args.folder, name, &text)?;
        session.printer().note(&format!("wrote {}", args.folder.join(name).display()));
    }
    Ok(())
}

/// Every page, by its file's name.
fn pages() -> anyhow::Result<[(&'static str, String); 5]> {
    Ok([
        ("configuration.md", reference::markdown()?),
        ("tenantry.schema.json", reference::json_schema()?),
        ("commands.md", commands()),
        ("rules.md", rules::page()),
        ("metrics.md", metrics()),
    ])
}

/// The list of metrics.
fn metrics() -> String {
    let mut out = String::from(
        "# Metrics\n\n<!-- Made by `tenantry generate docs` from the gateway's own list. -->\n\n\
         Served in Prometheus' text format at `/metrics` of `[gateway] metrics_listen`. `tenant` and `pool` have labels of their own for\n\
         the `metrics_labels` with the most server time of late; all others are summed under `other`, and every series only grows.\n\n\
         | metric | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for metric in tenantry_gateway::METRICS {
        let (name, kind, labels, help) = (metric.name, metric.kind, metric.labels, metric.help);
        // Writing to a String can't fail.
        let _infallible = writeln!(out, "| `{name}` | {kind} | {labels} | {help} |");
    }
    out
}

fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(name);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, text))
        .with_context(|| format!("can't write {}", path.display()))
}

/// The help of every command, in the order of the tree.
fn commands() -> String {
    let mut out = String::from(
        "# The command line\n\n<!-- Made by `tenantry generate docs` from the program's own help. -->\n",
    );
    let mut root = Cli::command().term_width(100).disable_help_subcommand(true);
    root.build();
    section(&mut out, &mut root, "tenantry");
    out
}

fn section(out: &mut String, command: &mut clap::Command, path: &str) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a String can't fail.
    let _infallible = write!(out, "\n## `{path}`\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    for child in command.get_subcommands_mut() {
        if !child.is_hide_set() {
            let path = format!("{path} {}", child.get_name());
            section(out, child, &path);
        }
    }
}
