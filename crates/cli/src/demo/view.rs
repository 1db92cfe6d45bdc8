//! Who lives where, and how to talk to each: the last thing that the demo prints before it waits.

use super::cast;
use super::stage::Stage;
use crate::print::{BOLD, CODE, DIM, Document, grid};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::TenantKey;
use tenantry_ops::tenant;

/// What runs.
#[derive(Debug, Serialize)]
pub(super) struct Bill {
    gateway: String,
    port: u16,
    user: &'static str,
    password: &'static str,
    tenants: Vec<Entry>,
    postgres_port: u16,
}

#[derive(Debug, Serialize)]
struct Entry {
    key: String,
    model: &'static str,
    database: String,
    schema: String,
    plan: Option<String>,
    domains: Vec<String>,
}

impl Bill {
    pub(super) async fn read(stage: &Stage) -> anyhow::Result<Self> {
        let mut tenants = Vec::with_capacity(cast::TENANTS.len());
        for role in &cast::TENANTS {
            let info = tenant::show(&stage.control, &TenantKey::new(role.key)?).await?;
            let place = info.placement.as_ref();
            tenants.push(Entry {
                key: role.key.to_owned(),
                model: role.model.as_str(),
                database: place.map(|place| place.database.clone()).unwrap_or_default(),
                schema: place.map(|place| place.schema.as_str().to_owned()).unwrap_or_default(),
                plan: info.plan,
                domains: info.domains.iter().map(ToString::to_string).collect(),
            });
        }
        Ok(Self {
            gateway: stage.address().ip().to_string(),
            port: stage.address().port(),
            user: cast::LOGIN,
            password: cast::PASSWORD,
            tenants,
            postgres_port: stage.postgres.port(),
        })
    }

    /// The table of tenants.
    pub(super) fn write_tenants(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n{BOLD}Who lives where{BOLD:#}")?;
        let mut table = grid(["TENANT", "MODEL", "DATABASE", "SCHEMA", "PLAN", "DOMAIN"]).indented("  ");
        for entry in &self.tenants {
            let (plan, domains) = (entry.plan.clone().unwrap_or_default(), entry.domains.join(", "));
            table.row([entry.key.as_str(), entry.model, &entry.database, &entry.schema, &plan, &domains]);
        }
        table.write(out)
    }
}

impl Document for Bill {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_tenants(out)?;
        writeln!(
            out,
            "\n{BOLD}Talk to them{BOLD:#} {DIM}(one address, ordinary SQL, the database's name is the tenant){DIM:#}"
        )?;
        for entry in &self.tenants {
            writeln!(
                out,
                "  {CODE}PGPASSWORD={} psql -h {} -p {} -U {} {}{CODE:#}",
                self.password, self.gateway, self.port, self.user, entry.key
            )?;
        }
        writeln!(
            out,
            "\n{DIM}Try: SELECT name, country FROM members;  in each. The password is the demo's, known to everybody:\n\
             it opens nothing but this gateway, which listens on this machine alone.\n\
             `tenantry demo --once` shows what holds, step by step.{DIM:#}"
        )?;
        writeln!(out, "\nRunning until Ctrl-C.")
    }
}
