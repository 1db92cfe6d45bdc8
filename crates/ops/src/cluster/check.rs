//! `cluster check`: is everything that was installed still there, and does the cluster agree with the catalog?

use crate::database::{self, CoreOf};
use crate::gate::{self, Gate};
use crate::isolation;
use crate::role_limit;
use crate::sql::Doing;
use crate::{Control, OpsError};
use std::collections::BTreeMap;
use tenantry_catalog::{Database, DatabaseKind, DatabaseState, Tenant, TenantFilter};
use tenantry_core::{TenantId, TenantState};
use tokio_postgres::Client;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Notice,
    Warning,
    Error,
}

/// Something `cluster check` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable word (`core`, `surface`, `key`, `login`, `gate`, `copy`, `minor-version`, …).
    pub rule: &'static str,
    pub severity: Severity,
    /// The database, or the cluster's name.
    pub place: String,
    pub message: String,
    pub hint: Option<String>,
}

/// How many tenants are read from the catalog at once.
const PAGE: u32 = 1_000;
/// How many findings of one kind are told in full.
const TOLD: usize = 20;

impl Finding {
    fn new(rule: &'static str, severity: Severity, place: &str, message: impl Into<String>) -> Self {
        Self { rule, severity, place: place.to_owned(), message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Looks whether a cluster still is what `add` made of it. Changes nothing; worst findings first.
pub async fn check(control: &Control, name: &str) -> Result<Vec<Finding>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let cluster = tx.cluster(name).await?;
    let databases = tx.databases(Some(cluster.id)).await?;
    let mut tenants: BTreeMap<_, Vec<Tenant>> = BTreeMap::new();
    let mut filter = TenantFilter { cluster: Some(name.to_owned()), ..TenantFilter::default() };
    loop {
        let page = tx.tenants(&filter, PAGE).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.key.clone());
        for tenant in page {
            let Some(placement) = &tenant.placement else { continue };
            tenants.entry(placement.database).or_default().push(tenant);
        }
    }
    tx.rollback().await?;

    let maintenance = control.connect_maintenance(name).await?;
    let mut findings = check_server(&maintenance, name).await?;
    for database in &databases {
        let theirs = tenants.remove(&database.id).unwrap_or_default();
        findings.extend(check_database(control, &maintenance, database, &theirs).await?);
    }
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.place.cmp(&b.place)));
    Ok(findings)
}

async fn check_server(maintenance: &Client, name: &str) -> Result<Vec<Finding>, OpsError> {
    let probe = isolation::probe(maintenance).await?;
    let mut findings = Vec::new();
    if let Some(warning) = probe.security_warning {
        findings.push(
            Finding::new("minor-version", Severity::Warning, name, warning)
                .hint("install the newest minor release and restart the server"),
        );
    }
    let sql = "SELECT current_setting('max_prepared_transactions')::int > 0,
                      has_database_privilege('public', current_database(), 'CONNECT')";
    let row = maintenance.query_one(sql, &[]).await.doing("looking at the server's settings")?;
    if row.get(0) {
        findings.push(
            Finding::new(
                "two-phase",
                Severity::Warning,
                name,
                "prepared transactions are on: tenants of one pool can see and end each other's",
            )
            .hint("set max_prepared_transactions = 0"),
        );
    }
    if row.get(1) {
        findings.push(
            Finding::new(
                "connect",
                Severity::Notice,
                name,
                "every role may connect to the maintenance database, where nothing is revoked",
            )
            .hint("if nothing else needs it: REVOKE CONNECT ON DATABASE … FROM PUBLIC"),
        );
    }
    Ok(findings)
}

async fn check_database(
    control: &Control,
    maintenance: &Client,
    database: &Database,
    tenants: &[Tenant],
) -> Result<Vec<Finding>, OpsError> {
    let place = database.name.as_str();
    if !database::exists(maintenance, &database.name).await? {
        let severity =
            if database.state == DatabaseState::Ready { Severity::Error } else { Severity::Notice };
        return Ok(vec![
            Finding::new("database", severity, place, "the database does not exist on the server")
                .hint("restore it, or finish the operation that was making or dropping it"),
        ]);
    }
    let admin = control.connect(&database.cluster_name, place).await?;
    let mut findings = Vec::new();
    let repair = "run `tenantry cluster add` for this cluster again: it makes the core whole";
    let sql = "SELECT to_regclass('tenancy.core') IS NOT NULL";
    if !admin.query_one(sql, &[]).await.doing("looking at the isolation core")?.get::<_, bool>(0) {
        return Ok(vec![
            Finding::new("core", Severity::Error, place, "the isolation core is not there").hint(repair),
        ]);
    }
    let row = admin
        .query_one("SELECT version, context, tenant_type FROM tenancy.core", &[])
        .await
        .doing("looking at the isolation core")?;
    let version: i32 = row.get(0);
    if version != isolation::VERSION {
        let message =
            format!("the isolation core is version {version}, this program has {}", isolation::VERSION);
        findings.push(Finding::new("core", Severity::Warning, place, message).hint(repair));
    }
    if row.get::<_, String>(1) != database.context.as_str() {
        findings.push(Finding::new(
            "core",
            Severity::Error,
            place,
            "the context is of another kind than the catalog says",
        ));
    }
    findings.extend(check_surface(&admin, place).await?);
    let key = control.context_key(database);
    if !isolation::key_is_installed(&admin, &key).await? {
        findings.push(
            Finding::new(
                "key",
                Severity::Error,
                place,
                format!("context key {} is not installed, or another one is", key.id()),
            )
            .hint("is this the deployment's master key? then run `tenantry cluster add` again"),
        );
    }
    let tenant_type = super::upgrade::tenant_type(row.get(2));
    let core = CoreOf::new(control, database, tenant_type, None)?;
    if let Some(role) = core.unfit_login(&admin).await? {
        findings.push(
            Finding::new(
                "login",
                Severity::Error,
                place,
                format!("role {role} is missing, has another password, or may do more than connect"),
            )
            .hint(repair),
        );
    }
    findings.extend(Box::pin(check_role_limit(&admin, database)).await?);
    findings.extend(check_gate(&admin, place, tenants).await?);
    findings.extend(check_copies(&admin, place).await?);
    Ok(findings)
}

/// Whether the server would refuse connections that the limit of a tenant with a database of its own allows.
async fn check_role_limit(admin: &Client, database: &Database) -> Result<Option<Finding>, OpsError> {
    if database.kind != DatabaseKind::Tenant || database.state != DatabaseState::Ready {
        return Ok(None);
    }
    let few = role_limit::has_few(admin, database).await?;
    Ok(few.then(|| {
        let message = "the server lets a login role have fewer connections than its tenant's limit asks for";
        Finding::new("connection-limit", Severity::Warning, database.name.as_str(), message).hint(
            "run `tenantry cluster add` for this cluster again: roles follow their tenants' limits then",
        )
    }))
}

const COPIES: &str = include_str!("copies.sql");

/// Schemas that were made when global and scoped tables were still copied into them.
async fn check_copies(admin: &Client, place: &str) -> Result<Vec<Finding>, OpsError> {
    let rows = admin.query(COPIES, &[]).await.doing("looking for copies of the pool's tables")?;
    let (told, rest) = rows.split_at(rows.len().min(TOLD));
    let mut findings: Vec<Finding> = told
        .iter()
        .map(|row| {
            let (tenant, copy, table, statements): (String, String, String, String) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            let message = format!("tenant {tenant} has {copy}, a copy of {table} that nothing keeps up");
            Finding::new("copy", Severity::Warning, place, message).hint(format!(
                "when {table} has the rows that the tenant needs, let its schema use that: {statements}"
            ))
        })
        .collect();
    if !rest.is_empty() {
        let message = format!("tenants' schemas have {} more copies of the pool's tables", rest.len());
        findings.push(Finding::new("copy", Severity::Warning, place, message));
    }
    Ok(findings)
}

async fn check_surface(admin: &Client, place: &str) -> Result<Vec<Finding>, OpsError> {
    let rows = admin
        .query("SELECT privilege || ' on ' || lower(kind) || ' ' || object FROM tenancy.surface()", &[])
        .await
        .doing("looking at what everybody may do")?;
    let (told, rest) = rows.split_at(rows.len().min(TOLD));
    let mut findings: Vec<Finding> = told
        .iter()
        .map(|row| {
            let what: String = row.get(0);
            Finding::new("surface", Severity::Warning, place, format!("PUBLIC has {what}"))
                .hint("run `tenantry cluster add` again as a superuser")
        })
        .collect();
    if !rest.is_empty() {
        let message = format!("PUBLIC has {} more that should be revoked", rest.len());
        findings.push(Finding::new("surface", Severity::Warning, place, message));
    }
    Ok(findings)
}

async fn check_gate(admin: &Client, place: &str, tenants: &[Tenant]) -> Result<Vec<Finding>, OpsError> {
    let gates: BTreeMap<TenantId, Gate> =
        gate::all(admin).await?.into_iter().map(|gate| (gate.tenant, gate)).collect();
    let mut findings = Vec::new();
    for tenant in tenants {
        let Some(placement) = &tenant.placement else { continue };
        let wanted = match tenant.state {
            TenantState::Active => "active",
            TenantState::Suspended => "suspended",
            // Half made or half dropped: the gate may be anything.
            TenantState::Provisioning | TenantState::Dropping => continue,
        };
        let message = match gates.get(&tenant.id) {
            None => format!("tenant {} has no gate here: nobody can enter it", tenant.key),
            Some(gate) if gate.epoch != placement.epoch => {
                format!(
                    "tenant {}'s gate is at epoch {}, the catalog at {}",
                    tenant.key, gate.epoch, placement.epoch
                )
            }
            Some(gate) if gate.state != wanted => {
                format!("tenant {}'s gate is {}, the catalog says {wanted}", tenant.key, gate.state)
            }
            Some(gate) if gate.key != tenant.key.as_str() => {
                format!("tenant {}'s gate still calls it {:?}", tenant.key, gate.key)
            }
            Some(_) => continue,
        };
        findings.push(
            Finding::new("gate", Severity::Error, place, message)
                .hint("run the operation that was interrupted again (suspend or resume)"),
        );
    }
    for gate in gates.values() {
        if !tenants.iter().any(|tenant| tenant.id == gate.tenant) {
            let message = format!(
                "tenant {} ({:?}) has a gate here, but the catalog does not place it here",
                gate.tenant, gate.key
            );
            findings.push(Finding::new("orphan", Severity::Warning, place, message));
        }
    }
    Ok(findings)
}
