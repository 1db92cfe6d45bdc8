//! Sockets: clients and server connections.

use super::super::answer::{Cell, Column, int, text};
use super::{View, split, timestamp};
use crate::cancel::CancelTarget;
use std::time::{Duration, Instant, SystemTime};

pub(super) const SOCKETS: &[Column] = &[
    text("type"),
    text("user"),
    text("database"),
    text("replication"),
    text("state"),
    text("addr"),
    int("port"),
    text("local_addr"),
    int("local_port"),
    text("connect_time"),
    text("request_time"),
    int("wait"),
    int("wait_us"),
    int("close_needed"),
    text("ptr"),
    text("link"),
    int("remote_pid"),
    text("tls"),
    text("application_name"),
    int("prepared_statements"),
    int("id"),
    text("tenant"),
];

impl View<'_> {
    pub(super) fn clients(&self) -> Vec<Vec<Cell>> {
        let rows = self.report.clients.iter().map(|client| {
            let known = client.known();
            let server = known.and_then(|known| known.cancel.as_ref()).and_then(|cancel| cancel.target());
            let asked = client.connected + client.asked_after();
            let mut row: Vec<Cell> = vec![
                "C".into(),
                known.map(|known| &*known.name).into(),
                self.database_of(client).map(|database| &*database.stable_name).into(),
                "none".into(),
                client.activity().as_str().into(),
                client.address.map(|address| address.ip().to_string()).into(),
                client.address.map(|address| u32::from(address.port())).into(),
                Cell::Null,
                Cell::Null,
                timestamp(client.connected).into(),
                timestamp(asked).into(),
            ];
            row.extend(split(client.waiting_for()));
            row.extend([
                0_u32.into(),
                client.id.to_string().into(),
                server.map(|server| server.key.pid.to_string()).into(),
                Cell::Null,
                "".into(),
                known.map_or("", |known| &known.application).into(),
                Cell::Null,
                client.id.into(),
                self.key_of(client.tenant()).into(),
            ]);
            row
        });
        rows.collect()
    }

    pub(super) fn servers(&self) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        for client in &self.report.clients {
            let cancel = client.known().and_then(|known| known.cancel.as_ref());
            let Some(server) = cancel.and_then(|cancel| cancel.target()) else { continue };
            let Some(database) = self.database_of(client) else { continue };
            let asked = client.connected + client.asked_after();
            let application = client.known().map_or("", |known| &known.application);
            rows.push(server_row(
                &server,
                (&self.rights_of(client).role(&database.login), &database.stable_name, "active"),
                (timestamp(asked), Some(client.id), application),
                Cell::Null,
                self.key_of(client.tenant()),
            ));
        }
        for pool in &self.report.each {
            for idle in &pool.idle {
                rows.push(server_row(
                    &idle.target,
                    (&pool.user(), &pool.route.stable_name, "idle"),
                    (timestamp(clock(idle.idle_since)), None, ""),
                    idle.statements.into(),
                    self.key_of(idle.tenant),
                ));
            }
        }
        rows
    }
}

fn server_row(
    server: &CancelTarget,
    (user, database, state): (&str, &str, &str),
    (asked, link, application): (String, Option<u64>, &str),
    statements: Cell,
    tenant: Option<String>,
) -> Vec<Cell> {
    let (host, port) = server.address.shown();
    let id = i64::from(server.key.pid);
    let mut row: Vec<Cell> = vec!["S".into(), user.into(), database.into(), "none".into(), state.into()];
    row.extend([host.into(), port.map(u32::from).into(), Cell::Null, Cell::Null]);
    row.extend([
        timestamp(clock(server.opened)).into(),
        asked.into(),
        0_u32.into(),
        0_u32.into(),
        0_u32.into(),
    ]);
    row.extend([id.to_string().into(), link.map(|id| id.to_string()).into(), id.into(), "".into()]);
    row.extend([application.into(), statements, id.into(), tenant.into()]);
    row
}

/// When that was on the clock.
#[expect(clippy::disallowed_methods, reason = "shown to people, measures nothing")]
fn clock(at: Instant) -> SystemTime {
    SystemTime::now().checked_sub(at.elapsed()).unwrap_or(SystemTime::UNIX_EPOCH + Duration::ZERO)
}
