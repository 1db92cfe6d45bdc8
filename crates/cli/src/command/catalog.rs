//! `tenantry catalog`: the registry itself.

use super::Session;
use crate::print::Document;
use crate::wiring;
use clap::Subcommand;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_catalog::{Catalog, Migrated};

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Create the catalog's tables, or bring them to this version
    Migrate,
}

pub(crate) async fn run(session: &Session, command: CatalogCommand) -> anyhow::Result<()> {
    let CatalogCommand::Migrate = command;
    let config = wiring::catalog_config(session.config()?.catalog()?);
    let migrated = Catalog::connect(config).await?.migrate().await?;
    session.printer().emit(&Outcome::from(migrated))
}

#[derive(Debug, Serialize)]
struct Outcome {
    from: Option<i32>,
    to: i32,
}

impl From<Migrated> for Outcome {
    fn from(migrated: Migrated) -> Self {
        Self { from: migrated.from, to: migrated.to }
    }
}

impl Document for Outcome {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.from {
            Some(from) if from == self.to => writeln!(out, "the catalog is at version {from} already"),
            Some(from) => writeln!(out, "the catalog went from version {from} to {}", self.to),
            None => writeln!(out, "the catalog was made, at version {}", self.to),
        }
    }
}
