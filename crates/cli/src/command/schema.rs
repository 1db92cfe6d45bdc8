//! `tenantry schema`: what Tenantry thinks of the product's schema, and what it makes of it.

mod apply;
mod check;
mod compile;
mod partitions;
pub(crate) mod source;

use super::Session;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Say what each table is, what would change in shared tables, and what is in the way
    Check(check::CheckArgs),
    /// Print the SQL of a placement
    Compile(compile::CompileArgs),
    /// Make this the schema of the deployment, and apply it to the pools
    Apply(apply::ApplyArgs),
    /// The partitions that are looked after: list them, make what is due, detach what is old
    Partitions(partitions::PartitionsArgs),
}

pub(crate) async fn run(session: &Session, command: SchemaCommand) -> anyhow::Result<()> {
    match command {
        SchemaCommand::Check(args) => check::run(session, args).await,
        SchemaCommand::Compile(args) => compile::run(session, args).await,
        SchemaCommand::Apply(args) => apply::run(session, args).await,
        SchemaCommand::Partitions(args) => partitions::run(session, args).await,
    }
}
