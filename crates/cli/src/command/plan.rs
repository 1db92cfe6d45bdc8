//! `tenantry plan`: tiers, and what they allow a tenant.

use super::Session;
use crate::failure::Refusal;
use crate::print::{Document, grid};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_catalog::{LimitsOverride, Plan};
use tenantry_core::{Limits, TenancyModel};
use tenantry_ops::{limits, plan};

#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Create a plan; what is not said has its default
    Create(CreateArgs),
    /// Change a plan; its tenants feel it at once
    Set(SetArgs),
    /// Show one plan
    Show(NameArgs),
    /// List the plans
    #[command(visible_alias = "ls")]
    List,
    /// Write the plans of tenantry.toml to the catalog
    Apply,
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The plan's name
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The plan's name
    name: String,
    /// The tenancy model of new tenants of this plan
    #[arg(long, default_value_t = TenancyModel::Shared)]
    model: TenancyModel,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The plan's name
    name: String,
    /// The tenancy model of new tenants of this plan
    #[arg(long)]
    model: Option<TenancyModel>,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Limits on the command line, for plans and for tenants.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LimitArgs {
    /// Server connections that a tenant may use at once, at each gateway
    #[arg(long, value_name = "N")]
    connections: Option<u32>,
    /// A tenant's part of the server's time when tenants wait for it, in proportion to the others'
    #[arg(long, value_name = "N")]
    weight: Option<u32>,
    /// Transactions that may wait for a server connection; 0 is no limit, here and below
    #[arg(long, value_name = "N")]
    queue_length: Option<u32>,
    /// Longest wait of a transaction for a server connection, or for its turn
    #[arg(long, value_name = "MILLISECONDS")]
    queue_wait: Option<u32>,
    /// Longest run of one statement
    #[arg(long, value_name = "MILLISECONDS")]
    statement_timeout: Option<u32>,
    /// Longest transaction
    #[arg(long, value_name = "MILLISECONDS")]
    transaction_timeout: Option<u32>,
    /// Longest time that an open transaction may wait for its client
    #[arg(long, value_name = "MILLISECONDS")]
    idle_in_transaction: Option<u32>,
    /// Transactions started in a minute
    #[arg(long, value_name = "N")]
    transactions_per_minute: Option<u32>,
    /// How many of them may come at once, after a pause; 0 is a minute's worth
    #[arg(long, value_name = "N")]
    transaction_burst: Option<u32>,
    /// Bytes that one statement may return
    #[arg(long, value_name = "N")]
    result_bytes: Option<u64>,
    /// The largest message that a client may send, in bytes
    #[arg(long, value_name = "N")]
    message_bytes: Option<u64>,
    /// How far a replica may be behind that reads go to; 0 leaves it to the gateway
    #[arg(long, value_name = "MILLISECONDS")]
    replica_lag: Option<u32>,
    /// Refuse reads that are to go to a replica while none can take them; else they go to the primary
    #[arg(long, value_name = "true|false")]
    replica_required: Option<bool>,
    /// Send transactions that begin with BEGIN READ ONLY to a replica without being asked to
    #[arg(long, value_name = "true|false")]
    replica_read_only: Option<bool>,
    /// Send a COPY ... TO STDOUT that stands alone to a replica without being asked to
    #[arg(long, value_name = "true|false")]
    replica_copy_to: Option<bool>,
    /// Let EXPLAIN through in a pool, where its estimates tell of values that other tenants have
    #[arg(long, value_name = "true|false")]
    explain: Option<bool>,
}

impl LimitArgs {
    pub(crate) fn to_override(self) -> LimitsOverride {
        LimitsOverride {
            connections: self.connections,
            weight: self.weight,
            queue_length: self.queue_length,
            queue_wait_ms: self.queue_wait,
            statement_timeout_ms: self.statement_timeout,
            transaction_timeout_ms: self.transaction_timeout,
            idle_in_transaction_ms: self.idle_in_transaction,
            transactions_per_minute: self.transactions_per_minute,
            transaction_burst: self.transaction_burst,
            result_bytes: self.result_bytes,
            message_bytes: self.message_bytes,
            replica_lag_ms: self.replica_lag,
            replica_required: self.replica_required,
            replica_read_only: self.replica_read_only,
            replica_copy_to: self.replica_copy_to,
            explain: self.explain,
        }
    }
}

pub(crate) async fn run(session: &Session, command: PlanCommand) -> anyhow::Result<()> {
    let (config, control) = session.control().await?;
    let printer = session.printer();
    match command {
        PlanCommand::Create(args) => {
            let made =
                limits::create_plan(&control, &args.name, args.model, &args.limits.to_override()).await?;
            printer.emit(&PlanDocument::from(made))
        }
        PlanCommand::Set(args) => {
            if config.plans().iter().any(|plan| plan.name == args.name) {
                return Err(Refusal::input(
                    format!("the plan {:?} stands in tenantry.toml, which would undo the change", args.name),
                    format!("change [plans.{}] there, then run: tenantry plan apply", args.name),
                )
                .into());
            }
            let set = limits::set_plan(&control, &args.name, args.model, &args.limits.to_override()).await?;
            printer.emit(&PlanDocument::from(set))
        }
        PlanCommand::Show(args) => {
            printer.emit(&PlanDocument::from(limits::plan(&control, &args.name).await?))
        }
        PlanCommand::List => printer.emit(&PlanList::from(limits::plans(&control).await?)),
        PlanCommand::Apply => {
            plan::apply(&control, &config.plans()).await?;
            printer.emit(&PlanList::from(limits::plans(&control).await?))
        }
    }
}

/// A plan as shown.
#[derive(Debug, Serialize)]
struct PlanDocument {
    name: String,
    model: &'static str,
    limits: Limits,
}

impl From<Plan> for PlanDocument {
    fn from(plan: Plan) -> Self {
        Self { name: plan.name, model: plan.model.as_str(), limits: plan.limits }
    }
}

impl Document for PlanDocument {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:<24} {}\n{:<24} {}", "name", self.name, "model", self.model)?;
        rows(&self.limits).iter().try_for_each(|(name, value)| writeln!(out, "{name:<24} {value}"))
    }
}

#[derive(Debug, Serialize)]
struct PlanList {
    plans: Vec<PlanDocument>,
}

impl From<Vec<Plan>> for PlanList {
    fn from(plans: Vec<Plan>) -> Self {
        Self { plans: plans.into_iter().map(PlanDocument::from).collect() }
    }
}

impl Document for PlanList {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.plans.is_empty() {
            return writeln!(out, "no plans yet: tenantry plan create NAME");
        }
        let mut table = grid(["PLAN", "MODEL", "CONNECTIONS", "WEIGHT", "STATEMENT", "PER MINUTE"]);
        for plan in &self.plans {
            let limits = &plan.limits;
            table.row([
                plan.name.clone(),
                plan.model.to_owned(),
                limits.connections.to_string(),
                limits.weight.to_string(),
                or_none(limits.statement_timeout_ms.into(), " ms"),
                or_none(limits.transactions_per_minute.into(), ""),
            ]);
        }
        table.write(out)
    }
}

/// All limits, as people read them.
pub(crate) fn rows(limits: &Limits) -> [(&'static str, String); 16] {
    let burst = match limits.transaction_burst {
        0 => "a minute's worth".to_owned(),
        n => n.to_string(),
    };
    let lag = match limits.replica_lag_ms {
        0 => "the gateway's".to_owned(),
        ms => format!("{ms} ms"),
    };
    let without = if limits.replica_required { "refused" } else { "the primary" };
    let place = |on_replica| if on_replica { "a replica" } else { "the primary" }.to_owned();
    [
        ("connections", limits.connections.to_string()),
        ("weight", limits.weight.to_string()),
        ("queue length", or_none(limits.queue_length.into(), "")),
        ("queue wait", or_none(limits.queue_wait_ms.into(), " ms")),
        ("statement timeout", or_none(limits.statement_timeout_ms.into(), " ms")),
        ("transaction timeout", or_none(limits.transaction_timeout_ms.into(), " ms")),
        ("idle in transaction", or_none(limits.idle_in_transaction_ms.into(), " ms")),
        ("transactions per minute", or_none(limits.transactions_per_minute.into(), "")),
        ("transaction burst", burst),
        ("result", or_none(limits.result_bytes, " bytes")),
        ("message", or_none(limits.message_bytes, " bytes")),
        ("replica lag", lag),
        ("without a replica", without.to_owned()),
        ("BEGIN READ ONLY", place(limits.replica_read_only)),
        ("COPY ... TO", place(limits.replica_copy_to)),
        ("EXPLAIN in a pool", if limits.explain { "let through" } else { "refused" }.to_owned()),
    ]
}

fn or_none(value: u64, unit: &str) -> String {
    if value == 0 { "no limit".to_owned() } else { format!("{value}{unit}") }
}
