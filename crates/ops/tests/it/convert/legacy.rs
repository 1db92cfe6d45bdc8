//! A product's database before it is converted: its rows, its application, and what must be true afterwards.

use crate::world::{CLUSTER, World};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use tenantry_core::{SqlIdent, TenantKey};
use tenantry_ops::convert::{Convert, Limits, TenantTable, Tenants, Until};
use tenantry_ops::{Progress, Step, tenant};
use tenantry_schema::{
    Declaration, Floor, Kind, TableDetails, TableEntry, introspection, introspection_settings, read,
    reconcile,
};
use tenantry_testkit::fresh_database;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

pub(crate) const TABLES: [&str; 5] = ["accounts", "users", "projects", "tasks", "events"];
const SQL: &str = include_str!("legacy.sql");

/// Ids of accounts become ids of tenants, and roles are the cluster's: each test has its own.
static NEXT: AtomicI64 = AtomicI64::new(1_000_000);

pub(crate) fn details(kind: Kind, via: &str) -> TableDetails {
    TableDetails { kind, via: Some(via.into()), partition: None, writable_by: None, overrides: Vec::new() }
}

pub(crate) struct Legacy {
    pub(crate) world: World,
    pub(crate) database: String,
    pub(crate) first: i64,
    role: String,
}

impl Legacy {
    pub(crate) async fn new(version: u32) -> Self {
        Self::with(version, SQL).await
    }

    pub(crate) async fn with(version: u32, sql: &str) -> Self {
        let world = World::empty(version).await;
        let database = fresh_database(world.postgres, "legacy").await;
        let first = NEXT.fetch_add(1_000, Ordering::Relaxed);
        let role = format!("old_{database}");
        let admin = world.postgres.connect(&database).await.unwrap();
        // The application owns its tables, as it mostly does.
        let sql = format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'old'; GRANT ALL ON SCHEMA public TO {role}; SET ROLE {role}; {}",
            sql.replace("{{first}}", &first.to_string())
        );
        admin.batch_execute(&sql).await.unwrap();
        Self { world, database, first, role }
    }

    pub(crate) fn request(&self, until: Until) -> Convert {
        let mut declaration = Declaration::default();
        declaration.tables.insert("countries".into(), TableEntry::Kind(Kind::Global));
        Convert {
            cluster: CLUSTER.into(),
            database: SqlIdent::new(self.database.clone()).unwrap(),
            tenants: Tenants::Table(TenantTable {
                table: "accounts".into(),
                key: Some("slug".into()),
                name: Some("title".into()),
            }),
            declaration,
            until,
            // Everything counts as large, so that the online way is what is tested.
            limits: Limits { small_table_bytes: 0, load: 100, ..Limits::default() },
        }
    }

    pub(crate) fn declare_via(&self, request: &mut Convert, table: &str, via: &str) {
        let details = details(Kind::Tenant, via);
        request.declaration.tables.insert(table.into(), TableEntry::Detailed(Box::new(details)));
        assert!(self.first > 0);
    }

    pub(crate) async fn admin(&self) -> Client {
        self.world.postgres.connect(&self.database).await.unwrap()
    }

    pub(crate) async fn one(&self, sql: &str) -> i64 {
        self.admin().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn old_application(&self) -> Client {
        let mut config = tokio_postgres::Config::new();
        let postgres = self.world.postgres;
        config
            .host(postgres.host())
            .port(postgres.port())
            .user(&self.role)
            .password("old")
            .dbname(&self.database);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Rows of every tenant table, as an administrator.
    pub(crate) async fn counts(&self, condition: &str) -> BTreeMap<&'static str, i64> {
        let mut counts = BTreeMap::new();
        for table in TABLES {
            counts.insert(table, self.one(&format!("SELECT count(*) FROM {table}{condition}")).await);
        }
        counts
    }

    pub(crate) async fn counts_by(&self, session: &Client) -> BTreeMap<&'static str, i64> {
        let mut counts = BTreeMap::new();
        for table in TABLES {
            let sql = format!("SELECT count(*) FROM {table}");
            counts.insert(table, session.query_one(&sql, &[]).await.unwrap().get(0));
        }
        counts
    }

    /// A session inside the n-th tenant.
    pub(crate) async fn enter(&self, number: i64) -> Client {
        let key = TenantKey::new(format!("acme-{}", self.first + number)).unwrap();
        let info = tenant::show(&self.world.control, &key).await.unwrap();
        assert_eq!(
            (info.id.get(), info.name.as_str()),
            (self.first + number, format!("Acme {number}").as_str())
        );
        self.world.enter(&info).await.unwrap()
    }

    /// Every row is visible to exactly its tenant, nobody sees anything without one, and the sum is everything.
    pub(crate) async fn assert_isolated(&self, everything: &BTreeMap<&'static str, i64>) {
        let mut sum = BTreeMap::new();
        for number in 1..=4 {
            let id = self.first + number;
            let session = self.enter(number).await;
            let seen = self.counts_by(&session).await;
            assert_eq!(seen, self.counts(&format!(" WHERE tenant_id = {id}")).await, "tenant {number}");
            for (table, count) in seen {
                *sum.entry(table).or_insert(0) += count;
            }
            let others =
                "SELECT count(*) FROM tasks t JOIN projects p ON p.id = t.project WHERE p.account <> $1";
            let foreign: i64 = session.query_one(others, &[&id]).await.unwrap().get(0);
            assert_eq!(foreign, 0);
            let other = self.first + number % 4 + 1;
            let stolen = "INSERT INTO users (account, email, tenant_id) VALUES ($1, 'x', $1)";
            assert_eq!(session.execute(stolen, &[&other]).await.unwrap_err().code().unwrap().code(), "42501");
            let added = session
                .execute("INSERT INTO users (account, email) VALUES ($1, '1@example.com')", &[&id])
                .await;
            assert!(added.is_ok() || number == 2, "an email of another tenant may be used: {added:?}");
        }
        assert_eq!(&sum, everything);
    }

    /// The schema is what the rules want, and nothing of the conversion is left but its ledger.
    pub(crate) async fn assert_clean(&self) {
        let helpers = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'tenantry\\_%'";
        assert_eq!(self.one(helpers).await, 0);
        assert_eq!(
            self.one("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%tenantry_convert%'").await,
            0
        );
        assert_eq!(self.one("SELECT count(*) FROM pg_namespace WHERE nspname = 'tenancy_convert'").await, 0);
        assert_eq!(self.one("SELECT count(*) FROM tenancy.surface()").await, 0);
        let model = read(&self.facts().await).unwrap();
        let mut request = self.request(Until::Enforce);
        // Whatever keys it was converted with: those are what nothing has to change for.
        let mut clean = Vec::new();
        for keys in [tenantry_schema::Keys::Composite, tenantry_schema::Keys::GlobalId] {
            request.declaration.tenancy.keys = keys;
            let floor = Floor { context: tenantry_core::ContextKind::Carrier, tenant_value: None };
            let model_wanted =
                reconcile(&model, &request.declaration, tenantry_core::TenancyModel::Shared, &floor);
            clean.push(model_wanted.model == model);
        }
        assert!(clean.contains(&true), "the rules have nothing to change");
        let mut findings = tenantry_ops::cluster::check(&self.world.control, CLUSTER).await.unwrap();
        // The maintenance database of the tests' server is nobody's business here.
        findings.retain(|finding| finding.rule != "connect");
        assert!(findings.is_empty(), "{findings:?}");
    }

    /// The rules have nothing to change.
    pub(crate) async fn assert_rules_content(&self, declaration: &Declaration) {
        let model = read(&self.facts().await).unwrap();
        let floor = Floor { context: tenantry_core::ContextKind::Carrier, tenant_value: None };
        let wanted = reconcile(&model, declaration, tenantry_core::TenancyModel::Shared, &floor);
        for (wanted, table) in wanted.model.tables.iter().zip(&model.tables) {
            assert_eq!(
                serde_json::to_string_pretty(wanted).unwrap(),
                serde_json::to_string_pretty(table).unwrap(),
                "the rules have nothing to change"
            );
        }
        assert!(wanted.model == model, "the rules have nothing to change");
        assert_eq!(self.one("SELECT count(*) FROM pg_namespace WHERE nspname = 'tenancy_convert'").await, 0);
        assert_eq!(self.one("SELECT count(*) FROM tenancy.surface()").await, 0);
    }

    pub(crate) async fn facts(&self) -> Vec<(String, String)> {
        let admin = self.admin().await;
        admin.batch_execute("BEGIN").await.unwrap();
        admin.batch_execute(&introspection_settings(&SqlIdent::new("public").unwrap())).await.unwrap();
        let mut facts = Vec::new();
        for query in introspection() {
            facts.push((query.name.to_owned(), admin.query_one(query.sql, &[]).await.unwrap().get(0)));
        }
        facts
    }

    /// The schema as text, to compare.
    pub(crate) async fn schema(&self) -> String {
        serde_json::to_string_pretty(&read(&self.facts().await).unwrap()).unwrap()
    }

    /// The old application, writing all the time.
    pub(crate) async fn writer(&self) -> Writer {
        let client = self.old_application().await;
        let first = self.first;
        let (stop, mut stopped) = oneshot::channel::<()>();
        let (begun, ready) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut begun = Some(begun);
            let mut written = 0;
            while stopped.try_recv().is_err() {
                client
                    .execute(
                        "INSERT INTO users (account, email) VALUES ($1, $2)",
                        &[&(first + 1 + written % 4), &format!("w{written}@example.com")],
                    )
                    .await
                    .unwrap();
                let project: i64 = client
                    .query_one(
                        "INSERT INTO projects (account, name) VALUES ($1, 'W') RETURNING id",
                        &[&(first + 1 + written % 4)],
                    )
                    .await
                    .unwrap()
                    .get(0);
                client
                    .execute("INSERT INTO tasks (project, title) VALUES ($1, 'W')", &[&project])
                    .await
                    .unwrap();
                client
                    .execute("UPDATE projects SET name = 'W!' WHERE id = $1", &[&(1 + written % 40)])
                    .await
                    .unwrap();
                written += 1;
                if let Some(begun) = begun.take() {
                    begun.send(()).unwrap();
                }
            }
            written
        });
        ready.await.unwrap();
        Writer { stop, task }
    }

    /// Kills the conversion's own connection when it comes to its n-th step.
    pub(crate) async fn killer_at(&self, step: usize) -> Killer {
        let admin = Arc::new(self.admin().await);
        Killer { admin, at: step, asked: AtomicUsize::new(0), done: AtomicBool::new(false) }
    }
}

pub(crate) struct Writer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<i64>,
}

impl Writer {
    pub(crate) async fn stop(self) -> i64 {
        self.stop.send(()).unwrap();
        self.task.await.unwrap()
    }
}

pub(crate) struct Killer {
    admin: Arc<Client>,
    at: usize,
    asked: AtomicUsize,
    done: AtomicBool,
}

impl Progress for Killer {
    fn proceed(&self, _next: Step<'_>) -> ControlFlow<()> {
        let here = self.asked.fetch_add(1, Ordering::Relaxed);
        if here == self.at && !self.done.swap(true, Ordering::Relaxed) {
            let admin = Arc::clone(&self.admin);
            tokio::spawn(async move {
                let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE application_name = 'tenantry' AND datname = current_database()";
                admin.execute(sql, &[]).await.unwrap();
            });
        }
        ControlFlow::Continue(())
    }
}
