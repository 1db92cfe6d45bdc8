//! `tenantry cluster`: the PostgreSQL servers that hold tenants.

mod add;
mod check;
mod rotate;
mod show;

use super::Session;
use crate::print::{Document, grid};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_ops::cluster::{self, ClusterSummary};

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Make a cluster of the configuration ready: roles, pools, isolation core; run again, it upgrades
    Add(add::AddArgs),
    /// List the clusters and their databases
    #[command(visible_alias = "ls")]
    List,
    /// Ask a cluster's servers what they are now: the primary, or replicas, and how far behind
    Show {
        /// The cluster's name
        name: String,
    },
    /// Look whether clusters still are what `add` made of them; changes nothing
    Check(CheckArgs),
    /// Give a cluster's databases their next context key, and drop the old one when gateways know
    RotateKeys(rotate::RotateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The cluster's name [default: all clusters]
    name: Option<String>,
}

pub(crate) async fn run(session: &Session, command: ClusterCommand) -> anyhow::Result<()> {
    match command {
        ClusterCommand::Add(args) => add::run(session, args).await,
        ClusterCommand::List => {
            let (_, control) = session.control().await?;
            let clusters = cluster::list(&control).await?.into_iter().map(ClusterDocument::from).collect();
            session.printer().emit(&ClusterList { clusters })
        }
        ClusterCommand::Show { name } => show::run(session, &name).await,
        ClusterCommand::Check(args) => check::run(session, args.name).await,
        ClusterCommand::RotateKeys(args) => rotate::run(session, &args).await,
    }
}

#[derive(Debug, Serialize)]
struct ClusterDocument {
    name: String,
    host: String,
    port: u16,
    /// Other servers that may become the primary, as `HOST:PORT`.
    more_hosts: Vec<String>,
    /// Servers that take reads.
    replicas: Vec<String>,
    /// `server_version_num`.
    server_version: u32,
    databases: Vec<DatabaseDocument>,
}

#[derive(Debug, Serialize)]
struct DatabaseDocument {
    name: String,
    kind: &'static str,
    context: &'static str,
    tenants: u64,
}

impl From<ClusterSummary> for ClusterDocument {
    fn from(cluster: ClusterSummary) -> Self {
        let databases = cluster.databases.into_iter().map(|database| DatabaseDocument {
            name: database.name,
            kind: database.kind.as_str(),
            context: database.context.as_str(),
            tenants: database.tenants,
        });
        Self {
            name: cluster.name,
            host: cluster.host,
            port: cluster.port,
            more_hosts: cluster.more_hosts.iter().map(ToString::to_string).collect(),
            replicas: cluster.replicas.iter().map(ToString::to_string).collect(),
            server_version: cluster.server_version,
            databases: databases.collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct ClusterList {
    clusters: Vec<ClusterDocument>,
}

impl Document for ClusterList {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.clusters.is_empty() {
            return writeln!(out, "no clusters yet: tenantry cluster add NAME");
        }
        let mut table = grid(["CLUSTER", "SERVER", "DATABASE", "KIND", "CONTEXT", "TENANTS"]);
        table.right(5);
        for cluster in &self.clusters {
            let server = format!("{}:{}", cluster.host, cluster.port);
            if cluster.databases.is_empty() {
                table.row([cluster.name.as_str(), &server, "-", "-", "-", "0"]);
            }
            for database in &cluster.databases {
                let tenants = database.tenants.to_string();
                let name = cluster.name.as_str();
                table.row([name, &server, &database.name, database.kind, database.context, &tenants]);
            }
        }
        table.write(out)
    }
}
