//! Prometheus' text format: which metrics there are, and what they are now.
//!
//! Labels are bounded: the tenants and the pools with the most server time have their own, all others are `other`.
//! `http.rs` serves the page.

mod labels;
mod page;

pub use page::{METRICS, Metric};

use crate::clients::{Activity, Client};
use crate::replica::{Place, Role};
use crate::report::{PoolReport, Report};
use crate::stats::{CLASSES, Totals, micros};
use crate::worker::{Phase, Shared};
use labels::{Counts, Labels};
use page::Page;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;
use tenantry_core::{DatabaseId, RouteTable, TenantId};

/// What metrics remember from one page to the next.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    tenants: Labels<TenantId, Totals>,
    pools: Labels<DatabaseId, PoolTotals>,
}

/// The name for all that have no label of their own.
const OTHER: &str = "other";

impl Metrics {
    /// The page for what the workers reported.
    pub(crate) fn page(
        &mut self,
        shared: &Shared,
        routes: &RouteTable,
        phase: Phase,
        report: &Report,
    ) -> String {
        let most = shared.live.load().metrics_labels;
        let mut page = Page::default();
        process(&mut page, shared, routes, phase, report);
        self.of_tenants(&mut page, routes, report, most);
        self.of_pools(&mut page, report, most);
        of_servers(&mut page, shared, report);
        page.finish()
    }

    fn of_tenants(&mut self, page: &mut Page, routes: &RouteTable, report: &Report, most: usize) {
        self.tenants.update(&report.tenants, report.forgotten, most);
        let place = |id: &TenantId| match routes.tenant(*id) {
            Some(tenant) => (tenant.key.to_string(), pool_name(routes, tenant.placement.as_ref())),
            // Dropped: its id is all that is left of it.
            None => (id.get().to_string(), String::new()),
        };
        let mut by_pool: HashMap<String, u64> = HashMap::new();
        let shares: Vec<_> = self.tenants.recent().map(|(id, us)| (id, place(&id), us)).collect();
        for (_, (_, pool), us) in &shares {
            *by_pool.entry(pool.clone()).or_default() += us;
        }
        let labelled: Vec<_> = self.tenants.labelled().map(|(id, totals)| (place(&id), totals)).collect();
        let rest = ((OTHER.to_owned(), String::new()), self.tenants.rest());
        for ((tenant, pool), totals) in labelled.iter().chain([&rest]) {
            let labels = [("tenant", tenant.as_str()), ("pool", pool.as_str())];
            tenant_samples(page, &labels, totals);
        }
        for (id, (tenant, pool), us) in &shares {
            let all = by_pool.get(pool).copied().unwrap_or_default();
            if all > 0 && self.tenants.is_labelled(id) {
                page.ratio(
                    "tenantry_tenant_server_share_ratio",
                    &[("tenant", tenant), ("pool", pool)],
                    *us,
                    all,
                );
            }
        }
        let states = states_by_tenant(&report.clients, |id| self.tenants.is_labelled(&id));
        for (tenant, states) in states {
            let (key, pool) = tenant.map_or_else(|| (OTHER.to_owned(), String::new()), |id| place(&id));
            for (activity, count) in states {
                let labels =
                    [("tenant", key.as_str()), ("pool", pool.as_str()), ("state", activity.as_str())];
                page.sample("tenantry_tenant_clients", &labels, count);
            }
        }
    }

    fn of_pools(&mut self, page: &mut Page, report: &Report, most: usize) {
        let totals = report.pools.iter().map(|pool| (pool.route.id, PoolTotals::of(pool))).collect();
        self.pools.update(&totals, PoolTotals::default(), most);
        let mut rest: Option<PoolReport> = None;
        for pool in &report.pools {
            if self.pools.is_labelled(&pool.route.id) {
                pool_samples(page, &pool.route.stable_name, pool);
                continue;
            }
            match &mut rest {
                Some(rest) => rest.add(pool.clone()),
                None => rest = Some(pool.clone()),
            }
        }
        if let Some(rest) = rest {
            pool_samples(page, OTHER, &rest);
        }
    }
}

/// There are as many series as servers: the configuration bounds them.
fn of_servers(page: &mut Page, shared: &Shared, report: &Report) {
    for (cluster, servers) in shared.topologies.servers() {
        for server in servers {
            let address = server.address.to_string();
            let labels = [("cluster", &*cluster), ("server", address.as_str())];
            let with_role: Vec<_> = labels.into_iter().chain([("role", server.role.as_str())]).collect();
            page.sample("tenantry_server_role", &with_role, 1);
            if server.replica.is_some() {
                let pools = report.pools_on(&cluster, &server).filter(|pool| pool.place != Place::Primary);
                let transactions = pools.map(|pool| pool.counts.transactions).sum();
                page.sample("tenantry_replica_transactions_total", &labels, transactions);
            }
            if let Some(lag) = server.lag.filter(|_| server.role == Role::Replica) {
                page.seconds("tenantry_replica_lag_seconds", &labels, micros(lag));
                page.sample("tenantry_replica_behind_bytes", &labels, server.behind);
            }
        }
    }
}

fn pool_name(routes: &RouteTable, placement: Option<&tenantry_core::Placement>) -> String {
    let database = placement.and_then(|placement| routes.database(placement.database));
    database.map(|database| database.stable_name.to_string()).unwrap_or_default()
}

/// A tenant, and how many of its clients do what.
type ClientsOf = (Option<TenantId>, Vec<(Activity, u64)>);

/// How many clients of each labelled tenant do what; all others under `None`.
fn states_by_tenant(clients: &[Arc<Client>], labelled: impl Fn(TenantId) -> bool) -> Vec<ClientsOf> {
    let mut counts: HashMap<(Option<TenantId>, &'static str), (Activity, u64)> = HashMap::new();
    for client in clients {
        let activity = client.activity();
        let tenant = client.tenant().filter(|id| labelled(*id));
        counts.entry((tenant, activity.as_str())).or_insert((activity, 0)).1 += 1;
    }
    let mut grouped: HashMap<Option<TenantId>, Vec<(Activity, u64)>> = HashMap::new();
    for ((tenant, _), count) in counts {
        grouped.entry(tenant).or_default().push(count);
    }
    grouped.into_iter().collect()
}

fn process(page: &mut Page, shared: &Shared, routes: &RouteTable, phase: Phase, report: &Report) {
    page.sample("tenantry_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let started = shared.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    page.seconds("tenantry_start_time_seconds", &[], micros(started));
    if let Some(bytes) = resident_bytes() {
        page.sample("process_resident_memory_bytes", &[], bytes);
    }
    page.sample("tenantry_ready", &[], u64::from(phase == Phase::Serving));
    page.sample("tenantry_workers", &[], report.workers as u64);
    page.sample("tenantry_workers_responding", &[], report.answered as u64);
    page.sample("tenantry_tenants", &[], routes.tenant_count() as u64);
    page.sample("tenantry_routes_revision", &[], u64::try_from(routes.revision()).unwrap_or_default());
    page.sample("tenantry_clients_limit", &[], shared.live.load().max_clients as u64);
    for activity in [Activity::Login, Activity::Idle, Activity::Waiting, Activity::Active] {
        let count = report.clients_in(activity) as u64;
        page.sample("tenantry_clients", &[("state", activity.as_str())], count);
    }
    page.sample("tenantry_client_connections_total", &[], report.counts.accepted);
    page.sample("tenantry_logins_total", &[], report.counts.logins);
    page.sample("tenantry_logins_refused_total", &[], report.counts.logins_refused);
}

fn tenant_samples(page: &mut Page, labels: &[(&str, &str)], totals: &Totals) {
    page.sample("tenantry_tenant_transactions_total", labels, totals.transactions);
    page.sample("tenantry_tenant_statements_total", labels, totals.statements);
    page.seconds("tenantry_tenant_queue_seconds_total", labels, totals.queue_us);
    page.seconds("tenantry_tenant_server_seconds_total", labels, totals.server_us);
    page.sample("tenantry_tenant_received_bytes_total", labels, totals.bytes_in);
    page.sample("tenantry_tenant_sent_bytes_total", labels, totals.bytes_out);
    page.sample("tenantry_tenant_limited_total", labels, totals.limited);
    for (class, errors) in CLASSES.iter().zip(totals.errors).filter(|(_, errors)| *errors > 0) {
        let labels: Vec<_> = labels.iter().copied().chain([("class", *class)]).collect();
        page.sample("tenantry_tenant_errors_total", &labels, errors);
    }
}

fn pool_samples(page: &mut Page, name: &str, pool: &PoolReport) {
    let labels = [("pool", name)];
    for (state, count) in [("idle", pool.size.idle as u64), ("active", u64::from(pool.active()))] {
        page.sample("tenantry_pool_connections", &[labels[0], ("state", state)], count);
    }
    page.sample("tenantry_pool_connections_limit", &labels, u64::from(pool.size.limit));
    page.sample("tenantry_pool_waiting", &labels, pool.size.waiting as u64);
    page.sample("tenantry_pool_transactions_total", &labels, pool.counts.transactions);
    page.sample("tenantry_pool_connections_opened_total", &labels, pool.counts.opened);
    page.sample("tenantry_pool_connection_failures_total", &labels, pool.counts.open_failures);
    page.sample("tenantry_pool_handovers_total", &labels, pool.counts.handovers);
    page.sample("tenantry_pool_connections_passed_total", &labels, pool.counts.passed);
    page.histogram("tenantry_pool_queue_seconds", &labels, &pool.queue);
    page.histogram("tenantry_pool_server_seconds", &labels, &pool.server);
}

/// What a pool is ranked by.
#[derive(Debug, Clone, Copy, Default)]
struct PoolTotals(u64);

impl PoolTotals {
    fn of(pool: &PoolReport) -> Self {
        Self(pool.server.sum_us)
    }
}

impl Counts for Totals {
    fn add(&mut self, other: &Self) {
        Totals::add(self, other);
    }

    fn since(self, earlier: &Self) -> Self {
        Totals::since(self, earlier)
    }

    fn weight(&self) -> u64 {
        self.server_us
    }
}

impl Counts for PoolTotals {
    fn add(&mut self, other: &Self) {
        self.0 += other.0;
    }

    fn since(self, earlier: &Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    fn weight(&self) -> u64 {
        self.0
    }
}

/// The memory that the process holds. Linux says; elsewhere the metric is missing.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1_024)
}

#[cfg(test)]
mod tests;
