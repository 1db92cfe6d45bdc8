//! Databases made by hand, to be audited.

use std::sync::atomic::{AtomicU32, Ordering};
use tenantry_audit::{Access, Ask, Found, Options, Report, audit, connect};
use tenantry_testkit::{Postgres, fresh_database, shared};
use tokio_postgres::Client;

const LAB: &str = include_str!("lab.sql");
static NEXT: AtomicU32 = AtomicU32::new(1);

/// One database with roles of its own, dropped by nobody: the server goes away with the process.
pub(crate) struct Lab {
    pub(crate) postgres: &'static Postgres,
    pub(crate) database: String,
    pub(crate) admin: Client,
    number: u32,
}

impl Lab {
    pub(crate) async fn new(version: u32) -> Self {
        let lab = Self::empty(version).await;
        lab.run(LAB).await;
        lab
    }

    pub(crate) async fn empty(version: u32) -> Self {
        let postgres = shared(version).await;
        let database = fresh_database(postgres, "audit").await;
        let admin = postgres.connect(&database).await.unwrap();
        Self { postgres, database, admin, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// A text of the lab with its roles and its database in it.
    pub(crate) fn fill(&self, sql: &str) -> String {
        sql.replace("app_user", &self.user())
            .replace("app_owner", &format!("app_owner_{}", self.number))
            .replace("{{database}}", &self.database)
    }

    pub(crate) fn user(&self) -> String {
        format!("app_user_{}", self.number)
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.tried(sql).await.unwrap_or_else(|error| panic!("{error}"));
    }

    pub(crate) async fn tried(&self, sql: &str) -> Result<(), String> {
        let sql = self.fill(sql);
        self.admin.batch_execute(&sql).await.map_err(|error| format!("{sql}\n{error:?}"))
    }

    pub(crate) fn access(&self) -> Access {
        Access {
            host: self.postgres.host().to_owned(),
            port: self.postgres.port(),
            user: self.postgres.superuser().to_owned(),
            password: Some(self.postgres.password().clone()),
            database: self.database.clone(),
        }
    }

    /// Audits with these rules alone; all if none is named.
    pub(crate) async fn audit(&self, only: &[&str]) -> (Report, Found) {
        let options =
            Options { only: only.iter().map(|rule| (*rule).to_owned()).collect(), ..Options::default() };
        let ask = Ask::default();
        let mut client = connect(&self.access()).await.unwrap();
        audit(&mut client, &ask, &options).await.unwrap()
    }

    /// The findings as lines, for messages and comparisons.
    pub(crate) async fn lines(&self, only: &[&str]) -> Vec<String> {
        let (report, _) = self.audit(only).await;
        lines(&report)
    }
}

pub(crate) fn lines(report: &Report) -> Vec<String> {
    let told = report
        .findings
        .iter()
        .map(|f| format!("{}[{}] {}: {}", f.severity, f.rule, f.place.object, f.message));
    told.chain(report.skipped.iter().map(|s| format!("skipped[{}] {}", s.rule, s.reason))).collect()
}
