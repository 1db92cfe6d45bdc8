//! `tenantry cluster add`.

use crate::command::Session;
use crate::config::{Cluster, Config, ContextChoice};
use crate::print::Document;
use anyhow::Context;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::{ContextKind, ErrorKind, SqlIdent};
use tenantry_ops::ClusterAccess;
use tenantry_ops::cluster::{self, AddCluster, AddedCluster};
use tenantry_ops::isolation::{self, Probe, TenantType};

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The cluster's name in the configuration
    name: String,
    /// How its databases prove the tenant [default: the configuration's]
    #[arg(long, value_enum)]
    context: Option<ContextChoice>,
    /// Say what the cluster can have and what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(session: &Session, args: AddArgs) -> anyhow::Result<()> {
    let config = session.config()?;
    let found = config.cluster(&args.name)?;
    let request = request(&config, &args, &found)?;
    if args.dry_run {
        let probe = look(&found.access).await?;
        return session.printer().emit(&Added::planned(&request, &probe));
    }
    let control = crate::wiring::control_with_plans(&config).await?;
    let reporter = session.reporter()?;
    let added = cluster::add(&control, &request, &reporter).await?;
    drop(reporter);
    session.printer().emit(&Added::done(&request, &added))
}

fn request(config: &Config, args: &AddArgs, found: &Cluster) -> anyhow::Result<AddCluster> {
    let pools: Result<Vec<SqlIdent>, _> =
        found.pools.iter().map(|name| SqlIdent::new(name.as_str())).collect();
    Ok(AddCluster {
        name: args.name.clone(),
        pools: pools.with_context(|| format!("the pools of [clusters.{}] can't be used", args.name))?,
        tenant_type: tenant_type(config),
        context: match args.context.unwrap_or(found.context) {
            ContextChoice::Strongest => None,
            ContextChoice::Carrier => Some(ContextKind::Carrier),
            ContextChoice::Signed => Some(ContextKind::Signed),
        },
        max_connections: found.max_connections,
        cluster_connections: found.total_connections,
    })
}

/// The tenant column's type, in the words of the isolation core.
pub(crate) fn tenant_type(config: &Config) -> TenantType {
    match config.declaration().tenancy.value_type {
        tenantry_schema::TenantType::Bigint => TenantType::Bigint,
        tenantry_schema::TenantType::Uuid => TenantType::Uuid,
        tenantry_schema::TenantType::Text => TenantType::Text,
    }
}

/// Probes the cluster without the catalog: a dry run needs nothing but the cluster.
async fn look(access: &ClusterAccess) -> anyhow::Result<Probe> {
    let mut config = tokio_postgres::Config::new();
    config.host(&access.host).port(access.port).user(&access.user).dbname(&access.maintenance_database);
    config.connect_timeout(std::time::Duration::from_secs(5)).application_name("tenantry");
    if let Some(password) = &access.password {
        config.password(password.expose());
    }
    let unreachable = || crate::failure::Refusal {
        kind: ErrorKind::ServerUnavailable,
        message: format!("can't connect to {}:{}", access.host, access.port),
        hint: Some("check host, port, user and password of the cluster in the configuration".into()),
    };
    let tls = tenantry_tls::Driver::new(&access.tls)?;
    tls.apply(&mut config);
    let (client, connection) = config.connect(tls).await.with_context(unreachable)?;
    let driver = tokio::spawn(connection);
    let probe = isolation::probe(&client).await?;
    drop(client);
    driver.await??;
    Ok(probe)
}

#[derive(Debug, Serialize)]
struct Added {
    cluster: String,
    server: String,
    pools: Vec<String>,
    context: &'static str,
    /// Why the stronger context is not possible.
    reasons: Vec<String>,
    security_warning: Option<String>,
    done: bool,
}

impl Added {
    fn planned(request: &AddCluster, probe: &Probe) -> Self {
        let strongest = if probe.carrier_possible { ContextKind::Carrier } else { ContextKind::Signed };
        Self::new(request, probe, request.context.unwrap_or(strongest), false)
    }

    fn done(request: &AddCluster, added: &AddedCluster) -> Self {
        Self::new(request, &added.probe, added.context, true)
    }

    fn new(request: &AddCluster, probe: &Probe, context: ContextKind, done: bool) -> Self {
        Self {
            cluster: request.name.clone(),
            server: probe.version_text.clone(),
            pools: request.pools.iter().map(|pool| pool.as_str().to_owned()).collect(),
            context: context.as_str(),
            reasons: probe.reasons.clone(),
            security_warning: probe.security_warning.clone(),
            done,
        }
    }
}

impl Document for Added {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let (verb, pools) =
            (if self.done { "is ready" } else { "would be made ready" }, self.pools.join(", "));
        writeln!(out, "cluster {} {verb}", self.cluster)?;
        writeln!(out, "  server   {}", self.server)?;
        writeln!(out, "  pools    {pools}")?;
        writeln!(out, "  context  {}", self.context)?;
        for reason in &self.reasons {
            writeln!(out, "           no carrier: {reason}")?;
        }
        if let Some(warning) = &self.security_warning {
            writeln!(out, "  warning  {warning}")?;
        }
        Ok(())
    }
}
