//! The command line: the tree of commands and what all of them take. Each command's own flags stand beside it.

use crate::command::{
    audit, catalog, cluster, completions, convert, demo, erd, gateway, generate, login, plan, rules, schema,
    scope, serve, tenant,
};
use crate::print::{ColorChoice, Format, Printer};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Tenantry makes the multi-tenancy decision undoable: one address, ordinary SQL, and every tenant in shared tables,
/// a schema of its own or a database of its own.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, styles = STYLES, max_term_width = 100, propagate_version = false)]
#[command(after_help = "Start with `tenantry demo`: it needs no configuration.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The configuration [default: ./tenantry.toml]
    #[arg(long, global = true, value_name = "FILE", env = "TENANTRY_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON document on standard output instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing on the way, only results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

impl Global {
    pub(crate) fn printer(&self) -> Printer {
        Printer {
            format: if self.json { Format::Json } else { Format::Text },
            quiet: self.quiet,
            color: self.color,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine with sample tenants, or take a guided tour
    Demo(demo::DemoArgs),
    /// Run the gateway, following the catalog
    Serve(serve::ServeArgs),
    /// Come from another pooler: read its configuration and say what corresponds to it
    Gateway(gateway::GatewayArgs),
    /// Make PostgreSQL servers ready for tenants, list and check them
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Create, look at, suspend, resume and drop tenants
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Plans (tiers): what tenants may use
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Who may connect to the gateway, and for which tenants
    #[command(subcommand)]
    Login(login::LoginCommand),
    /// Check and compile the product's schema, and apply it
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Sets of tenants that share rows: make them, and explain who sees what
    #[command(subcommand)]
    Scope(scope::ScopeCommand),
    /// Look whether databases keep tenants apart: findings with evidence and fixes, or attacks between two tenants
    Audit(Box<audit::AuditArgs>),
    /// List what schemas and databases are checked for, or explain one rule
    Rules(rules::RulesArgs),
    /// Draw the schema as a tenancy model has it, or what differs between two
    Erd(erd::ErdArgs),
    /// Turn a database that has rows into a pool, while its application goes on working
    #[command(subcommand)]
    Convert(convert::ConvertCommand),
    /// Look after the catalog, the registry of everything
    #[command(subcommand)]
    Catalog(catalog::CatalogCommand),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Make the files of this repository that are made
    #[command(subcommand, hide = true)]
    Generate(generate::GenerateCommand),
}
