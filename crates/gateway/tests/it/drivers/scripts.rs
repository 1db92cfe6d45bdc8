//! The drivers of other languages: each script does what applications do with that driver, and checks it.

use super::in_every_model;
use super::peer::{Pair, command, run};
use super::tables;
use crate::world::World;
use std::path::{Path, PathBuf};
use tenantry_gateway::Config;
use tenantry_testkit::fixture::{node_modules, python};
use tenantry_testkit::versions_for_tests;

in_every_model!(psycopg, asyncpg, node_postgres);

async fn psycopg(pair: &Pair) {
    script(pair, python(), "psycopg3.py").await;
}

async fn asyncpg(pair: &Pair) {
    script(pair, python(), "asyncpg_pool.py").await;
}

async fn node_postgres(pair: &Pair) {
    script(pair, PathBuf::from("node"), "node_postgres.js").await;
}

async fn script(pair: &Pair, program: PathBuf, name: &str) {
    for version in versions_for_tests() {
        run_script(version, pair, program.clone(), name).await;
    }
}

async fn run_script(version: u32, pair: &Pair, program: PathBuf, name: &str) {
    // The server connection keeps fewer statements than the clients use.
    let config = Config { max_server_statements: 4, ..Config::default() };
    let world = World::with(version, 1, config).await;
    tables::samples(&world, pair).await;
    let mut command = command(&world, pair.tenant(), program);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers").join(name))
        .env("TENANCY_MODEL", pair.model.to_string())
        .env("OTHER_TENANT", pair.other())
        .env("NODE_PATH", node_modules())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONWARNINGS", "error");
    run(command, "").await.ok();
    world.close().await;
}
