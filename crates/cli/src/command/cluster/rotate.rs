//! `tenantry cluster rotate-keys`.

use crate::command::Session;
use crate::failure::Refusal;
use crate::print::Document;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;
use tenantry_core::ErrorKind;
use tenantry_ops::isolation;

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The cluster's name
    name: String,
    /// Only this database of it
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// How long gateways may take to hear of the new key before the old one is dropped
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    grace: u64,
}

pub(super) async fn run(session: &Session, args: &RotateArgs) -> anyhow::Result<()> {
    let (_, control) = session.control().await?;
    let tx = control.catalog.snapshot().await?;
    let cluster = tx.cluster(&args.name).await?;
    let mut databases = tx.databases(Some(cluster.id)).await?;
    tx.rollback().await?;
    if let Some(wanted) = &args.database {
        databases.retain(|database| database.name.as_str() == wanted);
        if databases.is_empty() {
            return Err(Refusal {
                kind: ErrorKind::InvalidInput,
                message: format!("cluster {} has no database {wanted:?}", args.name),
                hint: Some("tenantry cluster list shows the databases".to_owned()),
            }
            .into());
        }
    }
    let reporter = session.reporter()?;
    let mut rotated = Vec::with_capacity(databases.len());
    for database in databases {
        let grace = Duration::from_secs(args.grace);
        let key = isolation::rotate_key(&control, database.id, grace, &reporter).await?;
        rotated.push(RotatedDatabase { database: database.stable_name(), key: key.get() });
    }
    drop(reporter);
    session.printer().emit(&Rotated { databases: rotated })
}

#[derive(Debug, Serialize)]
struct Rotated {
    databases: Vec<RotatedDatabase>,
}

#[derive(Debug, Serialize)]
struct RotatedDatabase {
    database: String,
    key: i32,
}

impl Document for Rotated {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for rotated in &self.databases {
            writeln!(out, "{} signs with key {}", rotated.database, rotated.key)?;
        }
        Ok(())
    }
}
