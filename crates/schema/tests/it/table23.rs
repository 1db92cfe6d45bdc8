//! Every kind of statement that makes a schema, one test each: what it becomes in shared tables, or why it is refused. What is
//! compiled is applied, read back and compiled again on each server.

mod index;
mod key;
mod object;
mod relation;

use crate::harness::{Lab, declared, round_trip, target};
use tenantry_core::TenancyModel;
use tenantry_schema::{Compiled, Remedy, check, compile};
use tenantry_testkit::versions_for_tests;

/// A plain schema in shared tables on one server: the database, and what was compiled.
struct Row {
    lab: Lab,
    compiled: Compiled,
}

/// Compiles for shared tables, applies, reads back and compiles again, on each server from `oldest` on.
async fn rows(oldest: u32, sql: &str, declaration: &str) -> Vec<Row> {
    let declaration = declared(declaration);
    let mut rows = Vec::new();
    for version in versions_for_tests().into_iter().filter(|version| *version >= oldest) {
        let plain = Lab::with(version, sql).await.public().await;
        let target = target(TenancyModel::Shared);
        let (lab, compiled) = round_trip(version, &plain, &declaration, &target).await;
        rows.push(Row { lab, compiled });
    }
    rows
}

/// The statements of the compiled schema hold these fragments; names are written without quotes.
async fn becomes(sql: &str, declaration: &str, fragments: &[&str]) {
    becomes_from(15, sql, declaration, fragments).await;
}

async fn becomes_from(oldest: u32, sql: &str, declaration: &str, fragments: &[&str]) {
    for row in rows(oldest, sql, declaration).await {
        for fragment in fragments {
            assert!(row.holds(fragment), "{fragment}\nis not in\n{}", row.compiled.to_sql());
        }
    }
}

/// The findings that people see: `severity[rule]: place: message`.
async fn told(sql: &str, declaration: &str, expected: &[&str]) {
    for version in versions_for_tests() {
        let plain = Lab::with(version, sql).await.public().await;
        let report = check(&plain, &declared(declaration));
        let told: Vec<String> = report.for_people().map(ToString::to_string).collect();
        for line in expected {
            assert!(told.iter().any(|told| told == line), "{line}\nis not among {told:#?}");
        }
    }
}

/// Shared tables are refused, with a reason at a place, and with choices.
async fn refused(sql: &str, declaration: &str, expected: &str) {
    told(sql, declaration, &[expected]).await;
    let declaration = declared(declaration);
    let plain = Lab::with(versions_for_tests()[0], sql).await.public().await;
    assert!(compile(&plain, &declaration, &target(TenancyModel::Shared)).is_err(), "{sql}");
    let report = check(&plain, &declaration);
    for error in report.errors(TenancyModel::Shared) {
        assert!(
            error.remedy == Remedy::Person && error.hint.as_ref().is_some_and(|hint| hint.len() > 10),
            "{error:?}"
        );
    }
}

impl Row {
    fn holds(&self, fragment: &str) -> bool {
        self.compiled.statements.iter().any(|statement| flat(statement).contains(&flat(fragment)))
    }

    /// The application, inside tenant 5.
    async fn app(&self) -> tokio_postgres::Client {
        let app = self.lab.app().await;
        app.batch_execute("SET tenancy.lab TO '5'").await.unwrap();
        app
    }
}

fn flat(sql: &str) -> String {
    let text = sql.replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("( ", "(").replace(" )", ")")
}
