//! One file per command, and what they share: the configuration and the way to the catalog.

pub(crate) mod audit;
pub(crate) mod catalog;
pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod erd;
pub(crate) mod gateway;
pub(crate) mod generate;
pub(crate) mod login;
pub(crate) mod plan;
pub(crate) mod rules;
pub(crate) mod schema;
pub(crate) mod scope;
pub(crate) mod serve;
pub(crate) mod tenant;

use crate::args::{Cli, Command, Global};
use crate::config::Config;
use crate::print::{Printer, Reporter};
use crate::stop::Stop;
use crate::wiring;
use tenantry_ops::Control;

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let session = Session { global: cli.global };
    match cli.command {
        Command::Demo(args) => demo::run(&session, args).await,
        Command::Gateway(args) => gateway::run(&session, &args),
        Command::Serve(args) => serve::run(&session, args).await,
        Command::Cluster(command) => cluster::run(&session, command).await,
        Command::Tenant(command) => tenant::run(&session, command).await,
        Command::Plan(command) => plan::run(&session, command).await,
        Command::Login(command) => login::run(&session, command).await,
        Command::Schema(command) => schema::run(&session, command).await,
        Command::Scope(command) => scope::run(&session, command).await,
        Command::Convert(command) => convert::run(&session, command).await,
        Command::Audit(args) => Box::pin(audit::run(&session, *args)).await,
        Command::Rules(args) => rules::run(&session, &args),
        Command::Erd(args) => erd::run(&session, args).await,
        Command::Catalog(command) => catalog::run(&session, command).await,
        Command::Completions(args) => completions::run(&session, &args),
        Command::Generate(command) => generate::run(&session, &command),
    }
}

/// What one run of the program was told.
pub(crate) struct Session {
    global: Global,
}

impl Session {
    pub(crate) fn printer(&self) -> Printer {
        self.global.printer()
    }

    /// Reads the configuration, and says what is unwise in it.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let config = Config::load(self.global.config.as_deref())?;
        for warning in config.warnings() {
            self.printer().warn(&warning);
        }
        Ok(config)
    }

    /// The configuration, and the control plane that it describes.
    pub(crate) async fn control(&self) -> anyhow::Result<(Config, Control)> {
        let config = self.config()?;
        let control = wiring::control(&config).await?;
        Ok((config, control))
    }

    /// Shows the steps of an operation. Ctrl-C stops it between two of them.
    pub(crate) fn reporter(&self) -> anyhow::Result<Reporter> {
        let reporter = Reporter::new(self.printer());
        Stop::listen()?.flag_on_signal(reporter.interrupt_flag());
        Ok(reporter)
    }
}
