//! Managed clusters, for real: every test starts servers of its own, side by side.
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

#[cfg(target_os = "linux")]
mod death;
mod errors;
mod kept;
mod proxy;
mod replica;
mod start;

use tenantry_testkit::{Postgres, PostgresOptions};

/// A throw-away cluster of one major version.
fn version(major: u32) -> PostgresOptions {
    PostgresOptions { version: Some(major), ..PostgresOptions::default() }
}

/// The answer to a query that returns one text.
async fn ask(postgres: &Postgres, sql: &str) -> String {
    let client = postgres.connect("postgres").await.expect("the cluster takes connections");
    client.query_one(sql, &[]).await.expect("the query is right").get(0)
}
