//! `tenantry convert`: a database that has rows, and an application on it, becomes a pool with shared tables.

mod clones;
mod plan;
mod run;
mod status;

use super::Session;
use crate::config::Config;
use crate::failure::Refusal;
use clap::{Args, Subcommand};
use std::time::Duration;
use tenantry_core::{SqlIdent, TenantKey};
use tenantry_ops::convert::{Blocking, Convert, Limits, TenantTable, Tenants, Until};

#[derive(Debug, Subcommand)]
pub(crate) enum ConvertCommand {
    /// Say what would be done, under which locks, and how long it may take; changes nothing
    Plan(plan::PlanArgs),
    /// Convert, as far as asked; run again, it goes on where it stopped
    Run(run::RunArgs),
    /// Say how far a conversion is, and what would be refused
    Status(Place),
    /// Take a conversion back whose tenants are not registered yet
    Abort(run::AbortArgs),
    /// Look for copies of one thing in many tenants' rows, which one scoped row could replace; changes nothing
    Clones(Place),
}

/// Which database.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The cluster, by its name in the configuration
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// The database on it
    #[arg(long, value_name = "NAME")]
    database: String,
}

/// Whose rows they are, and what the running application may be made to feel.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    whose: Whose,
    /// With --tenants: the column that holds the tenants' keys [default: keys are made of the ids]
    #[arg(long, value_name = "COLUMN", requires = "tenants")]
    tenant_key: Option<String>,
    /// With --tenants: the column that holds a name for people
    #[arg(long, value_name = "COLUMN", requires = "tenants")]
    tenant_name: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// All rows are one tenant's: its key. No row is written
    #[arg(long, value_name = "KEY")]
    tenant: Option<TenantKeyArg>,
    /// Rows are many tenants': the table that lists them (accounts, organizations)
    #[arg(long, value_name = "TABLE")]
    tenants: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What the application may feel")]
struct LimitArgs {
    /// The longest that any statement may wait for one of ours, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(20..=60_000))]
    max_block: u64,
    /// How long a lock is asked for, again and again, before giving up, in seconds
    #[arg(long, value_name = "S", default_value_t = 600)]
    patience: u64,
    /// How much of the time the backfill writes, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    load: u8,
    /// Wait while a standby is further behind than this, in megabytes
    #[arg(long, value_name = "MB", default_value_t = 64)]
    max_lag: u64,
    /// Also take steps that PostgreSQL can only do while it keeps everybody out of a table
    #[arg(long)]
    allow_blocking: bool,
}

/// A tenant's key, checked when the command line is read.
#[derive(Debug, Clone)]
struct TenantKeyArg(TenantKey);

impl std::str::FromStr for TenantKeyArg {
    type Err = tenantry_core::tenant::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TenantKey::new(text).map(Self)
    }
}

impl Place {
    fn database(&self) -> anyhow::Result<SqlIdent> {
        SqlIdent::new(self.database.as_str())
            .map_err(|error| Refusal::input(error.to_string(), "name a database of the cluster").into())
    }
}

impl RequestArgs {
    fn request(&self, config: &Config, until: Until) -> anyhow::Result<Convert> {
        let tenants = match (&self.whose.tenant, &self.whose.tenants) {
            (Some(key), _) => Tenants::One(key.0.clone()),
            (None, Some(table)) => Tenants::Table(TenantTable {
                table: table.clone(),
                key: self.tenant_key.clone(),
                name: self.tenant_name.clone(),
            }),
            (None, None) => {
                return Err(Refusal::input("whose are the rows?", "--tenant KEY or --tenants TABLE").into());
            }
        };
        Ok(Convert {
            cluster: self.place.cluster.clone(),
            database: self.place.database()?,
            tenants,
            declaration: config.declaration(),
            until,
            limits: self.limits.limits(),
        })
    }
}

impl LimitArgs {
    fn limits(&self) -> Limits {
        Limits {
            max_block: Duration::from_millis(self.max_block),
            patience: Duration::from_secs(self.patience),
            load: self.load,
            max_lag_bytes: self.max_lag << 20,
            blocking: if self.allow_blocking { Blocking::Accept } else { Blocking::Refuse },
            ..Limits::default()
        }
    }
}

pub(crate) async fn run(session: &Session, command: ConvertCommand) -> anyhow::Result<()> {
    match command {
        ConvertCommand::Plan(args) => plan::run(session, args).await,
        ConvertCommand::Run(args) => run::run(session, args).await,
        ConvertCommand::Status(place) => status::run(session, place).await,
        ConvertCommand::Abort(args) => Box::pin(run::abort(session, args)).await,
        ConvertCommand::Clones(place) => clones::run(session, place).await,
    }
}
