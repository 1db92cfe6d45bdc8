//! A gateway in front of a fresh pool and a fresh tenant database, with five tenants in three models. Routes are
//! given by the test itself, so the catalog is not part of the picture.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tenantry_core::{
    ClusterId, ContextKind, DatabaseId, DatabaseRoute, Epoch, KeyId, Limits, LoginAccess, LoginBinding,
    LoginId, LoginRoute, MasterKey, Placement, PoolMode, Rights, RouteChange, RouteTable, ServerTls,
    SqlIdent, TenancyModel, TenantId, TenantKey, TenantRoute, TenantState, reader_of,
};
use tenantry_gateway::{Config, Gateway, Rewriters};
use tenantry_testkit::Postgres;
use tenantry_wire::scram::{ClientKeys, Verifier};
use tokio::sync::watch;
use tokio_postgres::{Client, NoTls};

pub(crate) const PASSWORD: &str = "a test password";
const POOL: DatabaseId = DatabaseId::new(1);
const OWN: DatabaseId = DatabaseId::new(2);
const OTHER_OWN: DatabaseId = DatabaseId::new(3);

/// The tenants: two of each pooled model, and two with databases of their own.
pub(crate) const TENANTS: [(i64, &str, TenancyModel); 6] = [
    (1, "acme", TenancyModel::Shared),
    (2, "umbrella", TenancyModel::Shared),
    (3, "globex", TenancyModel::Schema),
    (4, "hooli", TenancyModel::Schema),
    (5, "initech", TenancyModel::Database),
    (6, "tyrell", TenancyModel::Database),
];

/// The two tenants of each model that share as much as the model lets them.
pub(crate) const PAIRS: [(&str, &str); 3] =
    [("acme", "umbrella"), ("globex", "hooli"), ("initech", "tyrell")];

/// Functions of an application's own that do to a session what no command tag tells.
pub(crate) const UNSEEN: &str = "
CREATE FUNCTION public.forgets() RETURNS int LANGUAGE plpgsql AS 'BEGIN RESET ALL; RETURN 1; END';
CREATE FUNCTION public.becomes() RETURNS int LANGUAGE plpgsql AS
  'BEGIN PERFORM set_config(''role'', session_user::text, false); RETURN 1; END';
CREATE FUNCTION public.sets_timeout() RETURNS int LANGUAGE plpgsql AS
  'BEGIN SET statement_timeout = 1; RETURN 1; END';
CREATE FUNCTION public.idles_out() RETURNS int LANGUAGE plpgsql AS
  'BEGIN SET idle_session_timeout = 1; RETURN 1; END';
GRANT EXECUTE ON FUNCTION public.forgets(), public.becomes(), public.sets_timeout(), public.idles_out() TO PUBLIC";

pub(crate) fn id_of(tenant: &str) -> i64 {
    TENANTS.iter().find(|(_, key, _)| *key == tenant).unwrap().0
}

pub(crate) struct World {
    pub(crate) postgres: &'static Postgres,
    gateway: Option<Gateway>,
    pub(crate) routes: watch::Sender<Arc<RouteTable>>,
    /// What makes statements fit shared tables: nothing, unless a test says so.
    pub(crate) rewriters: watch::Sender<Arc<Rewriters>>,
    pub(crate) pool: String,
    databases: Vec<String>,
    port: u16,
    key: MasterKey,
    receiver: watch::Receiver<Arc<RouteTable>>,
}

impl World {
    /// One server connection per pool: whatever crosses from one client to the next has to cross here.
    pub(crate) async fn narrow(version: u32) -> Self {
        Self::with(version, 1, Config::default()).await
    }

    pub(crate) async fn with(version: u32, connections: u32, config: Config) -> Self {
        Self::on(tenantry_testkit::shared(version).await, connections, config).await
    }

    pub(crate) async fn on(postgres: &'static Postgres, connections: u32, config: Config) -> Self {
        let key = MasterKey::generate();
        let mut databases = Vec::new();
        let mut changes = Vec::new();
        for (id, prefix) in [(POOL, "gw_pool"), (OWN, "gw_own"), (OTHER_OWN, "gw_other")] {
            let name = tenantry_testkit::fresh_database(postgres, prefix).await;
            let route = route(postgres, id, &name, connections);
            install(postgres, &route, &key).await;
            changes.push(RouteChange::Database(Arc::new(route)));
            databases.push(name);
        }
        for (id, tenant, model) in TENANTS {
            let (database, name) = match (model, id) {
                (TenancyModel::Database, 5) => (OWN, &databases[1]),
                (TenancyModel::Database, _) => (OTHER_OWN, &databases[2]),
                _ => (POOL, &databases[0]),
            };
            changes.push(RouteChange::Tenant(Arc::new(
                provision(postgres, name, id, tenant, model, database).await,
            )));
        }
        for (id, name, binding) in [
            (1, "app", LoginBinding::All),
            (2, "bound", LoginBinding::Only(BTreeSet::from([TenantId::new(1)]))),
            (4, "initechs", LoginBinding::Only(BTreeSet::from([TenantId::new(5)]))),
            (3, "operator", LoginBinding::Only(BTreeSet::new())),
        ] {
            changes.push(RouteChange::Login(Arc::new(LoginRoute {
                id: LoginId::new(id),
                name: name.into(),
                verifier: ClientKeys::derive(PASSWORD, b"0123456789abcdef", 4_096)
                    .verifier()
                    .to_string()
                    .into(),
                binding,
                pool_mode: PoolMode::Either,
                admin: name == "operator",
                rights: Rights::Write,
                access: LoginAccess::default(),
            })));
        }
        let table = RouteTable::empty().with_changes(1, changes);
        let (routes, receiver) = watch::channel(Arc::new(table));
        let config = Config { listen: vec!["127.0.0.1:0".parse().unwrap()], ..config };
        let (rewriters, given) = watch::channel(Arc::default());
        let gateway = Gateway::start_with(config, &receiver, key.clone(), &given).unwrap();
        let port = gateway.local_addrs()[0].port();
        let pool = databases[0].clone();
        Self { postgres, gateway: Some(gateway), routes, rewriters, pool, databases, port, key, receiver }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn config(&self, tenant: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port()).user("app").password(PASSWORD).dbname(tenant);
        config
    }

    pub(crate) async fn connect(&self, tenant: &str) -> Client {
        connect(&self.config(tenant)).await.unwrap()
    }

    /// Applies a change to a tenant's route, as the feed would.
    pub(crate) fn change(&self, id: i64, change: impl FnOnce(&mut TenantRoute)) {
        self.routes.send_modify(|table| {
            let mut route = TenantRoute::clone(table.tenant(TenantId::new(id)).unwrap());
            change(&mut route);
            let next = table.with_changes(table.revision() + 1, [RouteChange::Tenant(Arc::new(route))]);
            *table = Arc::new(next);
        });
    }

    /// Changes a tenant's limits.
    pub(crate) fn change_limits(&self, id: i64, limits: tenantry_core::Limits) {
        self.change(id, |route| route.limits = limits);
    }

    /// Applies a change to a login's route.
    pub(crate) fn change_login(&self, name: &str, change: impl FnOnce(&mut LoginRoute)) {
        self.routes.send_modify(|table| {
            let mut route = LoginRoute::clone(table.login(name).unwrap());
            change(&mut route);
            let next = table.with_changes(table.revision() + 1, [RouteChange::Login(Arc::new(route))]);
            *table = Arc::new(next);
        });
    }

    /// Applies a change to the routes of all databases.
    pub(crate) fn change_databases(&self, change: impl Fn(&mut DatabaseRoute)) {
        self.routes.send_modify(|table| {
            let changed = table.databases().map(|route| {
                let mut route = DatabaseRoute::clone(route);
                change(&mut route);
                RouteChange::Database(Arc::new(route))
            });
            let changed: Vec<_> = changed.collect();
            *table = Arc::new(table.with_changes(table.revision() + 1, changed));
        });
    }

    /// Waits until so many clients are left.
    pub(crate) async fn until_clients(&self, left: usize) {
        let gone = async {
            while self.gateway().clients() != left {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the others are gone");
    }

    /// The gateway itself.
    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// The pool's database, and the two that belong to one tenant each.
    pub(crate) fn databases(&self) -> Vec<String> {
        self.databases.clone()
    }

    /// Role, database and password with which the gateway connects to the database of `initech`.
    pub(crate) fn own_login(&self) -> (String, String, String) {
        let database = self.databases[1].clone();
        let role = format!("login_{database}");
        let password = self.key.login_password(&format!("test/{database}"), &role);
        (role, database, password.expose().to_owned())
    }

    /// An administrator's connection to a tenant's database.
    pub(crate) async fn admin_of(&self, model: TenancyModel, id: i64) -> Client {
        let index = match (model, id) {
            (TenancyModel::Database, 5) => 1,
            (TenancyModel::Database, _) => 2,
            _ => 0,
        };
        self.postgres.connect(&self.databases[index]).await.unwrap()
    }

    /// One more gateway on the same port.
    pub(crate) fn another(&self, config: Config) -> Gateway {
        self.try_another(config).unwrap()
    }

    /// One more gateway on a port of its own.
    pub(crate) fn beside(&self, config: Config) -> Gateway {
        Gateway::start(config, &self.receiver, self.key.clone()).unwrap()
    }

    pub(crate) fn try_another(&self, config: Config) -> Result<Gateway, tenantry_gateway::GatewayError> {
        let listen = vec![([127, 0, 0, 1], self.port).into()];
        Gateway::start(Config { listen, ..config }, &self.receiver, self.key.clone())
    }

    /// Takes the gateway out, for tests that stop it themselves.
    pub(crate) fn take_gateway(mut self) -> (Gateway, Self) {
        (self.gateway.take().unwrap(), self)
    }

    /// Stops the gateway and drops what was made on the shared cluster.
    pub(crate) async fn close(self) {
        let (gateway, rest) = self.take_gateway();
        gateway.shutdown(Duration::from_secs(5)).await;
        rest.drop_databases().await;
    }

    pub(crate) async fn drop_databases(self) {
        let admin = self.postgres.connect("postgres").await.unwrap();
        for name in self.databases {
            admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
            admin.batch_execute(&format!("DROP ROLE login_{name}, login_{name}_ro")).await.unwrap();
        }
    }
}

pub(crate) async fn connect(config: &tokio_postgres::Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn route(postgres: &Postgres, id: DatabaseId, name: &str, connections: u32) -> DatabaseRoute {
    DatabaseRoute {
        id,
        cluster: ClusterId::new(1),
        stable_name: format!("test/{name}").into(),
        host: postgres.host().into(),
        port: postgres.port(),
        more_hosts: Box::default(),
        replicas: Box::default(),
        name: name.into(),
        login: format!("login_{name}").into(),
        context: ContextKind::Carrier,
        key: KeyId::new(1),
        max_connections: connections,
        cluster_connections: 0,
        tls: ServerTls::default(),
    }
}

/// The isolation core and the shared tables.
async fn install(postgres: &Postgres, route: &DatabaseRoute, key: &MasterKey) {
    let mut admin = postgres.connect(&route.name).await.unwrap();
    let verifier = |role: &str| {
        let password = key.login_password(&route.stable_name, role);
        Verifier::generate(password.expose(), 4_096).to_string()
    };
    let core = tenantry_ops::isolation::Core {
        tenant_type: tenantry_ops::isolation::TenantType::Bigint,
        context: ContextKind::Carrier,
        login: SqlIdent::new(&*route.login).unwrap(),
        verifier: verifier(&route.login),
        reader_verifier: verifier(&reader_of(&route.login)),
        connection_limit: None,
    };
    tenantry_ops::isolation::install(&mut admin, &core).await.unwrap();
    tenantry_ops::isolation::put_key(&mut admin, &key.context_key(&route.stable_name, route.key))
        .await
        .unwrap();
}

/// The tables as the schema engine compiles them for each model.
async fn provision(
    postgres: &Postgres,
    name: &str,
    id: i64,
    tenant: &str,
    model: TenancyModel,
    database: DatabaseId,
) -> TenantRoute {
    let admin = postgres.connect(name).await.unwrap();
    let login = format!("login_{name}");
    let schema = if model == TenancyModel::Schema { format!("t_{id}") } else { "public".to_owned() };
    let sql = match model {
        TenancyModel::Shared => SHARED_TABLES.to_owned(),
        TenancyModel::Schema => SCHEMA_TABLES.replace("{tenant}", &id.to_string()),
        TenancyModel::Database => DATABASE_TABLES.to_owned(),
    };
    let sql = sql.replace("{login}", &login).replace("{schema}", &schema);
    admin.batch_execute(&sql).await.unwrap();
    admin
        .execute(
            "INSERT INTO tenancy.gate (tenant, key, value, epoch, state, placement)
             VALUES ($1, $2, $1::bigint::text, 1, 'active', '{}')",
            &[&id, &tenant],
        )
        .await
        .unwrap();
    TenantRoute {
        id: TenantId::new(id),
        key: TenantKey::new(tenant).unwrap(),
        state: TenantState::Active,
        placement: Some(Placement {
            model,
            database,
            schema: SqlIdent::new(schema).unwrap(),
            epoch: Epoch::FIRST,
        }),
        limits: Limits::UNLIMITED,
        domains: Box::new([]),
    }
}

const SHARED_TABLES: &str = "
CREATE TABLE IF NOT EXISTS notes (id bigint GENERATED BY DEFAULT AS IDENTITY, slug text, body text,
  tenant_id bigint NOT NULL DEFAULT tenancy.tenant_id(), PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, slug));
ALTER TABLE notes OWNER TO tenantry_owner;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS allow ON notes;
DROP POLICY IF EXISTS floor ON notes;
CREATE POLICY allow ON notes AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
CREATE POLICY floor ON notes AS RESTRICTIVE FOR ALL TO PUBLIC
  USING (tenant_id = tenancy.shared_tenant_id()) WITH CHECK (tenant_id = (SELECT tenancy.shared_tenant_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO {login};
GRANT SELECT ON notes TO {login}_ro;";

const SCHEMA_TABLES: &str = "
CREATE SCHEMA {schema} AUTHORIZATION tenantry_owner;
GRANT USAGE ON SCHEMA {schema} TO {login}, {login}_ro, tenantry_context;
CREATE TABLE {schema}.notes (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, slug text UNIQUE, body text);
ALTER TABLE {schema}.notes OWNER TO tenantry_owner;
ALTER TABLE {schema}.notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.notes FORCE ROW LEVEL SECURITY;
CREATE POLICY allow ON {schema}.notes AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
CREATE POLICY floor ON {schema}.notes AS RESTRICTIVE FOR ALL TO PUBLIC
  USING (tenancy.tenant_id() = {tenant}) WITH CHECK (tenancy.tenant_id() = {tenant});
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.notes TO {login};
GRANT SELECT ON {schema}.notes TO {login}_ro;";

const DATABASE_TABLES: &str = "
CREATE TABLE notes (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, slug text UNIQUE, body text);
ALTER TABLE notes OWNER TO tenantry_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO {login};
GRANT SELECT ON notes TO {login}_ro;";
