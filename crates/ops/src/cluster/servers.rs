//! A cluster's servers, each asked what it is now. Changes nothing.

use crate::{Control, OpsError, sql};
use tenantry_core::ServerAddress;
use tokio_postgres::Client;

/// One of a cluster's servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub address: ServerAddress,
    /// The catalog names it among those that may be the primary.
    pub may_lead: bool,
    /// The catalog names it among those that take reads.
    pub takes_reads: bool,
    pub answer: Answer,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Primary,
    Replica {
        /// Write-ahead log of the primary that it has not replayed; `None` when no primary could be asked.
        behind_bytes: Option<u64>,
    },
    /// It could not be asked, for this reason.
    None(String),
}

const STATE: &str = "SELECT pg_is_in_recovery(), (CASE WHEN pg_is_in_recovery()
  THEN coalesce(pg_last_wal_replay_lsn(), '0/0') ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn)::bigint";

/// Asks every server of the cluster, one after the other.
pub async fn ask(control: &Control, name: &str) -> Result<Vec<Server>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let cluster = tx.cluster(name).await?;
    tx.rollback().await?;
    let first = ServerAddress::new(cluster.host, cluster.port);
    let hosts: Vec<_> = std::iter::once(first).chain(cluster.more_hosts).collect();
    let only_replicas = cluster.replicas.iter().filter(|replica| !hosts.contains(replica));
    let mut servers = Vec::new();
    let mut newest = None;
    for address in hosts.iter().chain(only_replicas) {
        let state = match connect(control, name, address).await {
            Ok(client) => client.query_one(STATE, &[]).await.map_err(|error| error.to_string()),
            Err(error) => Err(told(&error)),
        };
        let position = state.map(|row| (row.get::<_, bool>(0), row.get::<_, i64>(1).unsigned_abs()));
        if let Ok((false, at)) = position {
            newest = newest.max(Some(at));
        }
        servers.push((address.clone(), position));
    }
    let server = |(address, position): (ServerAddress, Result<(bool, u64), String>)| Server {
        may_lead: hosts.contains(&address),
        takes_reads: cluster.replicas.contains(&address),
        address,
        answer: match position {
            Ok((false, _)) => Answer::Primary,
            Ok((true, at)) => {
                Answer::Replica { behind_bytes: newest.map(|newest: u64| newest.saturating_sub(at)) }
            }
            Err(error) => Answer::None(error),
        },
    };
    Ok(servers.into_iter().map(server).collect())
}

async fn connect(control: &Control, name: &str, address: &ServerAddress) -> Result<Client, OpsError> {
    let access = control.access(name)?;
    sql::connect_to(name, access, address, &access.maintenance_database).await
}

/// The error and what is behind it, in one line.
fn told(error: &OpsError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let words: Vec<_> = std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect();
    words.join(": ")
}
