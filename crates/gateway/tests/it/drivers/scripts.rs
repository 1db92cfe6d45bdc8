//! The drivers of other languages: each script does what applications do with that driver, and checks it.

use super::in_every_model;
use super::peer::{Pair, command, run};
use super::tables;
use crate::world::World;
use std::path::{Path, PathBuf};
use tenantry_core::TenancyModel;
use tenantry_gateway::Config;
use tenantry_testkit::fixture::{node_modules, python};
use tenantry_testkit::versions_for_tests;
use tokio::process::Command;

in_every_model!(psycopg, asyncpg, asyncpg_after_a_migration, node_postgres);

async fn psycopg(pair: &Pair) {
    script(pair, python(), "psycopg3.py").await;
}

async fn asyncpg(pair: &Pair) {
    script(pair, python(), "asyncpg_pool.py").await;
}

/// A driver that mends itself, when it is told what PostgreSQL would tell it.
async fn asyncpg_after_a_migration(pair: &Pair) {
    for version in versions_for_tests() {
        // Two server connections: one for a client that has come to one where its statement never was.
        let world = World::with(version, 2, Config { workers: 1, ..Config::default() }).await;
        let database = world.databases()[usize::from(pair.model == TenancyModel::Database)].clone();
        let schema = if pair.model == TenancyModel::Schema {
            format!("t_{}.", pair.tenants[0].0)
        } else {
            String::new()
        };
        let server = world.postgres;
        let mut command = script_of(&world, pair, python(), "asyncpg_ageing.py");
        command
            .env("ADMIN_USER", server.superuser())
            .env("ADMIN_PASSWORD", server.password().expose())
            .env("ADMIN_PORT", server.port().to_string())
            .env("ADMIN_DATABASE", database)
            .env("MIGRATED_TABLE", format!("{schema}notes"));
        run(command, "").await.ok();
        world.close().await;
    }
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
    run(script_of(&world, pair, program, name), "").await.ok();
    world.close().await;
}

fn script_of(world: &World, pair: &Pair, program: PathBuf, name: &str) -> Command {
    let mut command = command(world, pair.tenant(), program);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers").join(name))
        .env("TENANCY_MODEL", pair.model.to_string())
        .env("OTHER_TENANT", pair.other())
        .env("NODE_PATH", node_modules())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONWARNINGS", "error");
    command
}
