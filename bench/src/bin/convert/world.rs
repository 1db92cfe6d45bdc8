//! A server, a catalog, and a product's database with rows.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use tenantry_catalog::{Catalog, CatalogConfig};
use tenantry_core::{MasterKey, SqlIdent, TenantKey};
use tenantry_ops::convert::{Convert, Limits, TenantTable, Tenants, Until};
use tenantry_ops::{ClusterAccess, Control};
use tenantry_schema::{Declaration, Kind, TableEntry};
use tenantry_testkit::{Postgres, PostgresOptions};
use tokio_postgres::{Client, NoTls};

const SCHEMA: &str = include_str!("schema.sql");
pub(crate) const DATABASE: &str = "product";
pub(crate) const ROLE: &str = "product_app";
pub(crate) const ACCOUNTS: i64 = 500;

pub(crate) struct World {
    pub(crate) postgres: Postgres,
    pub(crate) control: Control,
    pub(crate) rows: i64,
}

impl World {
    pub(crate) async fn start(version: Option<u32>, rows: i64) -> Result<Self> {
        let postgres = Postgres::start(PostgresOptions { version, ..PostgresOptions::default() }).await?;
        let admin = postgres.connect("postgres").await?;
        admin.batch_execute("CREATE DATABASE catalog; ").await?;
        admin.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await?;
        admin.batch_execute(&format!("CREATE ROLE {ROLE} LOGIN PASSWORD 'product'")).await?;
        let product = postgres.connect(DATABASE).await?;
        product.batch_execute(&format!("GRANT ALL ON SCHEMA public TO {ROLE}; SET ROLE {ROLE}")).await?;
        let sql =
            SCHEMA.replace("{{rows}}", &rows.to_string()).replace("{{accounts}}", &ACCOUNTS.to_string());
        product.batch_execute(&sql).await.context("filling the product's database")?;
        product.batch_execute("RESET ROLE").await?;
        product.batch_execute("VACUUM ANALYZE").await?;
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
        let config = CatalogConfig::new(postgres.host(), postgres.port(), postgres.superuser(), "catalog")
            .with_password(postgres.password().clone());
        let catalog = Catalog::connect(config).await?;
        catalog.migrate().await?;
        let control = Control {
            catalog,
            master_key: MasterKey::generate(),
            clusters: BTreeMap::from([("main".to_owned(), access)]),
            actor: "bench".into(),
        };
        Ok(Self { postgres, control, rows })
    }

    pub(crate) fn request(one: bool, limits: Limits) -> Result<Convert> {
        let mut declaration = Declaration::default();
        declaration.tables.insert("countries".into(), TableEntry::Kind(Kind::Global));
        let table = TenantTable { table: "accounts".into(), key: None, name: Some("title".into()) };
        Ok(Convert {
            cluster: "main".into(),
            database: SqlIdent::new(DATABASE)?,
            tenants: if one { Tenants::One(TenantKey::new("only")?) } else { Tenants::Table(table) },
            declaration,
            until: Until::Observe,
            limits,
        })
    }

    pub(crate) async fn application(&self) -> Result<Client> {
        let mut config = tokio_postgres::Config::new();
        let postgres = &self.postgres;
        config.host(postgres.host()).port(postgres.port()).user(ROLE).password("product").dbname(DATABASE);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn one(&self, sql: &str) -> Result<String> {
        Ok(self.postgres.connect(DATABASE).await?.query_one(sql, &[]).await?.get(0))
    }

    pub(crate) async fn rows(&self) -> Result<String> {
        let sql = "SELECT sum(reltuples)::bigint::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        self.one(sql).await
    }

    pub(crate) async fn size(&self) -> Result<String> {
        self.one("SELECT pg_size_pretty(pg_database_size(current_database()))").await
    }

    pub(crate) async fn stop(self) {
        drop(self.control);
        self.postgres.stop().await;
    }
}
