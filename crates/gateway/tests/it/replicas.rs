//! Reads on streaming replicas: which go there, what they see, and what becomes of them when a server goes away.

mod isolation;

use crate::world::{World, connect};
use tenantry_core::ServerAddress;
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
    pub(super) async fn start(version: u32, config: Config) -> Self {
        let options = PostgresOptions { version: Some(version), ..PostgresOptions::default() };
        let primary: &'static Postgres = Box::leak(Box::new(Postgres::start(options).await.unwrap()));
        let world = World::on(primary, 4, config).await;
        let replica = primary.replica().await.unwrap();
        let address = ServerAddress::new(replica.host(), replica.port());
        world.change_databases(|route| route.replicas = [address.clone()].into());
        Self { world, primary, replica }
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

    /// Stops everything.
    pub(super) async fn close(self) {
        let (gateway, _) = self.world.take_gateway();
        gateway.shutdown(std::time::Duration::from_secs(5)).await;
        self.replica.stop().await;
        self.primary.crash().await;
    }
}

/// Whether the client's next transaction runs on a replica.
pub(super) async fn is_on_replica(client: &Client) -> bool {
    client.query_one("SELECT pg_is_in_recovery()", &[]).await.unwrap().get(0)
}

pub(super) async fn count(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0)
}
