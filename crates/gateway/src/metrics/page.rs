//! The list of metrics, and the text format that they are written in.

use crate::stats::{BUCKETS, Snapshot, bucket_limit};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A metric, as its HELP and TYPE lines and the reference page describe it.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: &'static str,
    pub labels: &'static str,
    pub help: &'static str,
}

const fn metric(name: &'static str, kind: &'static str, labels: &'static str, help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

/// Every metric there is, in the order of the page.
pub const METRICS: &[Metric] = &[
    metric("tenantry_build_info", "gauge", "version", "1, with the version that runs."),
    metric(
        "tenantry_start_time_seconds",
        "gauge",
        "",
        "When the gateway was started, in seconds since 1970.",
    ),
    metric("process_resident_memory_bytes", "gauge", "", "Memory that the process holds."),
    metric("tenantry_ready", "gauge", "", "1 while new clients are served, 0 while it drains."),
    metric("tenantry_workers", "gauge", "", "Worker threads."),
    metric(
        "tenantry_workers_responding",
        "gauge",
        "",
        "Worker threads that answered in time; the numbers of others are missing.",
    ),
    metric("tenantry_tenants", "gauge", "", "Tenants in the routes."),
    metric("tenantry_routes_revision", "gauge", "", "The catalog's revision that is served."),
    metric("tenantry_clients_limit", "gauge", "", "Clients that may be connected at once."),
    metric(
        "tenantry_clients",
        "gauge",
        "state",
        "Connected clients, by what they do: login, idle, waiting for a server connection, active on one.",
    ),
    metric("tenantry_client_connections_total", "counter", "", "Connections that clients have made."),
    metric("tenantry_logins_total", "counter", "", "Clients that were let in."),
    metric("tenantry_logins_refused_total", "counter", "", "Clients that were not."),
    metric("tenantry_tenant_transactions_total", "counter", "tenant, pool", "Transactions."),
    metric("tenantry_tenant_statements_total", "counter", "tenant, pool", "Statements that succeeded."),
    metric(
        "tenantry_tenant_errors_total",
        "counter",
        "tenant, pool, class",
        "Errors that clients were told, by class of SQLSTATE (its first two characters).",
    ),
    metric(
        "tenantry_tenant_queue_seconds_total",
        "counter",
        "tenant, pool",
        "Time that transactions waited for a server connection.",
    ),
    metric(
        "tenantry_tenant_server_seconds_total",
        "counter",
        "tenant, pool",
        "Time that transactions held a server connection.",
    ),
    metric(
        "tenantry_tenant_received_bytes_total",
        "counter",
        "tenant, pool",
        "Bytes from the tenant's clients.",
    ),
    metric("tenantry_tenant_sent_bytes_total", "counter", "tenant, pool", "Bytes to the tenant's clients."),
    metric("tenantry_tenant_limited_total", "counter", "tenant, pool", "Transactions that a limit refused."),
    metric(
        "tenantry_tenant_clients",
        "gauge",
        "tenant, pool, state",
        "Connected clients of the tenant; `active` ones hold a server connection.",
    ),
    metric(
        "tenantry_tenant_server_share_ratio",
        "gauge",
        "tenant, pool",
        "The tenant's part of its pool's server time of late: who is hurting whom.",
    ),
    metric("tenantry_pool_connections", "gauge", "pool, state", "Server connections, idle or active."),
    metric(
        "tenantry_pool_connections_limit",
        "gauge",
        "pool",
        "Server connections that this gateway may open.",
    ),
    metric("tenantry_pool_waiting", "gauge", "pool", "Transactions that wait for a server connection."),
    metric("tenantry_pool_transactions_total", "counter", "pool", "Transactions."),
    metric("tenantry_pool_connections_opened_total", "counter", "pool", "Server connections opened."),
    metric(
        "tenantry_pool_connection_failures_total",
        "counter",
        "pool",
        "Server connections that could not be opened.",
    ),
    metric(
        "tenantry_pool_handovers_total",
        "counter",
        "pool",
        "Times that a server connection passed to a tenant that it was not inside already.",
    ),
    metric(
        "tenantry_pool_connections_passed_total",
        "counter",
        "pool",
        "Times that a server connection went from one worker thread to another whose clients waited.",
    ),
    metric(
        "tenantry_pool_queue_seconds",
        "histogram",
        "pool",
        "How long transactions waited for a server connection.",
    ),
    metric(
        "tenantry_pool_server_seconds",
        "histogram",
        "pool",
        "How long transactions held a server connection.",
    ),
    metric(
        "tenantry_server_role",
        "gauge",
        "cluster, server, role",
        "1, with what the server is now: primary, replica, stale (a primary that was replaced), down or unknown.",
    ),
    metric(
        "tenantry_replica_lag_seconds",
        "gauge",
        "cluster, server",
        "How far the replica is known to be behind at most. Grows while the primary can't be asked.",
    ),
    metric(
        "tenantry_replica_behind_bytes",
        "gauge",
        "cluster, server",
        "Write-ahead log that the replica had not replayed when it was last asked.",
    ),
    metric(
        "tenantry_replica_transactions_total",
        "counter",
        "cluster, server",
        "Transactions that went to the replica.",
    ),
];

/// A page that is being written: samples come in any order and stand by metric.
#[derive(Debug, Default)]
pub(super) struct Page {
    samples: BTreeMap<usize, String>,
}

impl Page {
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.line(name, "", labels, format_args!("{value}"));
    }

    /// A duration, given in microseconds.
    pub(super) fn seconds(&mut self, name: &str, labels: &[(&str, &str)], us: u64) {
        self.line(name, "", labels, format_args!("{}", Seconds(us)));
    }

    pub(super) fn ratio(&mut self, name: &str, labels: &[(&str, &str)], part: u64, whole: u64) {
        let thousandths = u128::from(part) * 1_000_000 / u128::from(whole.max(1));
        let value = Seconds(u64::try_from(thousandths).unwrap_or(u64::MAX));
        self.line(name, "", labels, format_args!("{value}"));
    }

    /// One bucket for each doubling: the finer ones are for percentiles of our own.
    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], snapshot: &Snapshot) {
        let mut below = 0;
        for index in 0..BUCKETS - 1 {
            below += snapshot.buckets[index];
            if let Some(limit) = bucket_limit(index).filter(|limit| limit.is_power_of_two()) {
                let limit = Seconds(limit).to_string();
                let labels: Vec<_> = labels.iter().copied().chain([("le", limit.as_str())]).collect();
                self.line(name, "_bucket", &labels, format_args!("{below}"));
            }
        }
        let count = snapshot.count();
        let every: Vec<_> = labels.iter().copied().chain([("le", "+Inf")]).collect();
        self.line(name, "_bucket", &every, format_args!("{count}"));
        self.line(name, "_sum", labels, format_args!("{}", Seconds(snapshot.sum_us)));
        self.line(name, "_count", labels, format_args!("{count}"));
    }

    fn line(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: std::fmt::Arguments<'_>) {
        let Some(at) = METRICS.iter().position(|metric| metric.name == name) else {
            debug_assert!(false, "{name} is not in the list of metrics");
            return;
        };
        let out = self.samples.entry(at).or_default();
        out.extend([name, suffix]);
        for (index, (label, value)) in labels.iter().enumerate() {
            out.extend([if index == 0 { "{" } else { "," }, label, "=\""]);
            escape(value, out);
            out.push('"');
        }
        if !labels.is_empty() {
            out.push('}');
        }
        // Writing to a String can't fail.
        let _infallible = writeln!(out, " {value}");
    }

    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for (at, samples) in self.samples {
            let Metric { name, kind, help, .. } = METRICS[at];
            let _infallible = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            text.push_str(&samples);
        }
        text
    }
}

/// A label's value, as the format wants it.
fn escape(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

/// Microseconds, shown as seconds without loss.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
