//! The gateway as a client of servers, under each `sslmode`.

use super::authority::{Authority, write};
use crate::world::{World, connect};
use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;
use tenantry_core::{ServerTls, SslMode};
use tenantry_gateway::Config;
use tenantry_testkit::{Postgres, PostgresOptions, versions_for_tests};

/// Gives a server a certificate. False where it was built without TLS.
async fn turn_on(postgres: &Postgres, authority: &Authority) -> bool {
    let admin = postgres.connect("postgres").await.unwrap();
    let folder: String = admin.query_one("SHOW data_directory", &[]).await.unwrap().get(0);
    let owner = std::fs::metadata(&folder).unwrap();
    let issued = authority.issue(&["127.0.0.1"]);
    for (name, text) in [("server.crt", &issued.certificate), ("server.key", &issued.key)] {
        let path = write(&PathBuf::from(&folder).join(name), text);
        chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    if admin.batch_execute("ALTER SYSTEM SET ssl = on").await.is_err() {
        return false;
    }
    postgres.restart().await.unwrap();
    true
}

/// Whether the connections of the gateway are encrypted, as the server sees it.
const ENCRYPTED: &str = "SELECT bool_and(s.ssl) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
    WHERE a.usename LIKE 'login_gw%' AND a.datname = ANY ($1)";

#[tokio::test]
async fn servers_are_reached_as_sslmode_says() {
    for version in versions_for_tests() {
        let options = PostgresOptions { version: Some(version), ..PostgresOptions::default() };
        let postgres: &'static Postgres = Box::leak(Box::new(Postgres::start(options).await.unwrap()));
        let authority = Authority::new("server root");
        let has_tls = turn_on(postgres, &authority).await;
        let world = World::on(postgres, 1, Config::default()).await;
        let right: Option<std::sync::Arc<str>> = Some(authority.pem.as_str().into());
        let wrong: Option<std::sync::Arc<str>> = Some(Authority::new("another").pem.as_str().into());
        for (mode, root, reached, encrypted) in [
            (SslMode::Disable, None, true, false),
            (SslMode::Prefer, None, true, has_tls),
            (SslMode::Require, None, has_tls, true),
            (SslMode::Require, wrong.clone(), false, true),
            (SslMode::VerifyCa, right.clone(), has_tls, true),
            (SslMode::VerifyCa, wrong.clone(), false, true),
            (SslMode::VerifyFull, right.clone(), has_tls, true),
            (SslMode::VerifyFull, wrong, false, true),
            (SslMode::VerifyFull, None, false, true),
        ] {
            let told = format!("{mode} on {version}, root {}", root.is_some());
            world.change_databases(|route| {
                route.tls = ServerTls { mode, root_certificate: root.clone() };
            });
            for tenant in ["acme", "initech"] {
                match connect(&world.config(tenant)).await {
                    Ok(client) => {
                        assert!(reached, "{told}");
                        client.query("SELECT body FROM notes", &[]).await.unwrap();
                    }
                    Err(error) => {
                        assert!(!reached, "{told}: {error}");
                        assert_eq!(error.code().unwrap().code(), "08006", "{told}");
                    }
                }
            }
            if reached {
                let admin = postgres.connect("postgres").await.unwrap();
                let seen = admin.query_one(ENCRYPTED, &[&world.databases()]).await.unwrap();
                assert_eq!(seen.get::<_, Option<bool>>(0), Some(encrypted), "{told}");
            }
        }
        world.close().await;
    }
}

/// With one connection to a server that has TLS, if there is one.
async fn in_front_of_tls(config: Config) -> Option<(World, Authority)> {
    let version = versions_for_tests()[0];
    let options = PostgresOptions { version: Some(version), ..PostgresOptions::default() };
    let postgres: &'static Postgres = Box::leak(Box::new(Postgres::start(options).await.unwrap()));
    let authority = Authority::new("server root");
    if !turn_on(postgres, &authority).await {
        return None;
    }
    Some((World::on(postgres, 1, config).await, authority))
}

#[tokio::test]
async fn a_connection_under_tls_goes_from_worker_to_worker() {
    let config = Config { workers: 4, ..Config::default() };
    let Some((world, _)) = in_front_of_tls(config).await else { return };
    world.change_databases(|route| {
        route.tls = ServerTls { mode: SslMode::Require, root_certificate: None };
    });
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(world.connect("initech").await);
    }
    let mut backends = BTreeSet::new();
    for client in clients.iter().cycle().take(32) {
        backends.insert(client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0));
    }
    let admin = world.postgres.connect("postgres").await.unwrap();
    let seen = admin.query_one(ENCRYPTED, &[&world.databases()]).await.unwrap();
    assert_eq!(seen.get::<_, Option<bool>>(0), Some(true));
    assert_eq!(backends.len(), 1, "the one connection served all");
    world.close().await;
}

/// By its address, a certificate for a name is nobody's.
#[tokio::test]
async fn a_certificate_for_another_host_is_refused_under_verify_full_alone() {
    let Some((world, authority)) = in_front_of_tls(Config::default()).await else { return };
    for (mode, reached) in [(SslMode::VerifyCa, true), (SslMode::VerifyFull, false)] {
        world.change_databases(|route| {
            route.host = "localhost".into();
            route.tls = ServerTls { mode, root_certificate: Some(authority.pem.as_str().into()) };
        });
        assert_eq!(connect(&world.config("acme")).await.is_ok(), reached, "{mode}");
    }
    world.close().await;
}
