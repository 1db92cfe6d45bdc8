//! Reads on streaming replicas: which go there, what they see, and what becomes of them when a server goes away.

mod copying;
mod failover;
mod freshness;
mod isolation;
mod routing;
mod serializable;

use crate::protocol::until;
use crate::world::{TENANTS, World, connect};
use std::collections::HashMap;
use std::time::Duration;
use tenantry_core::{Limits, ServerAddress};
use tenantry_gateway::Config;
use tenantry_testkit::{Postgres, PostgresOptions};
use tokio_postgres::Client;

/// A world on a primary of its own, with one replica.
pub(super) struct Pair {
    pub(super) world: World,
    pub(super) primary: &'static Postgres,
    pub(super) replica: Postgres,
}

impl Pair {
    pub(super) async fn start(version: u32, connections: u32, config: Config) -> Self {
        let options = PostgresOptions { version: Some(version), ..PostgresOptions::default() };
        let primary: &'static Postgres = Box::leak(Box::new(Postgres::start(options).await.unwrap()));
        let world = World::on(primary, connections, config).await;
        let replica = primary.replica().await.unwrap();
        let address = ServerAddress::new(replica.host(), replica.port());
        world.change_databases(|route| route.replicas = [address.clone()].into());
        Self { world, primary, replica }
    }

    /// One server connection to each, and every tenant reads on the replica or nowhere.
    pub(super) async fn requiring(version: u32) -> Self {
        let pair = Self::start(version, 1, isolation::patient()).await;
        for (id, ..) in TENANTS {
            pair.world.change_limits(id, REQUIRED);
        }
        pair
    }

    /// Connects with `tenantry.read=replica`.
    pub(super) async fn reader(&self, tenant: &str) -> Client {
        self.try_reader(tenant).await.unwrap()
    }

    pub(super) async fn try_reader(&self, tenant: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = self.world.config(tenant);
        config.options("-c tenantry.read=replica");
        connect(&config).await
    }

    pub(super) async fn pause_replay(&self) {
        let admin = self.replica.connect("postgres").await.unwrap();
        admin.execute("SELECT pg_wal_replay_pause()", &[]).await.unwrap();
        // It is only asked for until the startup process stands still.
        until(&admin, "SELECT pg_get_wal_replay_pause_state() = 'paused'").await;
    }

    pub(super) async fn resume_replay(&self) {
        let admin = self.replica.connect("postgres").await.unwrap();
        admin.execute("SELECT pg_wal_replay_resume()", &[]).await.unwrap();
    }

    pub(super) async fn until_on_replica(&self, client: &Client) {
        eventually(async || is_on_replica(client).await).await;
    }

    pub(super) async fn until_on_primary(&self, client: &Client) {
        eventually(async || !is_on_replica(client).await).await;
    }

    /// What the console shows of the servers.
    pub(super) async fn servers(&self) -> Vec<HashMap<String, String>> {
        let mut config = self.world.config("admin");
        config.user("operator");
        crate::console::ask(&connect(&config).await.unwrap(), "SHOW REPLICAS").await
    }

    pub(super) async fn until_role(&self, port: u16, role: &str) {
        let port = port.to_string();
        eventually(async || {
            self.servers().await.iter().any(|server| server["port"] == port && server["role"] == role)
        })
        .await;
    }

    /// Closes the gateway's server connections.
    pub(super) async fn reconnect(&self) {
        let mut config = self.world.config("admin");
        config.user("operator");
        connect(&config).await.unwrap().simple_query("RECONNECT").await.unwrap();
    }

    /// Stops everything.
    pub(super) async fn close(self) {
        let (gateway, _) = self.world.take_gateway();
        gateway.shutdown(Duration::from_secs(5)).await;
        self.replica.stop().await;
        self.primary.crash().await;
    }
}

/// Reads that ask for a replica never go to the primary, however busy the machine is.
pub(super) const REQUIRED: Limits = Limits { replica_required: true, ..Limits::UNLIMITED };

/// Whether the client's next transaction runs on a replica.
pub(super) async fn is_on_replica(client: &Client) -> bool {
    client.query_one("SELECT pg_is_in_recovery()", &[]).await.unwrap().get(0)
}

pub(super) async fn count(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0)
}

/// Asks until it is so.
async fn eventually(is_so: impl AsyncFn() -> bool) {
    let asked = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asked).await.expect("it becomes so");
}
