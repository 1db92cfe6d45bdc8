//! The fence where tenants read on replicas.
//!
//! An advisory lock is known to its own server alone, so the fence of the primary keeps nobody out of a replica. There the gate
//! does, once the replica has replayed it: who is inside by then leaves under the replica's own fence, and who comes later
//! is refused by what was replayed. So a fence holds everywhere when each replica has been waited for, in this order.

use super::{FenceOptions, terminate, try_lock};
use crate::sql::{self, Doing};
use crate::{Control, OpsError};
use std::time::{Duration, Instant};
use tenantry_catalog::Database;
use tenantry_core::{ErrorKind, ServerAddress, TenantId};
use tokio_postgres::Client;

const POSITION: &str = "SELECT pg_current_wal_insert_lsn()::text";
/// A server that was promoted has replayed all that it ever will.
const REPLAYED: &str = "SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
const PAUSE: Duration = Duration::from_millis(10);

/// The replicas that gateways may read a database on.
pub(crate) struct Replicas<'a> {
    control: &'a Control,
    cluster: String,
    database: String,
    servers: Vec<ServerAddress>,
}

impl<'a> Replicas<'a> {
    pub(crate) async fn of(control: &'a Control, database: &Database) -> Result<Self, OpsError> {
        let tx = control.catalog.snapshot().await?;
        let cluster = tx.cluster(&database.cluster_name).await?;
        tx.rollback().await?;
        Ok(Self {
            control,
            cluster: cluster.name,
            database: database.name.as_str().to_owned(),
            servers: cluster.replicas,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Waits until nobody is inside the tenant on any of them. The gate is closed and committed on the primary, `admin`.
    pub(crate) async fn empty(
        &self,
        admin: &Client,
        tenant: TenantId,
        options: &FenceOptions,
    ) -> Result<(), OpsError> {
        if self.is_empty() {
            return Ok(());
        }
        let row = admin.query_one(POSITION, &[]).await.doing("asking how far the primary is")?;
        let position: String = row.get(0);
        for server in &self.servers {
            // The tenant's own database may be so new that the replica does not have it yet.
            let maintenance = &self.control.access(&self.cluster)?.maintenance_database;
            wait_for(&self.connect(server, maintenance).await?, server, &position, options).await?;
            leave(&self.connect(server, &self.database).await?, server, tenant, options).await?;
        }
        Ok(())
    }

    async fn connect(&self, server: &ServerAddress, database: &str) -> Result<Client, OpsError> {
        let access = self.control.access(&self.cluster)?;
        let replica = sql::connect_to(&self.cluster, access, server, database).await;
        replica.map_err(|error| unreachable(server, &error))
    }
}

async fn wait_for(
    replica: &Client,
    server: &ServerAddress,
    position: &str,
    options: &FenceOptions,
) -> Result<(), OpsError> {
    let begun = Instant::now();
    loop {
        let row = replica.query_one(REPLAYED, &[&position]).await.doing("asking how far a replica is")?;
        if row.get(0) {
            return Ok(());
        }
        if begun.elapsed() >= options.deadline {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!("replica {server} has not heard of it in {} s", options.deadline.as_secs_f32()),
                "run the same command again when it has caught up, or take it out of the cluster's replicas",
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn leave(
    replica: &Client,
    server: &ServerAddress,
    tenant: TenantId,
    options: &FenceOptions,
) -> Result<(), OpsError> {
    let begun = Instant::now();
    let mut wait = options.grace.min(options.deadline);
    while !try_lock(replica, tenant, wait).await? {
        if begun.elapsed() >= options.deadline {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!("connections stayed inside tenant {tenant} on replica {server}"),
                "run the same command again: the replica turns new transactions away meanwhile",
            ));
        }
        terminate(replica, tenant).await?;
        wait = Duration::from_millis(200);
    }
    let unlock = "SELECT pg_advisory_unlock(tenancy.fence_key($1))";
    replica.execute(unlock, &[&tenant.get()]).await.doing("giving up the fence on a replica").map(drop)
}

fn unreachable(server: &ServerAddress, error: &OpsError) -> OpsError {
    OpsError::refused(
        ErrorKind::ServerUnavailable,
        format!("replica {server} can't be asked whether anybody reads there: {error}"),
        "bring it back, or take it out of the cluster's replicas (`tenantry cluster add`), and run the same command again",
    )
}
