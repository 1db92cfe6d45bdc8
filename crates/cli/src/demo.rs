//! The demo: a PostgreSQL of its own, four tenants in three models, the gateway, and a guided tour of what holds.
//!
//! It goes the way that the commands go (`cluster add`, `schema apply`, `tenant create`, `login create`): nothing
//! here is special but where the server comes from and what the tenants are called.

mod cast;
mod folder;
mod port;
mod sample;
mod stage;
mod tour;
mod view;

use crate::command::demo::DemoArgs;
use crate::failure::Refusal;
use crate::print::{BOLD, Format, Printer};
use crate::stop::Stop;
use folder::Folder;
use stage::Stage;
use std::io::Write;
use std::path::PathBuf;
use tenantry_core::ErrorKind;

pub(crate) async fn run(printer: Printer, args: DemoArgs) -> anyhow::Result<()> {
    let folder = args.keep.as_deref().map(Folder::open).transpose()?;
    printer.note(&announcement(&args));
    let mut stop = Stop::listen()?;
    // Dropped half-way, a stage takes its server with it.
    let stage = tokio::select! {
        stage = Stage::raise(printer, &args, folder.as_ref()) => stage?,
        () = stop.requested() => return interrupted(args.once),
    };
    let outcome = tokio::select! {
        outcome = perform(printer, &stage, args.once) => outcome,
        () = stop.requested() => interrupted(args.once),
    };
    printer.note(&match &args.keep {
        Some(folder) => {
            format!("\nStopping. Everything is kept in {}; run the same command to go on.", folder.display())
        }
        None => "\nStopping, and removing everything.".to_owned(),
    });
    stage.strike().await;
    outcome
}

/// Ctrl-C is how a demo ends, but not how a tour does.
fn interrupted(once: bool) -> anyhow::Result<()> {
    if !once {
        return Ok(());
    }
    Err(Refusal { kind: ErrorKind::ShuttingDown, message: "the tour was interrupted".to_owned(), hint: None }
        .into())
}

/// The first thing that a person reads: what is about to happen, and where.
fn announcement(args: &DemoArgs) -> String {
    let place = match &args.keep {
        Some(folder) => format!("in {}, where it is kept", folder.display()),
        None => "in a temporary folder that is removed at the end".to_owned(),
    };
    let then = if args.once { "Then a guided tour." } else { "It stays until Ctrl-C." };
    format!(
        "{BOLD}Tenantry demo{BOLD:#}: a PostgreSQL of its own {place},\n\
         four sample tenants in three tenancy models, and a gateway on 127.0.0.1. {then}\n"
    )
}

async fn perform(printer: Printer, stage: &Stage, once: bool) -> anyhow::Result<()> {
    let bill = view::Bill::read(stage).await?;
    if !once {
        printer.emit(&bill)?;
        return std::future::pending().await;
    }
    if printer.format == Format::Text {
        let mut out = printer.out();
        bill.write_tenants(&mut out)?;
        out.flush()?;
    }
    let report = tour::play(printer, stage).await?;
    if printer.format == Format::Json {
        printer.emit(&report)?;
    }
    match report.failed() {
        0 => Ok(()),
        failed => Err(Refusal {
            kind: ErrorKind::Internal,
            message: format!("{failed} of the tour's expectations did not hold"),
            hint: Some("each is marked above with what was expected".into()),
        }
        .into()),
    }
}

/// Where a kept demo's PostgreSQL lives.
fn data_dir(folder: Option<&Folder>) -> Option<PathBuf> {
    folder.map(Folder::postgres)
}
