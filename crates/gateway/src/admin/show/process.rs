//! The process as a whole.

use super::super::answer::{Cell, Column, int, text};
use super::View;
use crate::clients::Activity;
use crate::metrics::resident_bytes;
use crate::worker::Phase;

pub(super) const LISTS: &[Column] = &[text("list"), int("items")];
pub(super) const VERSION: &[Column] = &[text("version")];
pub(super) const STATE: &[Column] = &[text("key"), text("value")];
pub(super) const MEM: &[Column] = &[text("name"), int("size"), int("used"), int("free"), int("memtotal")];

impl View<'_> {
    pub(super) fn lists(&self) -> Vec<Vec<Cell>> {
        let login = self.report.clients_in(Activity::Login);
        let servers: usize = self.report.pools.iter().map(|pool| pool.size.open as usize).sum();
        let lists: [(&str, usize); 13] = [
            ("databases", self.routes.databases().count()),
            ("users", self.routes.logins().count()),
            ("pools", self.report.pools.len()),
            ("free_clients", 0),
            ("used_clients", self.report.clients.len()),
            ("login_clients", login),
            ("free_servers", 0),
            ("used_servers", servers),
            ("dns_names", 0),
            ("dns_zones", 0),
            ("dns_queries", 0),
            ("tenants", self.routes.tenant_count()),
            ("workers", self.report.workers),
        ];
        lists.into_iter().map(|(list, items)| vec![list.into(), items.into()]).collect()
    }

    pub(super) fn state(&self) -> Vec<Vec<Cell>> {
        let paused = self.worker.shared.pauses.everything();
        let phase = *self.worker.phase.borrow();
        let yes = |is: bool| if is { "yes" } else { "no" };
        let rows = [
            ("active", yes(phase == Phase::Serving && !paused)),
            ("paused", yes(paused)),
            ("suspended", "no"),
            ("draining", yes(phase != Phase::Serving)),
        ];
        rows.into_iter().map(|(key, value)| vec![key.into(), value.into()]).collect()
    }
}

pub(super) fn memory() -> Vec<Vec<Cell>> {
    let row = |name: &str, bytes: u64| vec![name.into(), Cell::Null, Cell::Null, Cell::Null, bytes.into()];
    resident_bytes().map(|bytes| row("resident", bytes)).into_iter().collect()
}
