//! The gateway as a process of its own: both ends of it. The parent sends the routes over stdin and keeps the pipe open;
//! when it closes, the child shuts down. Secrets travel on the pipe, never in arguments.

use crate::CHILD;
use crate::world;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tenantry_core::{
    ClusterId, ContextKind, DatabaseId, DatabaseRoute, Epoch, KeyId, Limits, LoginAccess, LoginBinding,
    LoginId, LoginRoute, MasterKey, Placement, PoolMode, Rights, RouteChange, RouteTable, Secret, ServerTls,
    SqlIdent, TenancyModel, TenantId, TenantKey, TenantRoute, TenantState,
};
use tenantry_gateway::{Config, Gateway};
use tenantry_schema::{Declaration, read};
use tenantry_wire::scram::Verifier;
use tokio::sync::watch;

/// Answers of the introspection, by the name of the question.
pub(crate) type Facts = Vec<(String, String)>;

/// What the child is told.
#[derive(Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) master_key: String,
    pub(crate) workers: u16,
    pub(crate) login: String,
    pub(crate) verifier: String,
    pub(crate) databases: Vec<Database>,
    pub(crate) tenants: Vec<Tenant>,
    /// What the plain schema was read from: statements that shared tables need to be other are rewritten after it.
    pub(crate) plain: Facts,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Database {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) login: String,
    pub(crate) port: u16,
    pub(crate) connections: u32,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Tenant {
    pub(crate) id: i64,
    pub(crate) database: i32,
    pub(crate) model: TenancyModel,
    pub(crate) schema: SqlIdent,
}

/// A running gateway. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Pooler {
    child: Child,
    pub(crate) port: u16,
}

impl Pooler {
    /// Starts this program again as a gateway.
    pub(crate) fn start(spec: &Spec) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CHILD).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().context("can't start the gateway")?;
        let mut pooler = Self { child, port: 0 };
        let stdin = pooler.child.stdin.as_mut().context("no pipe")?;
        serde_json::to_writer(&mut *stdin, spec)?;
        writeln!(stdin)?;
        let mut line = String::new();
        BufReader::new(pooler.child.stdout.take().context("no pipe")?).read_line(&mut line)?;
        pooler.port = line.trim().parse().context("the gateway did not start")?;
        Ok(pooler)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// The child's life.
pub(crate) fn serve() -> Result<()> {
    let mut stdin = std::io::stdin().lock();
    let mut line = String::new();
    stdin.read_line(&mut line)?;
    let spec: Spec = serde_json::from_str(&line)?;
    let (_routes, receiver) = watch::channel(Arc::new(table(&spec)?));
    let config =
        Config { listen: vec!["127.0.0.1:0".parse()?], workers: spec.workers.into(), ..Config::default() };
    let rewriters = tenantry_rewrite::rewriters(&read(&spec.plain)?, &Declaration::default());
    let (_rewriters, followed) = watch::channel(Arc::new(rewriters));
    let master_key = MasterKey::from_hex(&spec.master_key)?;
    let gateway = Gateway::start_with(config, &receiver, master_key, &followed)?;
    println!("{}", gateway.local_addrs().first().context("no address")?.port());
    // Until the parent lets go, which it does by ending, too.
    std::io::copy(&mut stdin.by_ref(), &mut std::io::sink())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(gateway.shutdown(Duration::from_secs(1)));
    Ok(())
}

/// The routes as the catalog's feed would give them.
fn table(spec: &Spec) -> Result<RouteTable> {
    let mut changes = vec![RouteChange::Login(Arc::new(LoginRoute {
        id: LoginId::new(1),
        name: spec.login.as_str().into(),
        verifier: spec.verifier.as_str().into(),
        binding: LoginBinding::All,
        pool_mode: PoolMode::default(),
        admin: false,
        rights: Rights::Write,
        access: LoginAccess::default(),
    }))];
    for database in &spec.databases {
        changes.push(RouteChange::Database(Arc::new(database.route())));
    }
    for tenant in &spec.tenants {
        changes.push(RouteChange::Tenant(Arc::new(TenantRoute {
            id: TenantId::new(tenant.id),
            key: TenantKey::new(world::key(tenant.id))?,
            state: TenantState::Active,
            placement: Some(Placement {
                model: tenant.model,
                database: DatabaseId::new(tenant.database),
                schema: tenant.schema.clone(),
                epoch: Epoch::FIRST,
            }),
            limits: Limits::UNLIMITED,
            domains: Box::new([]),
        })));
    }
    Ok(RouteTable::empty().with_changes(1, changes))
}

impl Database {
    /// How the gateway reaches it, and what its secrets are derived from.
    pub(crate) fn route(&self) -> DatabaseRoute {
        DatabaseRoute {
            id: DatabaseId::new(self.id),
            cluster: ClusterId::new(1),
            stable_name: format!("bench/{}", self.name).into(),
            host: "127.0.0.1".into(),
            port: self.port,
            more_hosts: Box::default(),
            replicas: Box::default(),
            name: self.name.as_str().into(),
            login: self.login.as_str().into(),
            context: ContextKind::Carrier,
            key: KeyId::new(1),
            max_connections: self.connections,
            cluster_connections: 0,
            tls: ServerTls::default(),
        }
    }
}

/// What the gateway keeps of a client's password.
pub(crate) fn verifier(password: &Secret) -> String {
    Verifier::generate(password.expose(), 4_096).to_string()
}
