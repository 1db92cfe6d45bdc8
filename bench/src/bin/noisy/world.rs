//! One PostgreSQL with the same table for everybody, PgBouncer with conditions written by hand, and a gateway.

use crate::bouncer;
use crate::flood::Target;
use crate::peer::Peer;
use anyhow::{Context, Result};
use std::sync::Arc;
use std::time::Duration;
use tenantry_core::{
    ClusterId, ContextKind, DatabaseId, DatabaseRoute, Epoch, KeyId, Limits, LoginAccess, LoginBinding,
    LoginId, LoginRoute, MasterKey, Placement, PoolMode, Rights, RouteChange, RouteTable, Secret, ServerTls,
    SqlIdent, TenancyModel, TenantId, TenantKey, TenantRoute, TenantState, reader_of,
};
use tenantry_gateway::{Config, Gateway};
use tenantry_ops::isolation::{self, Core, TenantType};
use tenantry_testkit::{Postgres, PostgresOptions};
use tenantry_wire::scram::Verifier;
use tokio::sync::watch;

const QUIET: i64 = 1;
const LOUD: i64 = 2;
const LOUD_OF_ITS_OWN: i64 = 3;
const USER: &str = "noisy";
const ROWS: u32 = 20_000;
const LIGHT: &str = "SELECT body FROM notes WHERE id = 17";
/// Some tens of milliseconds of a processor.
const HEAVY: &str = "SELECT sum(length(md5(body || n))) FROM notes, generate_series(1, 2) n";

/// What stands between a client and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// Every client has a server process of its own: what the machine itself gives.
    Nobody,
    PgBouncer,
    Gateway,
}

/// Where the loud tenant lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loud {
    /// In the tables that the quiet one is in.
    Shared,
    OwnDatabase,
}

/// Everything that runs. Dropping it stops all of it.
pub(crate) struct World {
    // In this order: what is in front of the server goes first.
    gateway: Gateway,
    bouncer: Peer,
    postgres: Postgres,
    routes: watch::Sender<Arc<RouteTable>>,
    password: Secret,
}

impl World {
    pub(crate) async fn build(version: Option<u32>, pool: u32) -> Result<Self> {
        let settings = [("shared_buffers", "256MB"), ("max_connections", "200")];
        let postgres = Postgres::start(PostgresOptions {
            version,
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            ..PostgresOptions::default()
        })
        .await?;
        let (key, password) = (MasterKey::generate(), MasterKey::generate().to_hex());
        let verifier = Verifier::generate(password.expose(), 4_096).to_string();
        plain(&postgres, &verifier).await?;
        let mut changes = vec![RouteChange::Login(Arc::new(LoginRoute {
            id: LoginId::new(1),
            name: USER.into(),
            verifier: verifier.into(),
            binding: LoginBinding::All,
            pool_mode: PoolMode::Transaction,
            admin: false,
            rights: Rights::Write,
            access: LoginAccess::default(),
        }))];
        for (id, name, tenants) in
            [(1, "noisy_pool", &[QUIET, LOUD][..]), (2, "noisy_own", &[LOUD_OF_ITS_OWN])]
        {
            let route = database(&postgres, id, name, pool);
            fill(&postgres, &route, &key, tenants).await?;
            for tenant in tenants {
                changes.push(RouteChange::Tenant(Arc::new(tenant_route(*tenant, id)?)));
            }
            changes.push(RouteChange::Database(Arc::new(route)));
        }
        postgres.connect("postgres").await?.batch_execute("CHECKPOINT").await?;
        let (routes, receiver) = watch::channel(Arc::new(RouteTable::empty().with_changes(1, changes)));
        let config = Config { listen: vec!["127.0.0.1:0".parse()?], ..Config::default() };
        let gateway = Gateway::start(config, &receiver, key)?;
        let bouncer = bouncer::start(&postgres, USER, &password, pool, 1_000)?;
        Ok(Self { gateway, bouncer, postgres, routes, password })
    }

    /// Gives all tenants these limits.
    pub(crate) fn limit(&self, limits: Limits) {
        self.routes.send_modify(|table| {
            let tenants =
                [QUIET, LOUD, LOUD_OF_ITS_OWN].into_iter().filter_map(|id| table.tenant(TenantId::new(id)));
            let changes: Vec<_> = tenants
                .map(|route| {
                    RouteChange::Tenant(Arc::new(TenantRoute { limits, ..TenantRoute::clone(route) }))
                })
                .collect();
            *table = Arc::new(table.with_changes(table.revision() + 1, changes));
        });
    }

    pub(crate) fn quiet(&self, via: Via) -> Target {
        self.target(via, QUIET)
    }

    pub(crate) fn loud(&self, via: Via, loud: Loud) -> Target {
        match loud {
            Loud::Shared => self.target(via, LOUD),
            Loud::OwnDatabase => self.target(via, LOUD_OF_ITS_OWN),
        }
    }

    fn target(&self, via: Via, tenant: i64) -> Target {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").user(USER).password(self.password.expose());
        match via {
            Via::Gateway => {
                let port = self.gateway.local_addrs().first().map_or(0, std::net::SocketAddr::port);
                config.port(port).dbname(format!("noisy-{tenant}"));
                Target { config, light: LIGHT.into(), heavy: HEAVY.into() }
            }
            Via::PgBouncer | Via::Nobody => {
                let port = if via == Via::Nobody { self.postgres.port() } else { self.bouncer.port };
                config.port(port).dbname("noisy_plain");
                let light = format!("{LIGHT} AND tenant_id = {tenant}");
                Target { config, light, heavy: format!("{HEAVY} WHERE tenant_id = {tenant}") }
            }
        }
    }

    pub(crate) async fn close(self) {
        self.gateway.shutdown(Duration::from_secs(2)).await;
        drop(self.bouncer);
        self.postgres.stop().await;
    }
}

fn database(postgres: &Postgres, id: i32, name: &str, pool: u32) -> DatabaseRoute {
    DatabaseRoute {
        id: DatabaseId::new(id),
        cluster: ClusterId::new(1),
        stable_name: format!("noisy/{name}").into(),
        host: "127.0.0.1".into(),
        port: postgres.port(),
        more_hosts: Box::default(),
        replicas: Box::default(),
        name: name.into(),
        login: format!("login_{name}").into(),
        context: ContextKind::Carrier,
        key: KeyId::new(1),
        max_connections: pool,
        cluster_connections: 0,
        tls: ServerTls::default(),
    }
}

fn tenant_route(id: i64, database: i32) -> Result<TenantRoute> {
    let model = if id == LOUD_OF_ITS_OWN { TenancyModel::Database } else { TenancyModel::Shared };
    Ok(TenantRoute {
        id: TenantId::new(id),
        key: TenantKey::new(format!("noisy-{id}"))?,
        state: TenantState::Active,
        placement: Some(Placement {
            model,
            database: DatabaseId::new(database),
            schema: SqlIdent::new("public")?,
            epoch: Epoch::FIRST,
        }),
        limits: Limits::UNLIMITED,
        domains: Box::new([]),
    })
}

/// The table for conditions written by hand.
async fn plain(postgres: &Postgres, verifier: &str) -> Result<()> {
    postgres.connect("postgres").await?.batch_execute("CREATE DATABASE noisy_plain").await?;
    let sql = format!(
        "CREATE TABLE notes (tenant_id bigint, id bigint, body text, PRIMARY KEY (tenant_id, id));
         INSERT INTO notes SELECT t, n, 'note ' || n FROM generate_series(1, 2) t, generate_series(1, {ROWS}) n;
         CREATE ROLE {USER} LOGIN PASSWORD '{verifier}'; GRANT SELECT ON notes TO {USER};"
    );
    let admin = postgres.connect("noisy_plain").await?;
    admin.batch_execute(&sql).await.context("filling the plain table")?;
    Ok(admin.batch_execute("VACUUM (ANALYZE) notes").await?)
}

/// A database with the isolation core, and its tenants' rows.
async fn fill(postgres: &Postgres, route: &DatabaseRoute, key: &MasterKey, tenants: &[i64]) -> Result<()> {
    postgres.connect("postgres").await?.batch_execute(&format!("CREATE DATABASE {}", route.name)).await?;
    let mut admin = postgres.connect(&route.name).await?;
    let verifier = |role: &str| {
        Verifier::generate(key.login_password(&route.stable_name, role).expose(), 4_096).to_string()
    };
    let core = Core {
        tenant_type: TenantType::Bigint,
        context: ContextKind::Carrier,
        login: SqlIdent::new(&*route.login)?,
        verifier: verifier(&route.login),
        reader_verifier: verifier(&reader_of(&route.login)),
        connection_limit: None,
    };
    isolation::install(&mut admin, &core).await?;
    isolation::put_key(&mut admin, &key.context_key(&route.stable_name, route.key)).await?;
    for tenant in tenants {
        let gate = "INSERT INTO tenancy.gate (tenant, key, value, epoch, state, placement)
                    VALUES ($1, $2, $1::bigint::text, 1, 'active', '{}')";
        admin.execute(gate, &[tenant, &format!("noisy-{tenant}")]).await?;
    }
    let tenants = tenants.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let sql = include_str!("shared.sql").replace("{login}", &route.login);
    admin.batch_execute(&sql.replace("{tenants}", &tenants).replace("{rows}", &ROWS.to_string())).await?;
    Ok(admin.batch_execute("VACUUM (ANALYZE) notes").await?)
}
