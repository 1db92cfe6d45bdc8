//! How tenants are shown.

use crate::print::{Document, grid};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::{Domain, Limits, TenantKey};
use tenantry_ops::tenant::TenantInfo;

/// A tenant and where it lives, flat: the shape that `--json` promises.
#[derive(Debug, Serialize)]
pub(crate) struct TenantDocument {
    id: i64,
    key: TenantKey,
    name: String,
    state: &'static str,
    model: Option<&'static str>,
    cluster: Option<String>,
    database: Option<String>,
    schema: Option<String>,
    epoch: Option<i64>,
    plan: Option<String>,
    limits: Limits,
    domains: Vec<Domain>,
}

impl From<TenantInfo> for TenantDocument {
    fn from(info: TenantInfo) -> Self {
        let place = info.placement;
        Self {
            id: info.id.get(),
            key: info.key,
            name: info.name,
            state: info.state.as_str(),
            model: place.as_ref().map(|place| place.model.as_str()),
            cluster: place.as_ref().map(|place| place.cluster.clone()),
            database: place.as_ref().map(|place| place.database.clone()),
            schema: place.as_ref().map(|place| place.schema.as_str().to_owned()),
            epoch: place.map(|place| place.epoch.get()),
            plan: info.plan,
            limits: info.limits,
            domains: info.domains,
        }
    }
}

impl TenantDocument {
    fn domains(&self) -> String {
        self.domains.iter().map(Domain::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Document for TenantDocument {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let limits = format!(
            "{} connections, {} ms a statement, {} transactions a minute",
            self.limits.connections, self.limits.statement_timeout_ms, self.limits.transactions_per_minute
        );
        let rows = [
            ("key", self.key.to_string()),
            ("id", self.id.to_string()),
            ("name", self.name.clone()),
            ("state", self.state.to_owned()),
            ("model", self.model.unwrap_or("-").to_owned()),
            ("cluster", or_dash(&self.cluster)),
            ("database", or_dash(&self.database)),
            ("schema", or_dash(&self.schema)),
            ("plan", or_dash(&self.plan)),
            ("limits", limits),
            ("domains", if self.domains.is_empty() { "-".to_owned() } else { self.domains() }),
        ];
        rows.iter().try_for_each(|(name, value)| writeln!(out, "{name:<9} {value}"))
    }
}

/// All tenants.
#[derive(Debug, Serialize)]
pub(super) struct TenantList {
    tenants: Vec<TenantDocument>,
}

impl From<Vec<TenantInfo>> for TenantList {
    fn from(tenants: Vec<TenantInfo>) -> Self {
        Self { tenants: tenants.into_iter().map(TenantDocument::from).collect() }
    }
}

impl Document for TenantList {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.tenants.is_empty() {
            return writeln!(out, "no tenants yet: tenantry tenant create KEY --model shared");
        }
        let mut table = grid(["KEY", "STATE", "MODEL", "CLUSTER", "DATABASE", "SCHEMA", "PLAN", "DOMAINS"]);
        for tenant in &self.tenants {
            let dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
            table.row([
                tenant.key.to_string(),
                tenant.state.to_owned(),
                dash(tenant.model),
                dash(tenant.cluster.as_deref()),
                dash(tenant.database.as_deref()),
                dash(tenant.schema.as_deref()),
                dash(tenant.plan.as_deref()),
                tenant.domains(),
            ]);
        }
        table.write(out)
    }
}
