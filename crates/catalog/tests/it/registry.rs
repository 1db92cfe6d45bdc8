//! Clusters, databases, plans, logins, schema versions.

use crate::{active, ident, new_cluster, new_database, on_each_version, pool, registry};
use serde_json::json;
use std::collections::BTreeSet;
use tenantry_catalog::{
    CatalogError, DatabaseKind, DatabaseState, NewCluster, NewDatabase, NewLogin, NewPlan, NewSchemaVersion,
    PasswordSource,
};
use tenantry_core::{ContextKind, KeyId, Limits, LoginBinding, Secret, TenancyModel, TenantId};

const VERIFIER: &str = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy";

on_each_version! {
    async fn a_cluster_is_what_was_said_of_it_last(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let first = tx.upsert_cluster(&new_cluster("main")).await.unwrap();
        let moved = NewCluster {
            host: "/run/postgresql".into(),
            port: 5433,
            more_hosts: vec!["[::1]:5432".parse().unwrap()],
            replicas: vec!["db2:5432".parse().unwrap(), "/run/other:5433".parse().unwrap()],
            password: PasswordSource::File("/etc/tenantry/password".into()),
            ..new_cluster("main")
        };
        let second = tx.upsert_cluster(&moved).await.unwrap();
        assert_eq!((&second.more_hosts, &second.replicas), (&moved.more_hosts, &moved.replicas));
        assert_eq!((second.id, second.port, &second.password), (first.id, 5433, &moved.password));
        assert_eq!(tx.clusters().await.unwrap(), std::slice::from_ref(&second));
        assert_eq!(tx.find_cluster("other").await.unwrap(), None);
        let error = tx.cluster("mian").await.unwrap_err();
        assert_eq!(error.hint().as_deref(), Some(r#"did you mean "main"?"#));

        tx.upsert_database(&new_database(&second, "app", DatabaseKind::Pool)).await.unwrap();
        let error = tx.delete_cluster(second.id).await.unwrap_err();
        assert!(matches!(error, CatalogError::InUse { .. }), "{error:?}");
        let tx = catalog.transaction().await.unwrap();
        let error = tx.upsert_cluster(&new_cluster("not a/name")).await.unwrap_err();
        assert!(matches!(error, CatalogError::Invalid { .. }), "{error:?}");
    }
}

on_each_version! {
    async fn a_database_keeps_its_kind_key_and_state_when_registered_again(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let app = pool(&tx).await;
        assert_eq!((app.stable_name().as_str(), app.state, app.key), ("main/app", DatabaseState::Provisioning, KeyId::new(1)));
        tx.set_database_state(app.id, DatabaseState::Ready).await.unwrap();
        tx.set_database_fingerprint(app.id, "abc").await.unwrap();
        assert_eq!(tx.rotate_database_key(app.id, KeyId::new(1)).await.unwrap(), KeyId::new(2));
        // Only two keys are valid at a time, and a rotation that was repeated by mistake rotates once.
        for current in [1, 2] {
            let error = tx.rotate_database_key(app.id, KeyId::new(current)).await.unwrap_err();
            assert!(matches!(error, CatalogError::WrongState { .. }), "{error:?}");
        }
        let cluster = tx.cluster("main").await.unwrap();
        let again = NewDatabase {
            context: ContextKind::Signed,
            max_connections: 7,
            ..new_database(&cluster, "app", DatabaseKind::Pool)
        };
        let found = tx.upsert_database(&again).await.unwrap();
        assert_eq!((found.id, found.state, found.max_connections), (app.id, DatabaseState::Ready, 7));
        assert_eq!((found.key, found.previous_key), (KeyId::new(2), Some(KeyId::new(1))));
        assert_eq!((found.context, found.fingerprint.as_deref()), (ContextKind::Signed, Some("abc")));
        tx.retire_previous_key(app.id).await.unwrap();
        assert_eq!(tx.rotate_database_key(app.id, KeyId::new(2)).await.unwrap(), KeyId::new(3));

        let error = tx.upsert_database(&new_database(&cluster, "app", DatabaseKind::Tenant)).await.unwrap_err();
        assert!(matches!(error, CatalogError::Differs { .. }), "{error:?}");
        assert_eq!(tx.find_database(cluster.id, &ident("app")).await.unwrap().unwrap().id, app.id);
        active(&tx, &app, "one").await;
        active(&tx, &app, "two").await;
        assert_eq!(tx.tenants_per_database().await.unwrap().get(&app.id), Some(&2));
        assert_eq!(tx.databases(Some(cluster.id)).await.unwrap().len(), 1);
        let error = tx.delete_database(app.id).await.unwrap_err();
        assert!(matches!(error, CatalogError::InUse { .. }), "{error:?}");
    }
}

on_each_version! {
    async fn a_role_opens_one_database(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let app = pool(&tx).await;
        let cluster = tx.cluster("main").await.unwrap();
        let other = NewDatabase { login: app.login.clone(), ..new_database(&cluster, "other", DatabaseKind::Pool) };
        let error = tx.upsert_database(&other).await.unwrap_err();
        assert!(matches!(error, CatalogError::Taken { what: "login role", .. }), "{error:?}");
    }
}

on_each_version! {
    async fn plans_change_in_place(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let small = NewPlan { name: "small".into(), model: TenancyModel::Shared, limits: Limits::default() };
        let first = tx.upsert_plan(&small).await.unwrap();
        let limits = Limits { connections: 2, ..small.limits };
        let second = tx.upsert_plan(&NewPlan { limits, model: TenancyModel::Schema, ..small }).await.unwrap();
        assert_eq!((second.id, second.limits, second.model), (first.id, limits, TenancyModel::Schema));
        assert_eq!(tx.plans().await.unwrap(), std::slice::from_ref(&second));
        assert_eq!(tx.plan("smal").await.unwrap_err().hint().as_deref(), Some(r#"did you mean "small"?"#));
        tx.delete_plan(second.id).await.unwrap();
        assert!(tx.plans().await.unwrap().is_empty());
    }
}

on_each_version! {
    async fn logins_are_bound_to_all_or_some_tenants(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        let (one, two) = (active(&tx, &pool, "one").await.id, active(&tx, &pool, "two").await.id);
        let only = |tenants: &[TenantId]| LoginBinding::Only(tenants.iter().copied().collect::<BTreeSet<_>>());
        let new = |binding| NewLogin { name: "app".into(), verifier: Secret::new(VERIFIER), binding };
        let login = tx.upsert_login(&new(only(&[one, two]))).await.unwrap();
        assert_eq!(login.binding, only(&[one, two]));
        assert_eq!(tx.upsert_login(&new(only(&[two]))).await.unwrap().binding, only(&[two]));
        tx.bind_login(login.id, &LoginBinding::All).await.unwrap();
        assert_eq!(tx.login("app").await.unwrap().binding, LoginBinding::All);
        tx.bind_login(login.id, &only(&[one])).await.unwrap();
        // When its last tenant goes, a bound login may act for nobody, not for everybody.
        tx.set_tenant_state(one, tenantry_core::TenantState::Active, tenantry_core::TenantState::Dropping).await.unwrap();
        tx.delete_tenant(one).await.unwrap();
        assert_eq!(tx.logins().await.unwrap()[0].binding, only(&[]));
        assert!(tx.delete_login("app").await.unwrap());
        assert!(!tx.delete_login("app").await.unwrap());
        tx.upsert_login(&new(LoginBinding::All)).await.unwrap();
        let error = tx.upsert_login(&new(only(&[TenantId::new(99)]))).await.unwrap_err();
        assert!(matches!(error, CatalogError::Unknown { what: "tenant", .. }), "{error:?}");
    }
}

on_each_version! {
    async fn the_current_schema_is_the_one_published_last(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        assert_eq!(tx.current_schema().await.unwrap(), None);
        let new = |fingerprint: &str| NewSchemaVersion {
            fingerprint: fingerprint.into(),
            file: "schema.sql".into(),
            sql: "CREATE TABLE t ();".into(),
            declaration: json!({"tenancy": {}}),
            facts: vec![("tables".into(), "[]".into())],
        };
        let first = tx.record_schema(&new("a")).await.unwrap();
        assert_eq!(tx.record_schema(&new("a")).await.unwrap(), first);
        let second = tx.record_schema(&new("b")).await.unwrap();
        // Going back is a new version, not the old one.
        let third = tx.record_schema(&new("a")).await.unwrap();
        assert!(first < second && second < third);
        let current = tx.current_schema().await.unwrap().unwrap();
        assert_eq!((current.version, current.facts, current.declaration), (third, new("a").facts, new("a").declaration));
    }
}
