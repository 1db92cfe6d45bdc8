//! What is measured against: one PostgreSQL with the same table in every tenancy model, PgBouncer, and a gateway.

use crate::args::Args;
use crate::bouncer;
use crate::peer::Peer;
use crate::pgpool;
use crate::pooler::{Database, Facts, Pooler, Spec, Tenant, verifier};
use crate::variant::{Other, Via};
use crate::workload::BRANCHES;
use anyhow::{Context, Result};
use tenantry_core::{ContextKind, MasterKey, Secret, SqlIdent, TenancyModel, reader_of};
use tenantry_ops::isolation::{self, Core, TenantType};
use tenantry_schema::{Declaration, Model, Target, compile, introspection, introspection_settings, read};
use tenantry_testkit::{Postgres, PostgresOptions};
use tokio_postgres::Client;

/// Rows of a tenant, and of the tables without tenants.
pub(crate) const ROWS: i64 = 100_000;
/// Tenants of the crowded pool, and their rows: a tenth, so that filling them stays a matter of seconds.
pub(crate) const MANY: i64 = 100;
pub(crate) const MANY_ROWS: i64 = 10_000;
pub(crate) const SHARED_TENANT: i64 = 1;
pub(crate) const SCHEMA_TENANT: i64 = 2;
pub(crate) const OWN_TENANT: i64 = 3;
pub(crate) const MANY_FIRST: i64 = 101;
/// How many tables are filled.
pub(crate) const TABLES: usize = 7;

const POOL: &str = "bench_pool";
const OWN: &str = "bench_own";
const CROWD: &str = "bench_crowd";
const PLAIN: &str = "bench_plain";
/// The client's login: a role where there is no pooler, PgBouncer's user, and a login of the gateway.
const USER: &str = "bench";

const SCHEMA: &str = include_str!("schema.sql");
const BY_HAND: &str = include_str!("by_hand.sql");

/// Everything that runs. Dropping it stops all of it.
#[derive(Debug)]
pub(crate) struct World {
    // In this order: poolers go before the server they are connected to.
    pub(crate) gateway: Pooler,
    pub(crate) bouncer: Peer,
    pub(crate) others: Vec<(Other, Peer)>,
    pub(crate) postgres: Postgres,
    pub(crate) plain: String,
    password: Secret,
}

/// Where a client connects to, and as whom.
pub(crate) struct Address<'a> {
    pub(crate) port: u16,
    pub(crate) user: &'static str,
    pub(crate) password: &'a Secret,
}

/// A tenant's key.
pub(crate) fn key(tenant: i64) -> String {
    format!("bench-{tenant}")
}

impl World {
    /// Starts and fills everything.
    pub(crate) async fn build(args: &Args) -> Result<Self> {
        let settings = [("shared_buffers", "512MB"), ("max_wal_size", "4GB"), ("max_connections", "400")];
        let postgres = Postgres::start(PostgresOptions {
            version: args.pg,
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            ..PostgresOptions::default()
        })
        .await?;
        let master_key = MasterKey::generate();
        // Any random text will do for a password.
        let password = MasterKey::generate().to_hex();
        let plain = fill_plain(&postgres, &verifier(&password)).await?;
        let model = read(&plain)?;
        let databases: Vec<Database> = [POOL, OWN, CROWD]
            .into_iter()
            .zip(1..)
            .map(|(name, id)| Database {
                id,
                name: name.to_owned(),
                login: format!("tenantry_app_{name}"),
                port: postgres.port(),
                connections: args.connections,
            })
            .collect();
        let tenants = tenants()?;
        for database in &databases {
            let mut admin = create_database(&postgres, &database.name).await?;
            install(&mut admin, database, &master_key).await?;
            let here: Vec<&Tenant> = tenants.iter().filter(|tenant| tenant.database == database.id).collect();
            provision(&mut admin, database, &model, &here).await?;
        }
        // What was written must not be written back while something is measured.
        postgres.connect("postgres").await?.batch_execute("CHECKPOINT").await?;
        let spec = Spec {
            master_key: master_key.to_hex().expose().to_owned(),
            workers: args.workers,
            login: USER.to_owned(),
            verifier: verifier(&password),
            databases,
            tenants,
            plain,
        };
        let bouncer = bouncer::start(&postgres, USER, &password, args.connections, 1_000)?;
        let mut others = Vec::new();
        for other in args.with.iter().copied() {
            let Other::Pgpool = other;
            others.push((other, pgpool::start(&postgres, USER, &password, args.connections)?));
        }
        let gateway = Pooler::start(&spec)?;
        Ok(Self { gateway, bouncer, others, postgres, plain: PLAIN.to_owned(), password })
    }

    /// Where clients connect to.
    pub(crate) fn target(&self, via: Via) -> Address<'_> {
        let port = match via {
            Via::Gateway => self.gateway.port,
            _ => self.peer(via).map_or(self.postgres.port(), |peer| peer.port),
        };
        Address { port, user: USER, password: &self.password }
    }

    /// The process whose cost, with that of its children, is the variant's.
    pub(crate) fn pooler_pid(&self, via: Via) -> Option<u32> {
        match via {
            Via::Gateway => Some(self.gateway.pid()),
            _ => self.peer(via).map(Peer::pid),
        }
    }

    fn peer(&self, via: Via) -> Option<&Peer> {
        match via {
            Via::Nobody | Via::Gateway => None,
            Via::PgBouncer => Some(&self.bouncer),
            Via::Other(wanted) => {
                self.others.iter().find_map(|(other, peer)| (*other == wanted).then_some(peer))
            }
        }
    }

    /// Takes away what a run has written, and what it has left to be written back.
    pub(crate) async fn clean(&self) -> Result<()> {
        for (database, schema) in
            [(PLAIN, "public"), (POOL, "public"), (POOL, &*format!("t_{SCHEMA_TENANT}")), (OWN, "public")]
        {
            let admin = self.postgres.connect(database).await?;
            admin.batch_execute(&format!("TRUNCATE {schema}.pgbench_history")).await?;
            for table in ["accounts", "branches", "tellers"] {
                admin.batch_execute(&format!("VACUUM {schema}.pgbench_{table}")).await?;
            }
        }
        Ok(self.postgres.connect("postgres").await?.batch_execute("CHECKPOINT").await?)
    }

    pub(crate) async fn close(self) {
        drop((self.gateway, self.bouncer, self.others));
        self.postgres.stop().await;
    }
}

fn tenants() -> Result<Vec<Tenant>> {
    let public = || SqlIdent::new("public");
    let mut tenants = vec![
        Tenant { id: SHARED_TENANT, database: 1, model: TenancyModel::Shared, schema: public()? },
        Tenant {
            id: SCHEMA_TENANT,
            database: 1,
            model: TenancyModel::Schema,
            schema: SqlIdent::new(format!("t_{SCHEMA_TENANT}"))?,
        },
        Tenant { id: OWN_TENANT, database: 2, model: TenancyModel::Database, schema: public()? },
    ];
    for id in MANY_FIRST..MANY_FIRST + MANY {
        tenants.push(Tenant { id, database: 3, model: TenancyModel::Shared, schema: public()? });
    }
    Ok(tenants)
}

async fn create_database(postgres: &Postgres, name: &str) -> Result<Client> {
    let admin = postgres.connect("postgres").await?;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    Ok(postgres.connect(name).await?)
}

/// The plain table, read as a developer's schema before it is filled, and the tables for conditions written by hand.
async fn fill_plain(postgres: &Postgres, verifier: &str) -> Result<Facts> {
    let admin = create_database(postgres, PLAIN).await?;
    admin.batch_execute(SCHEMA).await?;
    let facts = introspect(&admin).await?;
    let sql = BY_HAND
        .replace("{user}", USER)
        .replace("{verifier}", verifier)
        .replace("{rows}", &ROWS.to_string())
        .replace("{tenant}", &SHARED_TENANT.to_string())
        .replace("{first}", &MANY_FIRST.to_string())
        .replace("{last}", &(MANY_FIRST + MANY - 1).to_string())
        .replace("{branches}", &BRANCHES.to_string())
        .replace("{many_rows}", &MANY_ROWS.to_string());
    admin.batch_execute(&sql).await.context("filling the plain tables")?;
    admin.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
    Ok(facts)
}

async fn introspect(admin: &Client) -> Result<Facts> {
    admin.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    admin.batch_execute(&introspection_settings(&SqlIdent::new("public")?)).await?;
    let mut facts = Vec::new();
    for query in introspection() {
        let row = admin.query_one(query.sql, &[]).await.with_context(|| query.name.to_owned())?;
        facts.push((query.name.to_owned(), row.get(0)));
    }
    admin.batch_execute("COMMIT").await?;
    Ok(facts)
}

/// The isolation core with its key.
async fn install(admin: &mut Client, database: &Database, master_key: &MasterKey) -> Result<()> {
    let route = database.route();
    let password = master_key.login_password(&route.stable_name, &route.login);
    let core = Core {
        tenant_type: TenantType::Bigint,
        context: ContextKind::Carrier,
        login: SqlIdent::new(&*route.login)?,
        verifier: verifier(&password),
        reader_verifier: verifier(&master_key.login_password(&route.stable_name, &reader_of(&route.login))),
        connection_limit: None,
    };
    isolation::install(admin, &core).await?;
    isolation::put_key(admin, &master_key.context_key(&route.stable_name, route.key)).await?;
    Ok(())
}

/// The tables as the schema engine compiles them, with each tenant's rows and gate.
async fn provision(
    admin: &mut Client,
    database: &Database,
    model: &Model,
    tenants: &[&Tenant],
) -> Result<()> {
    for (index, tenant) in tenants.iter().enumerate() {
        let first_in_pool = tenant.model != TenancyModel::Shared || index == 0;
        if first_in_pool {
            create_tables(admin, database, model, tenant).await?;
        }
        admin
            .execute(
                "INSERT INTO tenancy.gate (tenant, key, value, epoch, state, placement)
                 VALUES ($1, $2, $1::bigint::text, 1, 'active', '{}')",
                &[&tenant.id, &key(tenant.id)],
            )
            .await?;
        let rows = if tenants.len() > 2 { MANY_ROWS } else { ROWS };
        let (column, value) = match tenant.model {
            TenancyModel::Shared => (", tenant_id", format!(", {}", tenant.id)),
            TenancyModel::Schema | TenancyModel::Database => ("", String::new()),
        };
        let (schema, tellers) = (&tenant.schema, BRANCHES * 10);
        let sql = format!(
            "INSERT INTO {schema}.pgbench_accounts (aid, bid, abalance, filler{column})
             SELECT aid, 1, 0, ''{value} FROM generate_series(1, {rows}) aid;
             INSERT INTO {schema}.pgbench_branches (bid, bbalance{column})
             SELECT bid, 0{value} FROM generate_series(1, {BRANCHES}) bid;
             INSERT INTO {schema}.pgbench_tellers (tid, bid, tbalance{column})
             SELECT tid, 1, 0{value} FROM generate_series(1, {tellers}) tid"
        );
        admin
            .batch_execute(&sql)
            .await
            .with_context(|| format!("filling the tables of {}", key(tenant.id)))?;
    }
    admin.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
    Ok(())
}

async fn create_tables(
    admin: &mut Client,
    database: &Database,
    model: &Model,
    tenant: &Tenant,
) -> Result<()> {
    let target = Target {
        model: tenant.model,
        schema: tenant.schema.clone(),
        owner: SqlIdent::new("tenantry_owner")?,
        app: SqlIdent::new(&*database.login)?,
        reader: None,
        context: ContextKind::Carrier,
        tenant_value: (tenant.model == TenancyModel::Schema).then(|| tenant.id.to_string()),
    };
    let compiled = compile(model, &Declaration::default(), &target)?;
    if tenant.model == TenancyModel::Schema {
        let sql = format!(
            "CREATE SCHEMA {schema} AUTHORIZATION {}; GRANT USAGE ON SCHEMA {schema} TO {}, tenantry_context",
            target.owner,
            target.app,
            schema = tenant.schema
        );
        admin.batch_execute(&sql).await?;
    }
    let tx = admin.transaction().await?;
    for statement in &compiled.statements {
        tx.batch_execute(statement).await.with_context(|| statement.clone())?;
    }
    Ok(tx.commit().await?)
}
