//! The gateway as a process of its own: both ends of it. Secrets travel on the pipe, never in arguments.

use crate::world::{FIRST_SCHEMA, LATER};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tenantry_core::{
    ClusterId, ContextKind, DatabaseId, DatabaseRoute, Epoch, KeyId, Limits, LoginAccess, LoginBinding,
    LoginId, LoginRoute, MasterKey, Placement, PoolMode, Rights, RouteChange, RouteTable, ServerTls,
    SqlIdent, TenancyModel, TenantId, TenantKey, TenantRoute, TenantState,
};
use tenantry_gateway::{Config, Gateway};
use tokio::sync::watch;

/// How the bench calls itself.
pub(crate) const WORD: &str = "serve-for-scale";
/// Between two tenants that are added.
const PAUSE: Duration = Duration::from_micros(500);

#[derive(Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) master_key: String,
    pub(crate) verifier: String,
    pub(crate) port: u16,
    pub(crate) connections: u32,
    pub(crate) tenants: u32,
    pub(crate) schemas: u32,
}

/// A running gateway. Dropping it stops it.
pub(crate) struct Child {
    process: std::process::Child,
    answers: BufReader<ChildStdout>,
    pub(crate) port: u16,
    /// Bytes that the route table took.
    pub(crate) grown: u64,
}

impl Child {
    pub(crate) fn start(spec: &Spec) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(WORD).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("can't start the gateway")?;
        let answers = BufReader::new(process.stdout.take().context("no pipe")?);
        let mut child = Self { process, answers, port: 0, grown: 0 };
        child.say(&serde_json::to_string(spec)?)?;
        child.port = child.answer()?.parse().context("the gateway did not start")?;
        child.grown = child.answer()?.parse()?;
        Ok(child)
    }

    pub(crate) fn resident(&self) -> Result<u64> {
        resident_bytes(self.process.id())
    }

    pub(crate) fn say(&mut self, text: &str) -> Result<()> {
        let stdin = self.process.stdin.as_mut().context("no pipe")?;
        Ok(writeln!(stdin, "{text}")?)
    }

    pub(crate) fn ask(&mut self, text: &str) -> Result<String> {
        self.say(text)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? << 10)
}

fn resident_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    field(&status, "VmRSS:").context("no VmRSS")
}

/// What a process has that no other shares.
pub(crate) fn private_bytes(pid: i32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    field(&rollup, "Private_Dirty:").context("no Private_Dirty")
}

/// The child's life.
pub(crate) fn serve() -> Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let spec: Spec = serde_json::from_str(&lines.next().context("no spec")??)?;
    let before = resident_bytes(std::process::id())?;
    let table = table(&spec)?;
    let grown = resident_bytes(std::process::id())?.saturating_sub(before);
    let (routes, receiver) = watch::channel(Arc::new(table));
    let routes = Arc::new(routes);
    let config = Config { listen: vec!["127.0.0.1:0".parse()?], max_clients: 50_000, ..Config::default() };
    let gateway = Gateway::start(config, &receiver, MasterKey::from_hex(&spec.master_key)?)?;
    println!("{}\n{grown}", gateway.local_addrs().first().context("no address")?.port());
    let next = Arc::new(AtomicU32::new(spec.tenants + 1));
    let adding = Arc::new(AtomicBool::new(false));
    for line in lines {
        match line?.as_str() {
            "add" => {
                adding.store(true, Ordering::Relaxed);
                let (routes, next, adding) = (Arc::clone(&routes), Arc::clone(&next), Arc::clone(&adding));
                std::thread::spawn(move || {
                    while adding.load(Ordering::Relaxed)
                        && next.load(Ordering::Relaxed) < spec.tenants + LATER - 100
                    {
                        add(&routes, &next);
                        std::thread::sleep(PAUSE);
                    }
                });
            }
            "added" => {
                adding.store(false, Ordering::Relaxed);
                println!("{}", next.load(Ordering::Relaxed) - spec.tenants - 1);
            }
            _ => println!("t{}", add(&routes, &next)),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(gateway.shutdown(Duration::from_secs(1)));
    Ok(())
}

/// One more tenant in the routes.
fn add(routes: &watch::Sender<Arc<RouteTable>>, next: &AtomicU32) -> u32 {
    let id = next.fetch_add(1, Ordering::Relaxed);
    if let Ok(route) = tenant(i64::from(id), &format!("t{id}"), TenancyModel::Shared, "public") {
        routes.send_modify(|table| {
            *table =
                Arc::new(table.with_changes(table.revision() + 1, [RouteChange::Tenant(Arc::new(route))]));
        });
    }
    id
}

fn table(spec: &Spec) -> Result<RouteTable> {
    let mut changes = vec![
        RouteChange::Login(Arc::new(LoginRoute {
            id: LoginId::new(1),
            name: "scale".into(),
            verifier: spec.verifier.as_str().into(),
            binding: LoginBinding::All,
            pool_mode: PoolMode::Transaction,
            admin: false,
            rights: Rights::Write,
            access: LoginAccess::default(),
        })),
        RouteChange::Database(Arc::new(database(spec.port, spec.connections))),
    ];
    for n in 1..=spec.tenants {
        changes.push(RouteChange::Tenant(Arc::new(tenant(
            n.into(),
            &format!("t{n}"),
            TenancyModel::Shared,
            "public",
        )?)));
    }
    for n in 0..spec.schemas {
        let (id, name) = (FIRST_SCHEMA + i64::from(n), format!("s{n}"));
        changes.push(RouteChange::Tenant(Arc::new(tenant(id, &name, TenancyModel::Schema, &name)?)));
    }
    Ok(RouteTable::empty().with_changes(1, changes))
}

fn tenant(id: i64, key: &str, model: TenancyModel, schema: &str) -> Result<TenantRoute> {
    Ok(TenantRoute {
        id: TenantId::new(id),
        key: TenantKey::new(key)?,
        state: TenantState::Active,
        placement: Some(Placement {
            model,
            database: DatabaseId::new(1),
            schema: SqlIdent::new(schema)?,
            epoch: Epoch::FIRST,
        }),
        limits: Limits::UNLIMITED,
        domains: Box::new([]),
    })
}

pub(crate) fn database(port: u16, connections: u32) -> DatabaseRoute {
    DatabaseRoute {
        id: DatabaseId::new(1),
        cluster: ClusterId::new(1),
        stable_name: "scale/scale_pool".into(),
        host: "127.0.0.1".into(),
        port,
        more_hosts: Box::default(),
        replicas: Box::default(),
        name: "scale_pool".into(),
        login: "login_scale_pool".into(),
        context: ContextKind::Carrier,
        key: KeyId::new(1),
        max_connections: connections,
        cluster_connections: 0,
        tls: ServerTls::default(),
    }
}
