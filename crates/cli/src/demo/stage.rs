//! Everything that runs during a demo, started in order and stopped in the opposite one.

use super::cast::{self, Role};
use super::folder::Folder;
use super::{data_dir, port, sample};
use crate::command::demo::DemoArgs;
use crate::print::{Printer, Reporter};
use crate::wiring::{self, rewriters};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenantry_catalog::{Catalog, CatalogConfig, Feed, FeedHandle, FeedOptions};
use tenantry_core::{Domain, MasterKey, RouteTable, Secret, SqlIdent, TenantKey, TenantState};
use tenantry_gateway::Gateway;
use tenantry_ops::cluster::{self, AddCluster};
use tenantry_ops::isolation::TenantType;
use tenantry_ops::login::{self, LoginChange, LoginScope};
use tenantry_ops::tenant::{self, CreateTenant};
use tenantry_ops::{Control, plan, schema};
use tenantry_testkit::{Postgres, PostgresOptions};
use tokio::sync::watch;
use tokio_postgres::{Client, NoTls};

/// A change of the catalog reaches the gateway in milliseconds; this long means that it never will.
const ROUTES_WITHIN: Duration = Duration::from_secs(30);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(2);
/// Server connections that the gateway may open to the pool. The managed server has 200 in all.
const MAX_CONNECTIONS: u32 = 40;

/// A running demo.
#[derive(Debug)]
pub(super) struct Stage {
    // Dropped in this order: nobody may lose its server while it still serves.
    gateway: Gateway,
    feed: FeedHandle,
    _rewriters: rewriters::Followed,
    pub(super) routes: watch::Receiver<Arc<RouteTable>>,
    pub(super) control: Control,
    pub(super) postgres: Postgres,
}

impl Stage {
    /// Starts everything, saying what it does.
    pub(super) async fn raise(
        printer: Printer,
        args: &DemoArgs,
        folder: Option<&Folder>,
    ) -> anyhow::Result<Self> {
        let teller = Teller(Reporter::moving(printer));
        let master_key = folder.map_or_else(|| Ok(MasterKey::generate()), Folder::master_key)?;
        let postgres = start_postgres(&teller, args, folder).await?;
        let control = open_catalog(&teller, &postgres, master_key.clone()).await?;
        provision(&teller, &control).await?;
        let options = FeedOptions { gateway: Some("demo".to_owned()), ..FeedOptions::default() };
        let (routes, feed) = Feed::start(control.catalog.config().clone(), options).await?;
        let address = port::choose(args.port)?;
        let config = tenantry_gateway::Config { listen: vec![address], workers: 1, ..Default::default() };
        let rewriters = rewriters::follow(control.catalog.config().clone(), routes.clone()).await?;
        let gateway = Gateway::start_with(config, &routes, master_key, &rewriters.rewriters)?;
        teller.done("gateway", &format!("listening on {}", gateway.local_addrs()[0]));
        let stage = Self { gateway, feed, _rewriters: rewriters, routes, control, postgres };
        stage.wait_for_routes().await?;
        teller.0.working("filling in rows");
        sample::fill(&stage).await?;
        teller.done("rows", "each tenant's own, sent through the gateway as plain SQL");
        Ok(stage)
    }

    /// Where the gateway listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.gateway.local_addrs()[0]
    }

    /// Connects through the gateway, as an application does.
    pub(super) async fn connect(
        &self,
        user: &str,
        database: Option<&str>,
    ) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host(self.address().ip().to_string()).port(self.address().port());
        config.user(user).password(cast::PASSWORD).connect_timeout(CONNECT_WITHIN);
        if let Some(database) = database {
            config.dbname(database);
        }
        connect(&config).await
    }

    /// Connects to the pool itself with the gateway's own role, which no application has the password of.
    pub(super) async fn connect_as_pool(&self) -> Result<Client, tokio_postgres::Error> {
        let stable_name = format!("{}/{}", cast::CLUSTER, cast::POOL);
        let mut config = tokio_postgres::Config::new();
        config.host(self.postgres.host()).port(self.postgres.port()).connect_timeout(CONNECT_WITHIN);
        let routes = Arc::clone(&self.routes.borrow());
        // Without a route the connection is refused, and the tour says so.
        if let Some(route) = routes.databases().find(|route| *route.stable_name == *stable_name) {
            let password = self.control.master_key.login_password(&stable_name, &route.login);
            config.dbname(&*route.name).user(&*route.login).password(password.expose());
        }
        connect(&config).await
    }

    /// Waits until the gateway knows a tenant's state. Suspending needs no such wait: the database refuses at once.
    pub(super) async fn heard(&self, key: &TenantKey, state: TenantState) -> bool {
        let mut routes = self.routes.clone();
        let known = |table: &Arc<RouteTable>| {
            table.tenant_by_key(key.as_str()).is_some_and(|tenant| tenant.state == state)
        };
        matches!(tokio::time::timeout(ROUTES_WITHIN, routes.wait_for(known)).await, Ok(Ok(_)))
    }

    /// Waits until the gateway knows everybody.
    async fn wait_for_routes(&self) -> anyhow::Result<()> {
        let mut routes = self.routes.clone();
        let known = |table: &Arc<RouteTable>| {
            let active = |role: &Role| {
                table.tenant_by_key(role.key).is_some_and(|tenant| tenant.state == TenantState::Active)
            };
            cast::TENANTS.iter().all(active)
                && [cast::LOGIN, cast::BOUND_LOGIN].iter().all(|name| table.login(name).is_some())
        };
        let waiting = tokio::time::timeout(ROUTES_WITHIN, routes.wait_for(known));
        match waiting.await {
            Ok(Ok(_)) => Ok(()),
            _ => anyhow::bail!("the gateway did not hear of the tenants in {} s", ROUTES_WITHIN.as_secs()),
        }
    }

    /// Stops everything. Whoever is connected may finish a transaction.
    pub(super) async fn strike(self) {
        self.gateway.shutdown(DRAIN).await;
        self.feed.stop().await;
        drop(self.control);
        self.postgres.stop().await;
    }
}

async fn start_postgres(
    teller: &Teller,
    args: &DemoArgs,
    folder: Option<&Folder>,
) -> anyhow::Result<Postgres> {
    let begun = Instant::now();
    teller.0.working("starting PostgreSQL (some seconds longer the first time)");
    let postgres = Postgres::start(PostgresOptions {
        bin_dir: args.pg_bin.clone(),
        version: args.postgres,
        data_dir: data_dir(folder),
        port: folder.and_then(Folder::port),
        ..PostgresOptions::default()
    })
    .await?;
    if let Some(folder) = folder {
        folder.remember_port(postgres.port())?;
    }
    let (version, port, took) = (postgres.version(), postgres.port(), begun.elapsed().as_secs_f64());
    teller.done("PostgreSQL", &format!("{version} on 127.0.0.1:{port}, started in {took:.1} s"));
    Ok(postgres)
}

async fn open_catalog(
    teller: &Teller,
    postgres: &Postgres,
    master_key: MasterKey,
) -> anyhow::Result<Control> {
    let admin = postgres.connect("postgres").await?;
    let exists = admin.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&cast::CATALOG]).await?;
    if exists.is_none() {
        let name = SqlIdent::new(cast::CATALOG)?;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    }
    let access = wiring::admin_of(postgres);
    let config =
        CatalogConfig { database: cast::CATALOG.to_owned(), ..wiring::catalog_config(access.clone()) };
    let catalog = Catalog::connect(config).await?;
    catalog.migrate().await?;
    teller.done("catalog", &format!("in its database {:?}", cast::CATALOG));
    let clusters = [(cast::CLUSTER.to_owned(), access)].into();
    Ok(Control { catalog, master_key, clusters, actor: "cli:demo".to_owned() })
}

/// What an operator does with `cluster add`, `schema apply`, `tenant create` and `login create`.
async fn provision(teller: &Teller, control: &Control) -> anyhow::Result<()> {
    let config = sample::config()?;
    let request = AddCluster {
        name: cast::CLUSTER.to_owned(),
        pools: vec![SqlIdent::new(cast::POOL)?],
        tenant_type: TenantType::Bigint,
        context: None,
        max_connections: MAX_CONNECTIONS,
        cluster_connections: None,
    };
    let added = cluster::add(control, &request, &teller.0).await?;
    let context = added.context.as_str();
    teller
        .done("cluster", &format!("{:?}, with the pool {:?} ({context} context)", cast::CLUSTER, cast::POOL));
    plan::upsert(control, &config.plans()).await?;
    let source = sample::source();
    teller.0.working("reading the sample schema");
    let plain = schema::load(control, cast::CLUSTER, &source, &config.declaration()).await?;
    schema::publish(control, &source, &plain).await?;
    schema::apply(control, cast::CLUSTER, cast::POOL, &teller.0).await?;
    teller.done("schema", &format!("{}, read, compiled and applied", source.file));
    for role in &cast::TENANTS {
        let begun = Instant::now();
        tenant::create(control, &request_for(role)?, &teller.0).await?;
        let took = begun.elapsed().as_millis();
        teller.done("tenant", &format!("{:<9} {:<9} in {took} ms", role.key, role.model));
    }
    let password = Secret::new(cast::PASSWORD);
    login::create(control, cast::LOGIN, &password, &LoginScope::All, &LoginChange::default()).await?;
    let bound = LoginScope::Only(vec![TenantKey::new(cast::TENANTS[0].key)?]);
    login::create(control, cast::BOUND_LOGIN, &password, &bound, &LoginChange::default()).await?;
    teller.done(
        "logins",
        &format!("{} for all tenants, {} for {} alone", cast::LOGIN, cast::BOUND_LOGIN, cast::TENANTS[0].key),
    );
    Ok(())
}

fn request_for(role: &Role) -> anyhow::Result<CreateTenant> {
    Ok(CreateTenant {
        key: TenantKey::new(role.key)?,
        name: Some(role.name.to_owned()),
        model: Some(role.model),
        cluster: None,
        pool: None,
        plan: Some(role.plan.to_owned()),
        domains: vec![Domain::new(role.domain)?],
    })
}

async fn connect(config: &tokio_postgres::Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // It ends with its client, or with the connection, of which the client then tells.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// Tells a person how far the demo is.
struct Teller(Reporter);

impl Teller {
    fn done(&self, what: &str, text: &str) {
        self.0.done(&format!("{what:<11} {text}"));
    }
}
