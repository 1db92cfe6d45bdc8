//! `tenantry scope`: sets of tenants that share rows, and who sees what.

use super::Session;
use crate::failure::Refusal;
use crate::print::{DIM, Document, grid};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::{ErrorKind, TenantKey};
use tenantry_ops::scope::{self, Rows, Scope};

#[derive(Debug, Subcommand)]
pub(crate) enum ScopeCommand {
    /// The scope of exactly these tenants; made, if there is none yet
    Create(CreateArgs),
    /// List the scopes of a pool
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show a scope's members and where it has rows
    Show(ShowArgs),
    /// Which scopes a tenant sees, or who sees a row
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The members' keys
    #[arg(required = true)]
    tenants: Vec<TenantKey>,
    #[command(flatten)]
    pool: PoolArgs,
}

#[derive(Debug, Args)]
struct PoolArgs {
    /// The pool: its name, or CLUSTER/POOL
    #[arg(long)]
    pool: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pool: PoolArgs,
    /// The tenants' own scopes too
    #[arg(long)]
    own: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The scope's number
    scope: i64,
    #[command(flatten)]
    pool: PoolArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The tenant's key
    #[arg(required_unless_present = "row", conflicts_with = "row")]
    tenant: Option<TenantKey>,
    /// A row: the table's name and the primary key's value
    #[arg(long, value_name = "TABLE=ID")]
    row: Option<String>,
    #[command(flatten)]
    pool: PoolArgs,
}

pub(crate) async fn run(session: &Session, command: ScopeCommand) -> anyhow::Result<()> {
    let (_, control) = session.control().await?;
    let printer = session.printer();
    match command {
        ScopeCommand::Create(args) => {
            let made = scope::create(&control, &args.pool.pool, &args.tenants).await?;
            printer.emit(&Scopes { scopes: vec![made] })
        }
        ScopeCommand::List(args) => {
            printer.emit(&Scopes { scopes: scope::list(&control, &args.pool.pool, args.own).await? })
        }
        ScopeCommand::Show(args) => {
            let (scope, rows) = scope::show(&control, &args.pool.pool, args.scope).await?;
            printer.emit(&Shown { scope, rows })
        }
        ScopeCommand::Explain(ExplainArgs { tenant: Some(key), pool, .. }) => {
            printer.emit(&Scopes { scopes: scope::seen_by(&control, &pool.pool, &key).await? })
        }
        ScopeCommand::Explain(ExplainArgs { row, pool, .. }) => {
            let row = row.unwrap_or_default();
            let Some((table, id)) = row.split_once('=') else {
                return Err(not_a_row(&row).into());
            };
            printer.emit(&Scopes { scopes: vec![scope::of_row(&control, &pool.pool, table, id).await?] })
        }
    }
}

fn not_a_row(text: &str) -> Refusal {
    Refusal {
        kind: ErrorKind::InvalidInput,
        message: format!("{text:?} is no row"),
        hint: Some("write TABLE=ID: the table's name and the primary key's value".into()),
    }
}

#[derive(Debug, Serialize)]
struct Scopes {
    scopes: Vec<Scope>,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    scope: Scope,
    rows: Vec<Rows>,
}

/// The members, as people read them.
fn members(scope: &Scope) -> String {
    match (scope.members.is_empty(), scope.own) {
        (true, _) => "everybody".to_owned(),
        (false, true) => format!("{} (its own)", scope.members.join(", ")),
        (false, false) => scope.members.join(", "),
    }
}

impl Document for Scopes {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = grid(["SCOPE", "DATABASE", "MEMBERS"]);
        for scope in &self.scopes {
            table.row([scope.id.to_string(), scope.database.clone(), members(scope)]);
        }
        table.right(0);
        table.write(out)
    }
}

impl Document for Shown {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "scope {} of {}: {}", self.scope.id, self.scope.database, members(&self.scope))?;
        if self.rows.is_empty() {
            return writeln!(out, "{DIM}no rows{DIM:#}");
        }
        self.rows.iter().try_for_each(|rows| writeln!(out, "  {}: {} rows", rows.table, rows.rows))
    }
}
