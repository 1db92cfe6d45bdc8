//! For tests only: the versions to test on, one shared cluster per process and version, a database per test.

use crate::cache;
use crate::postgres::{Postgres, PostgresOptions};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use tenantry_core::SqlIdent;
use tokio::sync::OnceCell;

/// The oldest and the newest version; `scripts/setup.sh` installs both.
const VERSIONS: [u32; 2] = [15, 18];

/// The one process-wide state of this crate: a test binary's tests have nothing in common but the process.
/// It holds one cluster per version asked for, which ends with the process.
static SHARED: Mutex<BTreeMap<u32, &'static OnceCell<Postgres>>> = Mutex::new(BTreeMap::new());

/// Makes names unique within the process; clusters are not shared between processes.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The major versions that tests run on: 15 and 18, or what `TENANTRY_TEST_VERSIONS` lists (`15,16,17,18`).
pub fn versions_for_tests() -> Vec<u32> {
    let listed = env::var("TENANTRY_TEST_VERSIONS").unwrap_or_default();
    let versions: Vec<u32> = listed.split(',').filter_map(|major| major.trim().parse().ok()).collect();
    if versions.is_empty() { VERSIONS.to_vec() } else { versions }
}

/// This process's cluster of one major version, started by the first test that asks. Panics, with the hint, if it
/// can't be.
pub async fn shared(version: u32) -> &'static Postgres {
    let cell = *SHARED.lock().entry(version).or_insert_with(|| Box::leak(Box::default()));
    cell.get_or_init(|| async {
        let options = PostgresOptions { version: Some(version), ..PostgresOptions::default() };
        match Postgres::start(options).await {
            Ok(postgres) => postgres,
            Err(error) => panic!("{error}\nhint: {}", error.hint().unwrap_or_default()),
        }
    })
    .await
}

/// The Python interpreter that has the drivers and object mappers. Panics, with the hint, if there is none.
pub fn python() -> PathBuf {
    from_setup("python/bin/python")
}

/// The folder that Node.js must have in `NODE_PATH` to find node-postgres and postgres.js. Panics, with the hint, if there is none.
pub fn node_modules() -> PathBuf {
    from_setup("node_modules")
}

/// PostgreSQL's JDBC driver: Debian's, or one that somebody put into the cache. Panics, with the hint, if there is none.
pub fn postgres_jdbc() -> PathBuf {
    let debian = PathBuf::from("/usr/share/java/postgresql.jar");
    if debian.exists() { debian } else { from_setup("postgresql.jar") }
}

fn from_setup(what: &str) -> PathBuf {
    let places = cache::directories().into_iter().map(|cache| cache.join(what));
    places
        .into_iter()
        .find(|place| place.exists())
        .unwrap_or_else(|| panic!("no {what} was found\nhint: run scripts/setup.sh"))
}

/// Creates an empty database and returns its name, which no other test has.
pub async fn fresh_database(postgres: &Postgres, prefix: &str) -> String {
    let name = format!("{prefix}_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let ident = SqlIdent::new(name.clone()).expect("a test's prefix is a short name");
    let client = postgres.connect("postgres").await.expect("the cluster takes connections");
    client.batch_execute(&format!("CREATE DATABASE {ident}")).await.expect("a database can be created");
    name
}
