//! By database: connections, counts, averages.

use super::super::answer::{Cell, Column, int, text};
use super::super::averages::Seen;
use super::{View, split};
use crate::clients::Activity;
use crate::pause::Part;
use crate::replica::Place;
use crate::report::PoolReport;
use tenantry_core::DatabaseId;

pub(super) const POOLS: &[Column] = &[
    text("database"),
    text("user"),
    int("cl_active"),
    int("cl_waiting"),
    int("cl_active_cancel_req"),
    int("cl_waiting_cancel_req"),
    int("sv_active"),
    int("sv_active_cancel"),
    int("sv_being_canceled"),
    int("sv_idle"),
    int("sv_used"),
    int("sv_tested"),
    int("sv_login"),
    int("maxwait"),
    int("maxwait_us"),
    text("pool_mode"),
    text("load_balance_hosts"),
    int("queue_p99_us"),
    int("server_p50_us"),
    int("server_p99_us"),
    text("server"),
];

pub(super) const STATS: &[Column] = &[
    text("database"),
    int("total_server_assignment_count"),
    int("total_xact_count"),
    int("total_query_count"),
    int("total_received"),
    int("total_sent"),
    int("total_xact_time"),
    int("total_query_time"),
    int("total_wait_time"),
    int("avg_server_assignment_count"),
    int("avg_xact_count"),
    int("avg_query_count"),
    int("avg_recv"),
    int("avg_sent"),
    int("avg_xact_time"),
    int("avg_query_time"),
    int("avg_wait_time"),
];

pub(super) const STATS_PART: &[Column] = &[
    text("database"),
    int("server_assignment_count"),
    int("xact_count"),
    int("query_count"),
    int("bytes_received"),
    int("bytes_sent"),
    int("xact_time"),
    int("query_time"),
    int("wait_time"),
];

pub(super) const DATABASES: &[Column] = &[
    text("name"),
    text("host"),
    int("port"),
    text("database"),
    text("force_user"),
    int("pool_size"),
    int("min_pool_size"),
    int("reserve_pool_size"),
    int("server_lifetime"),
    text("pool_mode"),
    text("load_balance_hosts"),
    int("max_connections"),
    int("current_connections"),
    int("max_client_connections"),
    int("current_client_connections"),
    int("paused"),
    int("disabled"),
];

impl View<'_> {
    pub(super) fn pools(&self) -> Vec<Vec<Cell>> {
        let rows = self.report.each.iter().map(|pool| {
            // Clients are the tenant's, wherever they read: they are counted once.
            let clients = || {
                self.report.clients.iter().filter(|client| {
                    pool.place == Place::Primary
                        && self.is_of(client, pool.route.id)
                        && self.rights_of(client) == pool.rights
                })
            };
            let waiting = clients().filter(|client| client.activity() == Activity::Waiting).count();
            let longest = clients().filter_map(|client| client.waiting_for()).max();
            let mut row: Vec<Cell> = vec![(*pool.route.stable_name).into(), (*pool.user()).into()];
            row.extend([(clients().count() - waiting).into(), waiting.into(), 0_u32.into(), 0_u32.into()]);
            row.extend([pool.active().into(), 0_u32.into(), 0_u32.into(), pool.size.idle.into()]);
            row.extend([0_u32.into(), 0_u32.into(), 0_u32.into()]);
            row.extend(split(longest));
            row.extend(["transaction".into(), Cell::Null]);
            row.extend(
                [pool.queue.percentile(99), pool.server.percentile(50), pool.server.percentile(99)]
                    .map(Cell::from),
            );
            row.push(match pool.address() {
                Some(replica) => replica.to_string().into(),
                None => "primary".into(),
            });
            row
        });
        rows.collect()
    }

    fn is_of(&self, client: &crate::clients::Client, database: DatabaseId) -> bool {
        self.database_of(client).is_some_and(|route| route.id == database)
    }

    pub(super) fn stats(&self) -> Vec<Vec<Cell>> {
        let (before, us) = self.worker.shared.averages.since(&self.report.pools);
        let rows = self.report.pools.iter().map(|pool| {
            let mut row = vec![Cell::from(&*pool.route.stable_name)];
            row.extend(totals(&Seen::of(pool)));
            row.extend(averages(pool, before.get(&pool.route.id), us));
            row
        });
        rows.collect()
    }

    pub(super) fn stats_totals(&self) -> Vec<Vec<Cell>> {
        let rows = self.report.pools.iter().map(|pool| {
            let mut row = vec![Cell::from(&*pool.route.stable_name)];
            row.extend(totals(&Seen::of(pool)));
            row
        });
        rows.collect()
    }

    pub(super) fn stats_averages(&self) -> Vec<Vec<Cell>> {
        let (before, us) = self.worker.shared.averages.since(&self.report.pools);
        let rows = self.report.pools.iter().map(|pool| {
            let mut row = vec![Cell::from(&*pool.route.stable_name)];
            row.extend(averages(pool, before.get(&pool.route.id), us));
            row
        });
        rows.collect()
    }

    pub(super) fn databases(&self) -> Vec<Vec<Cell>> {
        let pauses = &self.worker.shared.pauses;
        let mut databases: Vec<_> = self.routes.databases().collect();
        databases.sort_by(|a, b| a.stable_name.cmp(&b.stable_name));
        let rows = databases.into_iter().map(|route| {
            let pool = self.report.pools.iter().find(|pool| pool.route.id == route.id);
            let clients = self.report.clients.iter().filter(|client| self.is_of(client, route.id)).count();
            vec![
                (*route.stable_name).into(),
                (*route.host).into(),
                u32::from(route.port).into(),
                (*route.name).into(),
                (*route.login).into(),
                route.max_connections.into(),
                0_u32.into(),
                0_u32.into(),
                Cell::Null,
                "transaction".into(),
                Cell::Null,
                route.max_connections.into(),
                pool.map_or(0, |pool| pool.size.open).into(),
                0_u32.into(),
                clients.into(),
                (pauses.everything() || pauses.is_paused(Part::Database(route.id))).into(),
                0_u32.into(),
            ]
        });
        rows.collect()
    }
}

fn totals(seen: &Seen) -> [Cell; 8] {
    let counts = seen.counts;
    // A transaction's time is the time that it held a server connection; the gateway does not time statements apart.
    [
        counts.transactions,
        counts.transactions,
        counts.statements,
        counts.bytes_in,
        counts.bytes_out,
        seen.server_us,
        seen.server_us,
        seen.queue_us,
    ]
    .map(Cell::from)
}

/// Counts per second; times per transaction, per statement, per transaction.
fn averages(pool: &PoolReport, before: Option<&Seen>, us: u64) -> [Cell; 8] {
    let (now, before) = (Seen::of(pool), before.copied().unwrap_or_default());
    let per_second = |now: u64, before: u64| {
        let count = u128::from(now.saturating_sub(before)) * 1_000_000 / u128::from(us);
        u64::try_from(count).unwrap_or(u64::MAX)
    };
    let (counts, earlier) = (now.counts, before.counts);
    let transactions = counts.transactions.saturating_sub(earlier.transactions);
    let statements = counts.statements.saturating_sub(earlier.statements);
    let server = now.server_us.saturating_sub(before.server_us);
    let queue = now.queue_us.saturating_sub(before.queue_us);
    [
        per_second(counts.transactions, earlier.transactions),
        per_second(counts.transactions, earlier.transactions),
        per_second(counts.statements, earlier.statements),
        per_second(counts.bytes_in, earlier.bytes_in),
        per_second(counts.bytes_out, earlier.bytes_out),
        server.checked_div(transactions).unwrap_or_default(),
        server.checked_div(statements).unwrap_or_default(),
        queue.checked_div(transactions).unwrap_or_default(),
    ]
    .map(Cell::from)
}
