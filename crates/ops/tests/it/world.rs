//! A catalog, a cluster with one pool, and the sample product's schema: what the operations work on.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use tenantry_catalog::{Catalog, CatalogConfig};
use tenantry_core::{ContextKind, Epoch, KeyId, MasterKey, Nonce, SqlIdent, TenantKey};
use tenantry_ops::cluster::{self, AddCluster};
use tenantry_ops::isolation::TenantType;
use tenantry_ops::schema::{self, Source};
use tenantry_ops::tenant::{CreateTenant, TenantInfo};
use tenantry_ops::{ClusterAccess, Control, Progress, Silent, Step};
use tenantry_schema::{Declaration, TableEntry};
use tenantry_testkit::{Postgres, fresh_database, shared};
use tokio_postgres::{Client, NoTls};

pub(crate) const CLUSTER: &str = "main";
pub(crate) const SCHEMA: &str = include_str!("../../../../examples/sample/schema.sql");

/// Tests share a server, and roles and databases of tenants are called by id: each catalog gets ids of its own.
static NEXT_IDS: AtomicI64 = AtomicI64::new(1_000);

pub(crate) struct World {
    pub(crate) postgres: &'static Postgres,
    pub(crate) control: Control,
    pub(crate) pool: SqlIdent,
}

pub(crate) fn key(text: &str) -> TenantKey {
    TenantKey::new(text).unwrap()
}

pub(crate) fn declaration() -> Declaration {
    let mut declaration = Declaration::default();
    declaration.tables.insert("countries".into(), TableEntry::Kind(tenantry_schema::Kind::Global));
    declaration
}

pub(crate) fn source(sql: &str) -> Source {
    Source { file: "schema.sql".into(), sql: sql.into() }
}

impl World {
    /// A catalog and admin access; no cluster yet.
    pub(crate) async fn empty(version: u32) -> Self {
        Self::on(shared(version).await).await
    }

    /// The same on a server of the test's own.
    pub(crate) async fn on(postgres: &'static Postgres) -> Self {
        let database = fresh_database(postgres, "catalog").await;
        let config = CatalogConfig::new(postgres.host(), postgres.port(), postgres.superuser(), &database)
            .with_password(postgres.password().clone());
        let catalog = Catalog::connect(config).await.unwrap();
        catalog.migrate().await.unwrap();
        let first = NEXT_IDS.fetch_add(1_000, Ordering::Relaxed);
        let admin = postgres.connect(&database).await.unwrap();
        let sql = format!("ALTER TABLE tenantry.tenants ALTER id RESTART WITH {first}");
        admin.batch_execute(&sql).await.unwrap();
        let access = ClusterAccess {
            host: postgres.host().to_owned(),
            port: postgres.port(),
            more_hosts: Vec::new(),
            replicas: Vec::new(),
            user: postgres.superuser().to_owned(),
            password: Some(postgres.password().clone()),
            maintenance_database: "postgres".into(),
            tls: tenantry_core::ServerTls::default(),
        };
        let control = Control {
            catalog,
            master_key: MasterKey::generate(),
            clusters: BTreeMap::from([(CLUSTER.to_owned(), access)]),
            actor: "test".into(),
        };
        Self { postgres, control, pool: SqlIdent::new(format!("pool_{first}")).unwrap() }
    }

    /// With the cluster, its pool, and the sample schema published.
    pub(crate) async fn new(version: u32) -> Self {
        let world = Self::empty(version).await;
        cluster::add(&world.control, &world.add_cluster(), &Silent).await.unwrap();
        world.publish().await;
        world
    }

    pub(crate) fn add_cluster(&self) -> AddCluster {
        AddCluster {
            name: CLUSTER.into(),
            pools: vec![self.pool.clone()],
            tenant_type: TenantType::Bigint,
            context: Some(ContextKind::Carrier),
            max_connections: 20,
            cluster_connections: None,
        }
    }

    pub(crate) async fn publish(&self) {
        let source = source(SCHEMA);
        let plain = schema::load(&self.control, CLUSTER, &source, &declaration()).await.unwrap();
        schema::publish(&self.control, &source, &plain).await.unwrap();
    }

    /// A session as a gateway has it, inside the tenant; or what `enter` answered.
    pub(crate) async fn enter(&self, tenant: &TenantInfo) -> Result<Client, String> {
        let placement = tenant.placement.as_ref().unwrap();
        let login = match placement.model {
            tenantry_core::TenancyModel::Database => format!("tenantry_t{}", tenant.id),
            _ => format!("tenantry_app_{}", placement.database),
        };
        let stable = format!("{CLUSTER}/{}", placement.database);
        let password = self.control.master_key.login_password(&stable, &login);
        let mut config = tokio_postgres::Config::new();
        config
            .host(self.postgres.host())
            .port(self.postgres.port())
            .user(&login)
            .password(password.expose())
            .dbname(&placement.database);
        let (client, connection) = config.connect(NoTls).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        client.batch_execute(&format!("SET search_path TO {}, public", placement.schema)).await.unwrap();
        match self.enter_again(&client, tenant, placement.epoch).await.as_str() {
            "entered" => Ok(client),
            other => Err(other.to_owned()),
        }
    }

    pub(crate) async fn enter_again(&self, client: &Client, tenant: &TenantInfo, epoch: Epoch) -> String {
        let placement = tenant.placement.as_ref().unwrap();
        let stable = format!("{CLUSTER}/{}", placement.database);
        let nonce: String = client.query_one("SELECT tenancy.challenge()", &[]).await.unwrap().get(0);
        let token = self.control.master_key.context_key(&stable, KeyId::new(1)).sign(
            tenant.id,
            epoch,
            &Nonce::new(nonce),
        );
        let args: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&token.key.get(), &token.tenant.get(), &token.epoch.get(), &token.mac];
        client.query_one("SELECT tenancy.enter($1, $2, $3, $4)", &args).await.unwrap().get(0)
    }

    pub(crate) async fn admin(&self, database: &str) -> Client {
        self.postgres.connect(database).await.unwrap()
    }

    /// Whether the server has a database, and a role, of these names.
    pub(crate) async fn has(&self, database: &str, role: &str) -> (bool, bool) {
        let sql = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1), EXISTS (SELECT FROM pg_roles WHERE rolname = $2)";
        let row = self.admin("postgres").await.query_one(sql, &[&database, &role]).await.unwrap();
        (row.get(0), row.get(1))
    }
}

pub(crate) fn request(name: &str, model: tenantry_core::TenancyModel) -> CreateTenant {
    CreateTenant { model: Some(model), ..CreateTenant::new(key(name)) }
}

/// Writes the steps down, and can stop before one of them.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) stop_before: Option<usize>,
    pub(crate) asked: Mutex<usize>,
    pub(crate) lines: Mutex<Vec<String>>,
}

impl Recorder {
    pub(crate) fn stopping_before(step: usize) -> Self {
        Self { stop_before: Some(step), ..Self::default() }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn write(&self, what: &str, step: Step<'_>) {
        self.lines.lock().unwrap().push(format!("{what} {}", step.name));
    }
}

impl Progress for Recorder {
    fn proceed(&self, _next: Step<'_>) -> ControlFlow<()> {
        let mut asked = self.asked.lock().unwrap();
        let here = *asked;
        *asked += 1;
        if self.stop_before == Some(here) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn found_done(&self, step: Step<'_>) {
        self.write("found", step);
    }

    fn finished(&self, step: Step<'_>) {
        self.write("did", step);
    }
}
