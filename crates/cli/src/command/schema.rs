//! `tenantry schema`: what Tenantry thinks of the product's schema, and what it makes of it.

mod apply;
mod check;
mod compile;
mod init;
mod partitions;
mod rewrite;
pub(crate) mod source;

use super::Session;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Guess the declaration for a schema, and mark what is not sure
    Init(init::InitArgs),
    /// Say what each table is, what would change in shared tables, and what is in the way
    Check(check::CheckArgs),
    /// Print the SQL of a placement
    Compile(compile::CompileArgs),
    /// Print what a migration becomes in a placement, or why it can't
    Rewrite(rewrite::RewriteArgs),
    /// Make this the schema of the deployment, and apply it to the pools
    Apply(apply::ApplyArgs),
    /// The partitions that are looked after: list them, make what is due, detach what is old
    Partitions(partitions::PartitionsArgs),
}

pub(crate) async fn run(session: &Session, command: SchemaCommand) -> anyhow::Result<()> {
    match command {
        SchemaCommand::Init(args) => init::run(session, args).await,
        SchemaCommand::Check(args) => check::run(session, args).await,
        SchemaCommand::Compile(args) => compile::run(session, args).await,
        SchemaCommand::Rewrite(args) => rewrite::run(session, args).await,
        SchemaCommand::Apply(args) => apply::run(session, args).await,
        SchemaCommand::Partitions(args) => partitions::run(session, args).await,
    }
}
