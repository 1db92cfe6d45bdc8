//! `tenantry schema partitions`: the partitions that Tenantry looks after, over all pools.

use crate::command::Session;
use crate::failure::Refusal;
use crate::print::{DIM, Document, WARN, confirm, grid};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::{ErrorKind, TenantKey};
use tenantry_ops::partitions::{self, Direction, Outcome, Partition, Selection};

/// Without a word behind it, lists every partition and what is due
#[derive(Debug, Args)]
pub(crate) struct PartitionsArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// Which pools and which table.
#[derive(Debug, Args)]
struct SelectionArgs {
    /// Only this cluster's pools
    #[arg(long, global = true)]
    cluster: Option<String>,
    /// Only this pool
    #[arg(long, global = true)]
    pool: Option<String>,
    /// Only this table's partitions
    #[arg(long, global = true)]
    table: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every partition and what is due
    #[command(visible_alias = "ls")]
    List,
    /// Make the partitions that are due; for a timer (once a day is enough)
    Create(DryRun),
    /// Detach partitions that are older than is kept; nothing is dropped
    Detach(DryRun),
    /// Drop detached partitions, with their rows
    DropDetached(DropArgs),
    /// Give a suspended tenant a partition of its own (tables partitioned by list)
    Give(MoveArgs),
    /// Take a suspended tenant's own partition back into the default one
    Take(MoveArgs),
}

#[derive(Debug, Args)]
struct DryRun {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct DropArgs {
    /// The detached partitions' names
    #[arg(required = true)]
    partitions: Vec<String>,
    /// Do not ask, and destroy their rows
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    dry: DryRun,
}

#[derive(Debug, Args)]
struct MoveArgs {
    /// The tenant's key
    tenant: TenantKey,
    /// The partitioned table
    of: String,
}

pub(super) async fn run(session: &Session, args: PartitionsArgs) -> anyhow::Result<()> {
    let (_, control) = session.control().await?;
    let printer = session.printer();
    let SelectionArgs { cluster, pool, table } = args.selection;
    let selection = Selection { cluster, pool, table };
    let list = || partitions::list(&control, &selection);
    let done = match args.action {
        None | Some(Action::List) => return printer.emit(&Partitions::of(list().await?)),
        Some(Action::Create(dry)) if dry.dry_run => {
            return printer.emit(&Partitions::of(only(list().await?, |found| found.state == "due")));
        }
        Some(Action::Detach(dry)) if dry.dry_run => {
            return printer.emit(&Partitions::of(only(list().await?, |found| found.over)));
        }
        Some(Action::Create(_)) => partitions::create(&control, &selection).await?,
        Some(Action::Detach(_)) => partitions::detach(&control, &selection).await?,
        Some(Action::DropDetached(wanted)) => {
            if wanted.dry.dry_run {
                let named = |found: &Partition| {
                    found.state == "detached"
                        && wanted.partitions.iter().any(|name| {
                            found
                                .partition
                                .as_deref()
                                .is_some_and(|full| full == name || full.ends_with(&format!(".{name}")))
                        })
                };
                return printer.emit(&Partitions::of(only(list().await?, named)));
            }
            if !wanted.yes {
                let what = format!("this destroys the rows of {}", wanted.partitions.join(", "));
                confirm(printer, &what, &wanted.partitions[0])?;
            }
            partitions::drop_detached(&control, &selection, &wanted.partitions).await?
        }
        Some(Action::Give(wanted)) => {
            vec![partitions::move_tenant(&control, &wanted.of, &wanted.tenant, Direction::Give).await?]
        }
        Some(Action::Take(wanted)) => {
            vec![partitions::move_tenant(&control, &wanted.of, &wanted.tenant, Direction::Take).await?]
        }
    };
    finish(session, &Done { outcomes: done })
}

fn only(all: Vec<Partition>, wanted: impl Fn(&Partition) -> bool) -> Vec<Partition> {
    all.into_iter().filter(|found| wanted(found)).collect()
}

/// What could not be done is a failure, after everything else was done and told.
fn finish(session: &Session, done: &Done) -> anyhow::Result<()> {
    let blocked = done.outcomes.iter().filter(|outcome| outcome.outcome == "blocked").count();
    session.printer().emit(done)?;
    if blocked == 0 {
        return Ok(());
    }
    Err(Refusal {
        kind: ErrorKind::Conflict,
        message: format!("{blocked} of the tables or partitions could not be changed now"),
        hint: Some("each says why; run it again: what is done stays done".into()),
    }
    .into())
}

#[derive(Debug, Serialize)]
struct Partitions {
    partitions: Vec<Partition>,
}

impl Partitions {
    fn of(partitions: Vec<Partition>) -> Self {
        Self { partitions }
    }
}

impl Document for Partitions {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.partitions.is_empty() {
            return writeln!(out, "{DIM}nothing{DIM:#}");
        }
        let mut table = grid(["DATABASE", "TABLE", "PARTITION", "STATE", "ROWS", "BYTES", "BOUNDS"]);
        for found in &self.partitions {
            let state = if found.over { format!("{}, over", found.state) } else { found.state.clone() };
            let number =
                |number: Option<i64>| number.filter(|n| *n >= 0).map_or_else(String::new, |n| n.to_string());
            table.row([
                found.database.clone(),
                found.table.clone(),
                found.partition.clone().unwrap_or_default(),
                state,
                number(found.rows),
                number(found.bytes),
                found.bounds.clone(),
            ]);
        }
        table.right(4);
        table.right(5);
        table.write(out)
    }
}

#[derive(Debug, Serialize)]
struct Done {
    outcomes: Vec<Outcome>,
}

impl Document for Done {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.outcomes.is_empty() {
            return writeln!(out, "nothing to do");
        }
        for done in &self.outcomes {
            let what = done.partition.as_deref().unwrap_or(&done.table);
            let detail = done.detail.as_deref().map_or_else(String::new, |detail| format!(": {detail}"));
            if done.outcome == "blocked" {
                writeln!(out, "{WARN}blocked{WARN:#} {what} in {}{detail}", done.database)?;
            } else {
                writeln!(out, "{} {what} in {}{detail}", done.outcome, done.database)?;
            }
        }
        Ok(())
    }
}
