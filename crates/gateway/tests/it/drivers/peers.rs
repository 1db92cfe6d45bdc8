//! Drivers and object mappers that visit every model in one run, each once in transaction mode and once in session mode.

use super::peer::{Pair, command, run};
use super::tables;
use crate::world::World;
use std::path::{Path, PathBuf};
use tenantry_core::{PoolMode, TenancyModel};
use tenantry_gateway::Config;
use tenantry_testkit::fixture::{node_modules, postgres_jdbc, python};
use tenantry_testkit::versions_for_tests;
use tokio::process::Command;

/// In session mode each client keeps a server connection: more than a peer has clients, with its pools.
const FOR_SESSIONS: u32 = 16;

/// A test of the peer in each pool mode: `$peer` is given the mode, and its world's pairs of tenants.
macro_rules! in_both_modes {
    ($($peer:ident),+ $(,)?) => {$(
        mod $peer {
            #[tokio::test]
            async fn by_transaction() {
                super::visit(tenantry_core::PoolMode::Transaction, super::$peer).await;
            }

            #[tokio::test]
            async fn by_session() {
                super::visit(tenantry_core::PoolMode::Session, super::$peer).await;
            }
        }
    )+};
}

in_both_modes!(psycopg2, sqlalchemy, django, postgres_js, jdbc);

fn psycopg2(world: &World, pairs: &[Pair]) -> Command {
    script(world, pairs, python(), "psycopg2_pool.py")
}

fn sqlalchemy(world: &World, pairs: &[Pair]) -> Command {
    script(world, pairs, python(), "sqlalchemy_orm.py")
}

fn django(world: &World, pairs: &[Pair]) -> Command {
    script(world, pairs, python(), "django_orm.py")
}

fn postgres_js(world: &World, pairs: &[Pair]) -> Command {
    script(world, pairs, PathBuf::from("node"), "postgres_js.js")
}

fn jdbc(world: &World, pairs: &[Pair]) -> Command {
    let mut java = command(world, pairs[0].tenant(), PathBuf::from("java"));
    // It lives for seconds: compiling well, and collecting in parallel, is not worth the time.
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
        .arg(postgres_jdbc())
        .arg(path("Jdbc.java"));
    for pair in pairs {
        java.args([&pair.model.to_string(), pair.tenant(), pair.other()]);
    }
    java
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers").join(name)
}

fn script(world: &World, pairs: &[Pair], program: PathBuf, name: &str) -> Command {
    let places: Vec<_> = pairs.iter().map(place).collect();
    let mut command = command(world, pairs[0].tenant(), program);
    command
        .arg(path(name))
        .env("PLACES", format!("[{}]", places.join(",")))
        .env("NODE_PATH", node_modules())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// As JSON; keys of tenants need no escapes.
fn place(pair: &Pair) -> String {
    format!(r#"{{"model":"{}","tenant":"{}","other":"{}"}}"#, pair.model, pair.tenant(), pair.other())
}

async fn visit(mode: PoolMode, peer: fn(&World, &[Pair]) -> Command) {
    let pairs = [TenancyModel::Shared, TenancyModel::Schema, TenancyModel::Database].map(Pair::of);
    for version in versions_for_tests() {
        // By transaction all share one server connection, which keeps fewer statements than the clients use.
        let connections = if mode == PoolMode::Session { FOR_SESSIONS } else { 1 };
        let config = Config { max_server_statements: 4, ..Config::default() };
        let world = World::with(version, connections, config).await;
        world.change_login("app", |login| login.pool_mode = mode);
        for pair in &pairs {
            tables::samples(&world, pair).await;
        }
        let mut command = peer(&world, &pairs);
        command.env("POOL_MODE", mode.to_string());
        run(command, "").await.ok();
        world.close().await;
    }
}
