//! Errors say what is wrong and what to do, and show no secret.

use crate::{config, on_each_version, registry};
use std::error::Error;
use tenantry_catalog::{Catalog, CatalogConfig, CatalogError, NewLogin};
use tenantry_core::{ErrorKind, LoginBinding, Secret};

/// An error as a log would show it.
fn whole(error: &CatalogError) -> String {
    let mut text = format!("{error} {error:?} {:?}", error.hint());
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text} {inner}");
        source = inner.source();
    }
    text
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    // Bound and not listening: nobody else gets the port, and connecting is refused.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let error = Catalog::connect(CatalogConfig::new("127.0.0.1", port, "x", "x")).await.unwrap_err();
    assert!(matches!(error, CatalogError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::ServerUnavailable);
    assert!(error.hint().is_some());
}

on_each_version! {
    async fn a_wrong_password_and_a_missing_database_are_told_apart(postgres) {
        let wrong = config(postgres, "postgres").with_password(Secret::new("hunter2-wrong"));
        let error = Catalog::connect(wrong).await.unwrap_err();
        assert!(matches!(error, CatalogError::AuthenticationFailed { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
        assert!(!whole(&error).contains("hunter2"));

        let error = Catalog::connect(config(postgres, "no_such_database")).await.unwrap_err();
        assert!(matches!(error, CatalogError::NoDatabase { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("createdb no_such_database"));
    }
}

on_each_version! {
    async fn a_unix_socket_directory_is_a_host(postgres) {
        let mut config = config(postgres, "postgres");
        config.host = postgres.socket_dir().to_str().unwrap().to_owned();
        Catalog::connect(config).await.unwrap();
    }
}

on_each_version! {
    /// PostgreSQL's own text of a broken check shows the whole row ("Failing row contains ...").
    async fn a_refused_verifier_is_not_shown(postgres) {
        let registry = registry(postgres).await;
        let tx = registry.catalog.transaction().await.unwrap();
        let binding = LoginBinding::All;
        let new = NewLogin { name: "app".into(), verifier: Secret::new("hunter2"), binding };
        let error = tx.upsert_login(&new).await.unwrap_err();
        assert!(matches!(error, CatalogError::Invalid { .. }), "{error:?}");
        assert!(!whole(&error).contains("hunter2"));
        assert!(!format!("{new:?}").contains("hunter2"));

        // A text that PostgreSQL itself refuses, with no rule of ours in between.
        let tx = registry.catalog.transaction().await.unwrap();
        let new = NewLogin { name: "app\0".into(), verifier: Secret::new("hunter2"), binding: LoginBinding::All };
        let error = tx.upsert_login(&new).await.unwrap_err();
        assert!(matches!(error, CatalogError::Server { .. }), "{error:?}");
        assert!(!whole(&error).contains("hunter2"));
    }
}

on_each_version! {
    async fn too_many_at_once_wait_and_are_told(postgres) {
        let mut config = registry(postgres).await.config;
        config.max_connections = 1;
        config.statement_timeout = std::time::Duration::from_millis(200);
        let catalog = Catalog::connect(config).await.unwrap();
        let first = catalog.transaction().await.unwrap();
        let error = catalog.transaction().await.unwrap_err();
        assert!(matches!(error, CatalogError::Busy { connections: 1 }), "{error:?}");
        first.rollback().await.unwrap();
        catalog.transaction().await.unwrap().commit().await.unwrap();
    }
}
