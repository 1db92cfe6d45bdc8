//! `tenantry schema rewrite`: what a migration becomes in a placement, or why not, with carets under the place.

use super::source::SourceArgs;
use crate::command::Session;
use crate::print::{CODE, DIM, Document, WARN};
use anyhow::Context;
use clap::Args;
use serde::Serialize;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use tenantry_core::{ContextKind, SqlIdent, TenancyModel, reader_of};
use tenantry_rewrite::{Runs, Script, Statement};
use tenantry_schema::Target;

#[derive(Debug, Args)]
pub(crate) struct RewriteArgs {
    /// The migration: a file of plain SQL, or `-` for standard input
    #[arg(default_value = "-", value_name = "FILE")]
    migration: PathBuf,
    /// The plain schema as it is before the migration [default: file of [schema] in the configuration]
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The cluster that reads the schema, in a scratch database that is removed afterwards [default: the first; without a
    /// cluster in the configuration, a PostgreSQL started for it]
    #[arg(long)]
    cluster: Option<String>,
    /// The tenancy model to rewrite for
    #[arg(long, default_value = "shared", value_name = "shared|schema|database")]
    model: TenancyModel,
    /// The tenant's id, in the schema model
    #[arg(long, default_value = "1", value_name = "ID")]
    tenant: String,
}

pub(super) async fn run(session: &Session, args: RewriteArgs) -> anyhow::Result<()> {
    let sql = read(&args)?;
    let target = target(&args)?;
    let source = SourceArgs::of(args.schema, args.cluster);
    let config = source.config(session)?;
    let plain = source.load(session, &config).await?;
    let mut script = Script::new(&plain.model, &plain.declaration, &target);
    let statements = script.migrate(&sql)?;
    session.printer().emit(&Rewritten { model: args.model, statements })
}

fn read(args: &RewriteArgs) -> anyhow::Result<String> {
    if args.migration.as_os_str() == "-" {
        let mut sql = String::new();
        io::stdin()
            .read_to_string(&mut sql)
            .context("the migration could not be read from standard input")?;
        return Ok(sql);
    }
    let named = || format!("the migration {} could not be read", args.migration.display());
    std::fs::read_to_string(&args.migration).with_context(named)
}

/// The names are those of a deployment with one pool, called `app`.
fn target(args: &RewriteArgs) -> anyhow::Result<Target> {
    let (schema, app) = match args.model {
        TenancyModel::Shared => ("public".to_owned(), "tenantry_app_app".to_owned()),
        TenancyModel::Schema => (format!("t_{}", args.tenant), "tenantry_app_app".to_owned()),
        TenancyModel::Database => ("public".to_owned(), format!("tenantry_t{}", args.tenant)),
    };
    Ok(Target {
        model: args.model,
        schema: SqlIdent::new(schema)?,
        owner: SqlIdent::new("tenantry_owner")?,
        reader: Some(SqlIdent::new(reader_of(&app))?),
        app: SqlIdent::new(app)?,
        context: ContextKind::Carrier,
        tenant_value: (args.model == TenancyModel::Schema).then(|| args.tenant.clone()),
    })
}

#[derive(Debug, Serialize)]
struct Rewritten {
    model: TenancyModel,
    statements: Vec<Statement>,
}

impl Document for Rewritten {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (at, statement) in self.statements.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            let mut remarks = Vec::new();
            if statement.runs == Runs::PerTenant && self.model == TenancyModel::Shared {
                remarks.push("for each tenant");
            }
            if !statement.transactional {
                remarks.push("outside a transaction");
            }
            if !remarks.is_empty() {
                writeln!(out, "{DIM}-- {}{DIM:#}", remarks.join(", "))?;
            }
            for note in &statement.notes {
                writeln!(out, "{WARN}-- note:{WARN:#} {note}")?;
            }
            writeln!(out, "{CODE}{}{CODE:#};", statement.sql.trim_end().trim_end_matches(';'))?;
        }
        Ok(())
    }
}
