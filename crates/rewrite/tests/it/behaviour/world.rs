//! Two tenants in each tenancy model, with the real isolation core, and a plain database for each of them.

use super::SCHEMA;
use crate::proof::lab::{declared, ident, said};
use tenantry_core::{ContextKey, ContextKind, Epoch, KeyId, Nonce, SqlIdent, TenancyModel, TenantId};
use tenantry_ops::isolation::{self, Core, TenantType};
use tenantry_rewrite::Rewriter;
use tenantry_schema::{Declaration, Model, Target, compile, introspection, introspection_settings, read};
use tenantry_testkit::{Postgres, fresh_database, shared};
use tenantry_wire::scram::Verifier;
use tokio_postgres::{Client, NoTls};

const PASSWORD: &str = "a password of the application's role";
/// The shared model's tenants; the schema model's have 10 more, the database model's 20 more.
const TENANTS: [i64; 2] = [7, 8];

/// Where a tenant lives.
pub(crate) struct Home {
    pub(crate) label: &'static str,
    /// As the application.
    pub(crate) client: Client,
    /// For emptying tables.
    admin: Client,
    schema: String,
    /// In the shared model.
    pub(crate) rewriter: Option<Rewriter>,
}

/// The homes of one tenant: first the plain database, which the others are compared with.
pub(crate) struct World {
    pub(crate) tenants: Vec<Vec<Home>>,
    tables: Vec<String>,
}

impl World {
    pub(crate) async fn new(version: u32) -> Self {
        let postgres = shared(version).await;
        let declaration = declared(include_str!("schema.toml"));
        let mut tenants: Vec<Vec<Home>> = Vec::new();
        for _ in TENANTS {
            tenants.push(vec![Home::plain(postgres).await]);
        }
        let model = model_of(&tenants[0][0].client).await;
        let pool = fresh_database(postgres, "behaviour").await;
        prepare(postgres, &pool).await;
        build(postgres, &pool, &model, &declaration, TenancyModel::Shared, TENANTS[0]).await;
        for (at, tenant) in TENANTS.into_iter().enumerate() {
            let home = Home::new(postgres, &pool, TenancyModel::Shared, tenant).await;
            let rewriter = Rewriter::new(&model, &declaration, TenancyModel::Shared);
            tenants[at].push(Home { rewriter: Some(rewriter), ..home });
            build(postgres, &pool, &model, &declaration, TenancyModel::Schema, tenant + 10).await;
            tenants[at].push(Home::new(postgres, &pool, TenancyModel::Schema, tenant + 10).await);
            let own = fresh_database(postgres, "behaviour").await;
            prepare(postgres, &own).await;
            build(postgres, &own, &model, &declaration, TenancyModel::Database, tenant + 20).await;
            tenants[at].push(Home::new(postgres, &own, TenancyModel::Database, tenant + 20).await);
        }
        let tables = model.tables.iter().map(|table| table.name.clone()).collect();
        Self { tenants, tables }
    }

    /// No rows anywhere but in the global table.
    pub(crate) async fn empty(&self) {
        let tables: Vec<&str> =
            self.tables.iter().filter(|table| *table != "countries").map(String::as_str).collect();
        // All of them first: tenants of a pool hold locks on the same tables.
        for home in self.tenants.iter().flatten() {
            home.client.batch_execute("ROLLBACK").await.unwrap();
        }
        for home in self.tenants.iter().flatten() {
            let sql = format!(
                "SET lock_timeout = '5s'; SET search_path TO {0}, public; TRUNCATE {1} RESTART IDENTITY CASCADE;
                 INSERT INTO countries VALUES ('de', 'Germany'), ('fr', 'France') ON CONFLICT DO NOTHING",
                home.schema,
                tables.join(", ")
            );
            home.admin.batch_execute(&sql).await.unwrap();
        }
    }
}

impl Home {
    async fn plain(postgres: &Postgres) -> Self {
        let database = fresh_database(postgres, "plain").await;
        let client = postgres.connect(&database).await.unwrap();
        client.batch_execute(SCHEMA).await.unwrap();
        let admin = postgres.connect(&database).await.unwrap();
        Self { label: "plain", client, admin, schema: "public".to_owned(), rewriter: None }
    }

    /// A session inside a tenant, as the gateway has it.
    async fn new(postgres: &Postgres, database: &str, model: TenancyModel, tenant: i64) -> Self {
        let (label, schema) = match model {
            TenancyModel::Shared => ("shared", "public".to_owned()),
            TenancyModel::Schema => ("schema", format!("t_{tenant}")),
            TenancyModel::Database => ("database", "public".to_owned()),
        };
        let admin = postgres.connect(database).await.unwrap();
        let gate = "INSERT INTO tenancy.gate (tenant, key, value, epoch, state, placement) VALUES ($1, $2, $2, 1, 'active', '{}')";
        admin.execute(gate, &[&tenant, &tenant.to_string()]).await.unwrap();
        let mut config = tokio_postgres::Config::new();
        config.host(postgres.host()).port(postgres.port()).password(PASSWORD).dbname(database);
        config.user(format!("tenantry_app_{database}"));
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let settings = format!("SET search_path TO {schema}, public; SET lock_timeout = '5s'");
        client.batch_execute(&settings).await.unwrap();
        enter(&client, TenantId::new(tenant)).await;
        Self { label, client, admin, schema, rewriter: None }
    }
}

async fn enter(client: &Client, tenant: TenantId) {
    let nonce: String = client.query_one("SELECT tenancy.challenge()", &[]).await.unwrap().get(0);
    let token = key().sign(tenant, Epoch::FIRST, &Nonce::new(nonce));
    let (key, tenant, epoch) = (token.key.get(), token.tenant.get(), token.epoch.get());
    let row =
        client.query_one("SELECT tenancy.enter($1, $2, $3, $4)", &[&key, &tenant, &epoch, &token.mac]).await;
    assert_eq!(row.unwrap().get::<_, String>(0), "entered");
}

fn key() -> ContextKey {
    ContextKey::new(KeyId::new(1), [3; 32])
}

/// Installs the isolation core.
async fn prepare(postgres: &Postgres, database: &str) {
    let mut admin = postgres.connect(database).await.unwrap();
    let core = Core {
        tenant_type: TenantType::Bigint,
        context: ContextKind::Carrier,
        login: login(database),
        verifier: Verifier::generate(PASSWORD, 4096).to_string(),
        reader_verifier: Verifier::generate(PASSWORD, 4096).to_string(),
        connection_limit: None,
    };
    isolation::install(&mut admin, &core).await.unwrap();
    isolation::put_key(&mut admin, &key()).await.unwrap();
}

fn login(database: &str) -> SqlIdent {
    ident(&format!("tenantry_app_{database}"))
}

async fn build(
    postgres: &Postgres,
    database: &str,
    model: &Model,
    declaration: &Declaration,
    tenancy: TenancyModel,
    tenant: i64,
) {
    let is_schema = tenancy == TenancyModel::Schema;
    let target = Target {
        model: tenancy,
        schema: if is_schema { ident(&format!("t_{tenant}")) } else { ident("public") },
        owner: ident("tenantry_owner"),
        app: login(database),
        reader: None,
        context: ContextKind::Carrier,
        tenant_value: is_schema.then(|| tenant.to_string()),
    };
    let compiled = compile(model, declaration, &target).unwrap();
    let admin = postgres.connect(database).await.unwrap();
    let schema = &target.schema;
    admin.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}; BEGIN")).await.unwrap();
    for statement in &compiled.statements {
        let done = admin.batch_execute(statement).await;
        done.unwrap_or_else(|error| panic!("{statement}\n{}", said(&error)));
    }
    admin.batch_execute("COMMIT").await.unwrap();
}

async fn model_of(client: &Client) -> Model {
    let settings = introspection_settings(&ident("public"));
    client.batch_execute(&format!("BEGIN; {settings}")).await.unwrap();
    let mut facts = Vec::new();
    for query in introspection() {
        facts.push((query.name.to_owned(), client.query_one(query.sql, &[]).await.unwrap().get(0)));
    }
    client.batch_execute("COMMIT").await.unwrap();
    read(&facts).unwrap()
}
