//! By server, of clusters that have more than one: what it is now, and how far behind.

use super::super::answer::{Cell, Column, int, text};
use super::View;
use crate::replica::Role;
use crate::report::PoolReport;

pub(super) const REPLICAS: &[Column] = &[
    text("cluster"),
    text("host"),
    int("port"),
    text("role"),
    int("lag_ms"),
    int("behind_bytes"),
    int("sv_active"),
    int("sv_idle"),
    int("total_xact_count"),
];

impl View<'_> {
    pub(super) fn replicas(&self) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        for (cluster, servers) in self.worker.shared.topologies.servers() {
            for server in servers {
                let pools = || self.report.pools_on(&cluster, &server);
                let lag = server.lag.filter(|_| server.role == Role::Replica);
                rows.push(vec![
                    (*cluster).into(),
                    (*server.address.host).into(),
                    u32::from(server.address.port).into(),
                    server.role.as_str().into(),
                    lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)).into(),
                    lag.map(|_| server.behind).into(),
                    pools().map(PoolReport::active).sum::<u32>().into(),
                    pools().map(|pool| pool.size.idle).sum::<usize>().into(),
                    pools().map(|pool| pool.counts.transactions).sum::<u64>().into(),
                ]);
            }
        }
        rows
    }
}
