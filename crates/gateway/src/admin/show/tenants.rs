//! Tenants and logins.

use super::super::answer::{Cell, Column, int, text};
use super::View;
use crate::clients::Activity;
use crate::error::ClientError;
use crate::pause::Part;
use crate::stats::Totals;
use std::collections::HashMap;
use tenantry_core::{DatabaseId, ErrorKind, LoginBinding, Rights, TenantId, TenantState};

pub(super) const TENANTS: &[Column] = &[
    text("tenant"),
    int("id"),
    text("state"),
    text("model"),
    text("pool"),
    int("clients"),
    int("active"),
    int("waiting"),
    int("transactions"),
    int("statements"),
    int("errors"),
    int("bytes_received"),
    int("bytes_sent"),
    int("wait_time"),
    int("server_time"),
    int("server_share_percent"),
    int("limited"),
    int("paused"),
];

pub(super) const LIMITS: &[Column] = &[
    text("tenant"),
    int("connections"),
    int("weight"),
    int("queue_length"),
    int("queue_wait_ms"),
    int("statement_timeout_ms"),
    int("transaction_timeout_ms"),
    int("idle_in_transaction_ms"),
    int("transactions_per_minute"),
    int("transaction_burst"),
    int("result_bytes"),
    int("message_bytes"),
    int("replica_lag_ms"),
    int("replica_required"),
    int("replica_read_only"),
    int("replica_copy_to"),
    int("explain"),
];

pub(super) const MOVES: &[Column] = &[text("tenant"), text("state"), text("pool"), int("epoch")];

pub(super) const LOGINS: &[Column] =
    &[text("login"), text("tenants"), text("pool_mode"), int("admin"), int("read_only"), int("clients")];

pub(super) const USERS: &[Column] = &[
    text("name"),
    int("pool_size"),
    int("reserve_pool_size"),
    text("pool_mode"),
    int("max_user_connections"),
    int("current_connections"),
    int("max_user_client_connections"),
    int("current_client_connections"),
];

/// What the clients of a tenant are doing.
#[derive(Default)]
struct Doing {
    clients: usize,
    active: usize,
    waiting: usize,
}

impl View<'_> {
    /// Those that were active here, the hungriest first; or the one of that key.
    pub(super) fn tenants(&self, key: Option<&str>) -> Result<Vec<Vec<Cell>>, ClientError> {
        let mut doing: HashMap<TenantId, Doing> = HashMap::new();
        for client in &self.report.clients {
            let Some(tenant) = client.tenant() else { continue };
            let doing = doing.entry(tenant).or_default();
            doing.clients += 1;
            doing.active += usize::from(client.activity() == Activity::Active);
            doing.waiting += usize::from(client.activity() == Activity::Waiting);
        }
        let mut by_pool: HashMap<DatabaseId, u64> = HashMap::new();
        for (id, totals) in &self.report.tenants {
            if let Some(database) = self.database_of_tenant(*id) {
                *by_pool.entry(database.id).or_default() += totals.server_us;
            }
        }
        let chosen = self.chosen(key)?;
        let nobody = Doing::default();
        let rows = chosen
            .into_iter()
            .map(|(id, totals)| self.tenant(id, &totals, doing.get(&id).unwrap_or(&nobody), &by_pool));
        Ok(rows.collect())
    }

    fn chosen(&self, key: Option<&str>) -> Result<Vec<(TenantId, Totals)>, ClientError> {
        if let Some(key) = key {
            let tenant = self.routes.tenant_by_key(key).ok_or_else(|| {
                ClientError::new(ErrorKind::UnknownTenant, format!("tenant {key:?} does not exist"))
                    .with_hint("SHOW TENANTS lists those that were active here, `tenantry tenant list` all")
            })?;
            return Ok(vec![(tenant.id, self.report.tenants.get(&tenant.id).copied().unwrap_or_default())]);
        }
        let mut all: Vec<_> = self.report.tenants.iter().map(|(id, totals)| (*id, *totals)).collect();
        all.sort_by_key(|(id, totals)| (std::cmp::Reverse(totals.server_us), *id));
        Ok(all)
    }

    fn tenant(
        &self,
        id: TenantId,
        totals: &Totals,
        doing: &Doing,
        by_pool: &HashMap<DatabaseId, u64>,
    ) -> Vec<Cell> {
        let route = self.routes.tenant(id);
        let placement = route.and_then(|route| route.placement.as_ref());
        let database = self.database_of_tenant(id);
        let of_pool = database.and_then(|database| by_pool.get(&database.id)).copied().unwrap_or_default();
        let share = u128::from(totals.server_us) * 100 / u128::from(of_pool.max(1));
        vec![
            self.key_of(Some(id)).into(),
            id.get().into(),
            route.map_or("gone".to_owned(), |route| route.state.to_string()).into(),
            placement.map(|placement| placement.model.as_str()).into(),
            database.map(|database| &*database.stable_name).into(),
            doing.clients.into(),
            doing.active.into(),
            doing.waiting.into(),
            totals.transactions.into(),
            totals.statements.into(),
            totals.errors().into(),
            totals.bytes_in.into(),
            totals.bytes_out.into(),
            totals.queue_us.into(),
            totals.server_us.into(),
            u64::try_from(share).unwrap_or(100).into(),
            totals.limited.into(),
            self.worker.shared.pauses.is_paused(Part::Tenant(id)).into(),
        ]
    }

    pub(super) fn limits(&self, key: Option<&str>) -> Result<Vec<Vec<Cell>>, ClientError> {
        let chosen = self.chosen(key)?;
        let routes = chosen.iter().filter_map(|(id, _)| self.routes.tenant(*id));
        let rows = routes.map(|tenant| {
            let limits = tenant.limits;
            let mut row = vec![Cell::from(tenant.key.as_str())];
            row.extend(
                [
                    limits.connections,
                    limits.weight,
                    limits.queue_length,
                    limits.queue_wait_ms,
                    limits.statement_timeout_ms,
                    limits.transaction_timeout_ms,
                    limits.idle_in_transaction_ms,
                    limits.transactions_per_minute,
                    limits.transaction_burst,
                ]
                .map(Cell::from),
            );
            row.extend([limits.result_bytes, limits.message_bytes].map(Cell::from));
            row.extend([limits.replica_lag_ms.into(), limits.replica_required.into()]);
            row.extend([limits.replica_read_only, limits.replica_copy_to, limits.explain].map(Cell::from));
            row
        });
        Ok(rows.collect())
    }

    pub(super) fn moves(&self) -> Vec<Vec<Cell>> {
        let changing = self.routes.tenants().filter(|tenant| tenant.state != TenantState::Active);
        let rows = changing.map(|tenant| {
            let pool = self.database_of_tenant(tenant.id).map(|database| &*database.stable_name);
            let epoch = tenant.placement.as_ref().map(|placement| placement.epoch.get());
            vec![tenant.key.as_str().into(), tenant.state.to_string().into(), pool.into(), epoch.into()]
        });
        rows.take(super::super::answer::MAX_ROWS).collect()
    }

    pub(super) fn logins(&self) -> Vec<Vec<Cell>> {
        let mut logins: Vec<_> = self.routes.logins().collect();
        logins.sort_by(|a, b| a.name.cmp(&b.name));
        let rows = logins.into_iter().map(|login| {
            let tenants = match &login.binding {
                LoginBinding::All => "all".to_owned(),
                LoginBinding::Only(tenants) => tenants.len().to_string(),
            };
            let clients = self.clients_of(&login.name);
            vec![
                (*login.name).into(),
                tenants.into(),
                login.pool_mode.to_string().into(),
                login.admin.into(),
                (login.rights == Rights::Read).into(),
                clients.into(),
            ]
        });
        rows.collect()
    }

    pub(super) fn users(&self) -> Vec<Vec<Cell>> {
        let mut logins: Vec<_> = self.routes.logins().collect();
        logins.sort_by(|a, b| a.name.cmp(&b.name));
        let rows = logins.into_iter().map(|login| {
            let mut row: Vec<Cell> = vec![(*login.name).into(), Cell::Null, Cell::Null];
            row.extend([login.pool_mode.to_string().into(), 0_u32.into(), Cell::Null, 0_u32.into()]);
            row.push(self.clients_of(&login.name).into());
            row
        });
        rows.collect()
    }

    fn clients_of(&self, login: &str) -> usize {
        let of = |client: &&std::sync::Arc<crate::clients::Client>| {
            client.known().is_some_and(|known| *known.name == *login)
        };
        self.report.clients.iter().filter(of).count()
    }
}
