//! `tenantry tenant create`.

use crate::command::Session;
use crate::print::Document;
use crate::wiring;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::{Domain, TenancyModel, TenantKey};
use tenantry_ops::Control;
use tenantry_ops::tenant::{self, CreateTenant};

use super::view::TenantDocument;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The tenant's key: 1 to 63 of a-z, 0-9 and '-'
    key: TenantKey,
    /// A name for people [default: the key]
    #[arg(long)]
    name: Option<String>,
    /// How its data is laid out [default: the plan's model]
    #[arg(long, value_name = "shared|schema|database")]
    model: Option<TenancyModel>,
    /// The cluster it lives on [default: the only one]
    #[arg(long)]
    cluster: Option<String>,
    /// The pool it lives in [default: the one with the fewest tenants]
    #[arg(long)]
    pool: Option<String>,
    /// Its plan, from [plans] of the configuration
    #[arg(long)]
    plan: Option<String>,
    /// A domain that means this tenant; may be repeated
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<Domain>,
    /// Say what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(session: &Session, args: CreateArgs) -> anyhow::Result<()> {
    let dry_run = args.dry_run;
    let request = args.into_request();
    if dry_run {
        let (_, control) = session.control().await?;
        return session.printer().emit(&Planned::look(&control, &request).await?);
    }
    let control = wiring::control_with_plans(&session.config()?).await?;
    let reporter = session.reporter()?;
    let made = tenant::create(&control, &request, &reporter).await?;
    drop(reporter);
    session.printer().emit(&TenantDocument::from(made))
}

impl CreateArgs {
    fn into_request(self) -> CreateTenant {
        CreateTenant {
            key: self.key,
            name: self.name,
            model: self.model,
            cluster: self.cluster,
            pool: self.pool,
            plan: self.plan,
            domains: self.domains,
        }
    }
}

/// What `--dry-run` tells.
#[derive(Debug, Serialize)]
struct Planned {
    key: TenantKey,
    exists: bool,
    model: Option<TenancyModel>,
    cluster: Option<String>,
    plan: Option<String>,
    would: Vec<String>,
}

impl Planned {
    async fn look(control: &Control, request: &CreateTenant) -> anyhow::Result<Self> {
        let found = tenant::list(control).await?.into_iter().find(|info| info.key == request.key);
        let model = request
            .model
            .or(found.as_ref().and_then(|info| info.placement.as_ref()).map(|place| place.model));
        let would = match (&found, model) {
            (Some(info), _) if info.state != tenantry_core::TenantState::Provisioning => Vec::new(),
            (_, model) => steps(request, model),
        };
        Ok(Self {
            key: request.key.clone(),
            exists: found.is_some(),
            model,
            cluster: request.cluster.clone(),
            plan: request.plan.clone(),
            would,
        })
    }
}

/// What provisioning does in each model.
fn steps(request: &CreateTenant, model: Option<TenancyModel>) -> Vec<String> {
    let key = &request.key;
    let mut steps = vec![format!("record tenant {key} in the catalog")];
    match model {
        Some(TenancyModel::Shared) => steps.push("give it a row in the gate of a pool".into()),
        Some(TenancyModel::Schema) => {
            steps.push("create a schema in a pool".into());
            steps.push("apply the plain schema to it, with the floor of row-level security".into());
        }
        Some(TenancyModel::Database) => {
            steps.push("create a database, and a login role that can connect to it alone".into());
            steps.push("install the isolation core and apply the plain schema".into());
        }
        None => steps.push("make the place that its plan's model needs".into()),
    }
    steps.extend(request.domains.iter().map(|domain| format!("let {domain} mean it")));
    steps.push("serve it".into());
    steps
}

impl Document for Planned {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.would.is_empty() {
            return writeln!(out, "tenant {} is there already; nothing would be done", self.key);
        }
        writeln!(out, "tenant create would:")?;
        self.would.iter().try_for_each(|step| writeln!(out, "  - {step}"))
    }
}
