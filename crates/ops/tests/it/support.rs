//! A data database with two tenants and a small table, and sessions as the gateway has them.

use tenantry_core::{ContextKey, ContextKind, Epoch, KeyId, Nonce, SqlIdent, TenantId};
use tenantry_ops::isolation::{self, Core, TenantType};
use tenantry_testkit::{Postgres, fresh_database, shared, versions_for_tests};
use tenantry_wire::scram::Verifier;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

pub(crate) const ACME: TenantId = TenantId::new(7);
pub(crate) const GLOBEX: TenantId = TenantId::new(8);
pub(crate) const BOTH: [ContextKind; 2] = [ContextKind::Carrier, ContextKind::Signed];
pub(crate) const PASSWORD: &str = "a password of the application's role";

/// A data database with the core installed.
pub(crate) struct Data {
    pub(crate) postgres: &'static Postgres,
    pub(crate) name: String,
    pub(crate) admin: Client,
    pub(crate) key: ContextKey,
    pub(crate) kind: ContextKind,
}

/// A connection as the application's login role.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) key: ContextKey,
}

/// One tenant table as the compiler makes it, plus a partitioned one, and rows of both tenants.
const TABLES: &str = include_str!("tables.sql");

/// One database per version and kind of context.
pub(crate) async fn everywhere(prefix: &str) -> Vec<Data> {
    let mut all = Vec::new();
    for version in versions_for_tests() {
        for kind in BOTH {
            all.push(Data::new(version, kind, prefix).await);
        }
    }
    all
}

pub(crate) fn core(database: &str, kind: ContextKind) -> Core {
    Core {
        tenant_type: TenantType::Bigint,
        context: kind,
        login: SqlIdent::new(format!("tenantry_app_{database}")).unwrap(),
        verifier: Verifier::generate(PASSWORD, 4096).to_string(),
        reader_verifier: Verifier::generate(PASSWORD, 4096).to_string(),
        connection_limit: None,
    }
}

impl Data {
    pub(crate) async fn new(version: u32, kind: ContextKind, prefix: &str) -> Self {
        let postgres = shared(version).await;
        let name = fresh_database(postgres, &format!("{prefix}_{}", kind.as_str())).await;
        let mut admin = postgres.connect(&name).await.unwrap();
        isolation::install(&mut admin, &core(&name, kind)).await.unwrap();
        let key = ContextKey::new(KeyId::new(1), [3; 32]);
        isolation::put_key(&mut admin, &key).await.unwrap();
        let tables = TABLES.replace("{{login}}", &format!("\"tenantry_app_{name}\""));
        admin.batch_execute(&tables).await.unwrap();
        Self { postgres, name, admin, key, kind }
    }

    /// For messages of failed assertions.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.postgres.version(), self.kind.as_str())
    }

    pub(crate) fn config(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host(self.postgres.host())
            .port(self.postgres.port())
            .user(format!("tenantry_app_{}", self.name))
            .password(PASSWORD)
            .dbname(database);
        config
    }

    pub(crate) async fn session(&self) -> Session {
        let (client, connection) = self.config(&self.name).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET search_path = public").await.unwrap();
        Session { client, key: self.key.clone() }
    }

    /// A session that is inside the tenant.
    pub(crate) async fn inside(&self, tenant: TenantId) -> Session {
        let session = self.session().await;
        assert_eq!(session.enter(tenant).await, "entered", "{}", self.label());
        session
    }

    /// How many sessions hold a tenant's fence.
    pub(crate) async fn holders(&self, tenant: TenantId) -> i64 {
        let sql =
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted
                   AND ((classid::bigint << 32) | objid::bigint) = tenancy.fence_key($1)
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        self.admin.query_one(sql, &[&tenant.get()]).await.unwrap().get(0)
    }
}

impl Session {
    /// The nonce as the gateway asks for it: a message of its own.
    pub(crate) async fn challenge(&self) -> Option<Nonce> {
        self.one("SELECT tenancy.challenge()").await.unwrap().map(Nonce::new)
    }

    pub(crate) async fn enter(&self, tenant: TenantId) -> String {
        self.enter_at(tenant, Epoch::FIRST).await
    }

    pub(crate) async fn enter_at(&self, tenant: TenantId, epoch: Epoch) -> String {
        let nonce = self.challenge().await.expect("the session is clean");
        self.enter_with(&nonce, tenant, epoch).await
    }

    pub(crate) async fn enter_with(&self, nonce: &Nonce, tenant: TenantId, epoch: Epoch) -> String {
        let token = self.key.sign(tenant, epoch, nonce);
        let row = self
            .client
            .query_one(
                "SELECT tenancy.enter($1, $2, $3, $4)",
                &[&token.key.get(), &token.tenant.get(), &token.epoch.get(), &token.mac],
            )
            .await
            .unwrap();
        row.get(0)
    }

    /// What the gateway sends between two tenants.
    pub(crate) async fn handover(&self) {
        self.run(
            "SET SESSION AUTHORIZATION DEFAULT;CLOSE ALL;RESET ALL;UNLISTEN *;DISCARD TEMP;DISCARD SEQUENCES",
        )
        .await
        .unwrap();
        self.run("SET search_path = public").await.unwrap();
    }

    /// Runs statements by the simple protocol; gives the first column of the last row.
    pub(crate) async fn one(&self, sql: &str) -> Result<Option<String>, tokio_postgres::Error> {
        let messages = self.client.simple_query(sql).await?;
        Ok(messages
            .into_iter()
            .rev()
            .find_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row.get(0).map(ToOwned::to_owned)),
                _ => None,
            })
            .flatten())
    }

    pub(crate) async fn run(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.simple_query(sql).await.map(drop)
    }

    /// Which tenants' rows the session sees: `""`, `"7"`, or, if isolation failed, more.
    pub(crate) async fn sees(&self) -> String {
        self.one("SELECT string_agg(DISTINCT owner::text, ',' ORDER BY owner::text) FROM public.notes")
            .await
            .unwrap()
            .unwrap_or_default()
    }

    /// The SQLSTATE with which a statement is refused, or `"done"`.
    pub(crate) async fn outcome(&self, sql: &str) -> String {
        match self.run(sql).await {
            Ok(()) => "done".to_owned(),
            Err(error) => error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()),
        }
    }
}
