//! What the console shows, and the columns of each answer: PgBouncer's, in its order, and ours behind them.

mod clients;
mod pools;
mod process;
mod replicas;
mod tenants;

use super::answer::{Cell, Column, Table, text};
use super::command::unknown;
use crate::clients::Client;
use crate::error::ClientError;
use crate::report::Report;
use crate::worker::Worker;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tenantry_core::{DatabaseRoute, Rights, RouteTable, TenantId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Show {
    Help,
    Pools,
    Clients,
    Servers,
    Stats,
    StatsTotals,
    StatsAverages,
    Config,
    Databases,
    Users,
    Lists,
    Version,
    State,
    Mem,
    /// All that were active here, or one.
    Tenants(Option<String>),
    Limits(Option<String>),
    Moves,
    Logins,
    Replicas,
}

impl Show {
    pub(super) fn parse(words: &[&str], name: Option<String>) -> Result<Self, ClientError> {
        Ok(match words {
            ["help"] | [] => Self::Help,
            ["pools"] => Self::Pools,
            ["clients"] => Self::Clients,
            ["servers"] => Self::Servers,
            ["stats"] => Self::Stats,
            ["stats_totals"] => Self::StatsTotals,
            ["stats_averages"] => Self::StatsAverages,
            ["config"] => Self::Config,
            ["databases"] => Self::Databases,
            ["users"] => Self::Users,
            ["lists"] => Self::Lists,
            ["version"] => Self::Version,
            ["state"] => Self::State,
            ["mem"] => Self::Mem,
            ["tenants"] => Self::Tenants(None),
            ["tenants" | "tenant", _] => Self::Tenants(name),
            ["limits"] => Self::Limits(None),
            ["limits", _] => Self::Limits(name),
            ["moves"] => Self::Moves,
            ["logins"] => Self::Logins,
            ["replicas"] => Self::Replicas,
            _ => return Err(unknown(&format!("SHOW {}", words.join(" ")))),
        })
    }

    pub(super) const fn columns(&self) -> &'static [Column] {
        match self {
            Self::Help => HELP,
            Self::Pools => pools::POOLS,
            Self::Clients | Self::Servers => clients::SOCKETS,
            Self::Stats => pools::STATS,
            Self::StatsTotals | Self::StatsAverages => pools::STATS_PART,
            Self::Config => CONFIG,
            Self::Databases => pools::DATABASES,
            Self::Users => tenants::USERS,
            Self::Lists => process::LISTS,
            Self::Version => process::VERSION,
            Self::State => process::STATE,
            Self::Mem => process::MEM,
            Self::Tenants(_) => tenants::TENANTS,
            Self::Limits(_) => tenants::LIMITS,
            Self::Moves => tenants::MOVES,
            Self::Logins => tenants::LOGINS,
            Self::Replicas => replicas::REPLICAS,
        }
    }
}

const HELP: &[Column] = &[text("command"), text("meaning")];
const CONFIG: &[Column] = &[text("key"), text("value"), text("default"), text("changeable")];

/// Everything that an answer is made from.
pub(super) struct View<'a> {
    worker: &'a Worker,
    routes: Arc<RouteTable>,
    report: Report,
}

/// Asks the workers and makes the table.
pub(super) async fn table(worker: &Worker, what: &Show) -> Result<Table, ClientError> {
    let report = match what {
        Show::Help | Show::Config | Show::Version => Report::default(),
        _ => Report::of(&worker.shared).await,
    };
    let view = View { worker, routes: Arc::clone(&worker.routes.borrow()), report };
    let rows: Vec<Vec<Cell>> = match what {
        Show::Help => {
            HELP_TEXT.iter().map(|(command, meaning)| vec![(*command).into(), (*meaning).into()]).collect()
        }
        Show::Pools => view.pools(),
        Show::Clients => view.clients(),
        Show::Servers => view.servers(),
        Show::Stats => view.stats(),
        Show::StatsTotals => view.stats_totals(),
        Show::StatsAverages => view.stats_averages(),
        Show::Config => super::config::rows(&worker.shared),
        Show::Databases => view.databases(),
        Show::Users => view.users(),
        Show::Lists => view.lists(),
        Show::Version => vec![vec![concat!("Tenantry ", env!("CARGO_PKG_VERSION")).into()]],
        Show::State => view.state(),
        Show::Mem => process::memory(),
        Show::Tenants(name) => view.tenants(name.as_deref())?,
        Show::Limits(name) => view.limits(name.as_deref())?,
        Show::Moves => view.moves(),
        Show::Logins => view.logins(),
        Show::Replicas => view.replicas(),
    };
    Ok(Table::new(what.columns(), rows))
}

impl View<'_> {
    /// The database of a client's tenant.
    fn database_of(&self, client: &Client) -> Option<&Arc<DatabaseRoute>> {
        self.database_of_tenant(client.tenant()?)
    }

    fn database_of_tenant(&self, tenant: TenantId) -> Option<&Arc<DatabaseRoute>> {
        let placement = self.routes.tenant(tenant)?.placement.as_ref()?;
        self.routes.database(placement.database)
    }

    /// As whom a client's transactions run.
    fn rights_of(&self, client: &Client) -> Rights {
        let login = client.known().and_then(|known| self.routes.login(&known.name));
        login.map_or(Rights::Write, |login| login.rights)
    }

    fn key_of(&self, tenant: Option<TenantId>) -> Option<String> {
        let tenant = tenant?;
        let known = self.routes.tenant(tenant).map(|tenant| tenant.key.to_string());
        Some(known.unwrap_or_else(|| tenant.get().to_string()))
    }
}

/// Whole seconds, and the microseconds of the rest.
fn split(wait: Option<Duration>) -> [Cell; 2] {
    let wait = wait.unwrap_or_default();
    [wait.as_secs().into(), wait.subsec_micros().into()]
}

/// A time as PgBouncer writes it, in UTC.
fn timestamp(at: SystemTime) -> String {
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// The date so many days after 1970-01-01. Years begin in March here, so that the leap day is the last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

const HELP_TEXT: &[(&str, &str)] = &[
    ("SHOW POOLS", "server connections and waiting clients, by database"),
    ("SHOW CLIENTS", "connected clients; KILL_CLIENT takes the id of the last column but one"),
    ("SHOW SERVERS", "server connections, lent and idle"),
    ("SHOW STATS, STATS_TOTALS, STATS_AVERAGES", "what was counted, by database; times in microseconds"),
    ("SHOW DATABASES, USERS, LISTS, CONFIG, VERSION, STATE, MEM", "as PgBouncer has them"),
    (
        "SHOW TENANTS [tenant]",
        "tenants that were active here: counts, times, and their share of their pool's server time",
    ),
    ("SHOW LIMITS [tenant]", "the limits in force for them"),
    ("SHOW MOVES", "tenants that are being made, moved, suspended or dropped"),
    ("SHOW LOGINS", "gateway logins and what they may do"),
    (
        "SHOW REPLICAS",
        "servers of clusters that have more than one: what each is now, and how far it is behind",
    ),
    ("PAUSE [tenant|database]", "let transactions finish and hold new ones back"),
    ("RESUME [tenant|database]", "end that, and what KILL began"),
    ("KILL tenant|database", "end all connections of its clients, and hold new transactions back"),
    ("KILL_CLIENT id", "end one client's connection"),
    ("RECONNECT [database]", "replace server connections as they come back"),
    ("RELOAD", "read the configuration again"),
    ("SET key = value", "change a setting until the next start or RELOAD; SHOW CONFIG lists them"),
    (
        "SHUTDOWN [WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS]",
        "end: now, after open transactions, or when all clients have left",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_795_262_399, "2026-11-21 11:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }
}
