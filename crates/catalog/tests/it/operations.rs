//! Transactions and operation locks: all or nothing, and one at a time.

use crate::{key, on_each_version, registry};
use serde_json::json;
use tenantry_catalog::{AuditEntry, AuditFilter, CatalogError, NewTenant};

fn entry(subject: &str) -> AuditEntry {
    AuditEntry {
        actor: "cli:ada".into(),
        action: "tenant.create".into(),
        subject: subject.into(),
        tenant: None,
        details: json!({"model": "shared"}),
    }
}

on_each_version! {
    async fn an_effect_and_its_audit_row_happen_together_or_not_at_all(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        tx.create_tenant(&NewTenant::new(key("acme"))).await.unwrap();
        tx.audit(&entry("tenant/acme")).await.unwrap();
        drop(tx);

        let tx = catalog.transaction().await.unwrap();
        assert_eq!(tx.find_tenant(&key("acme")).await.unwrap(), None);
        assert_eq!(tx.audit_records(&AuditFilter::default(), 10).await.unwrap(), []);
        tx.create_tenant(&NewTenant::new(key("acme"))).await.unwrap();
        tx.audit(&entry("tenant/acme")).await.unwrap();
        tx.commit().await.unwrap();

        let tx = catalog.snapshot().await.unwrap();
        assert!(tx.find_tenant(&key("acme")).await.unwrap().is_some());
        let records = tx.audit_records(&AuditFilter::default(), 10).await.unwrap();
        assert_eq!(records.into_iter().map(|record| record.entry).collect::<Vec<_>>(), [entry("tenant/acme")]);
        tx.commit().await.unwrap();
    }
}

on_each_version! {
    /// COMMIT after a failed statement is answered with ROLLBACK and no error: it must not look like success.
    async fn a_transaction_with_a_failed_statement_does_not_commit(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let acme = tx.create_tenant(&NewTenant::new(key("acme"))).await.unwrap();
        tx.create_tenant(&NewTenant::new(key("globex"))).await.unwrap();
        assert!(matches!(tx.rename_tenant(acme.id, &key("globex")).await, Err(CatalogError::Taken { .. })));
        assert!(tx.commit().await.is_err());
        let tx = catalog.snapshot().await.unwrap();
        assert_eq!(tx.find_tenant(&key("acme")).await.unwrap(), None);
    }
}

on_each_version! {
    async fn a_snapshot_sees_one_moment_and_changes_nothing(postgres) {
        let catalog = registry(postgres).await.catalog;
        let snapshot = catalog.snapshot().await.unwrap();
        assert_eq!(snapshot.find_tenant(&key("acme")).await.unwrap(), None);
        let tx = catalog.transaction().await.unwrap();
        tx.create_tenant(&NewTenant::new(key("acme"))).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(snapshot.find_tenant(&key("acme")).await.unwrap(), None);
        assert!(snapshot.create_tenant(&NewTenant::new(key("globex"))).await.is_err());
    }
}

on_each_version! {
    async fn the_audit_trail_only_grows_and_takes_no_secrets(postgres) {
        let registry = registry(postgres).await;
        let tx = registry.catalog.transaction().await.unwrap();
        for subject in ["tenant/a", "tenant/b", "tenant/a"] {
            tx.audit(&entry(subject)).await.unwrap();
        }
        let nested = AuditEntry { details: json!({"login": [{"Password": "hunter2"}]}), ..entry("login/app") };
        let error = tx.audit(&nested).await.unwrap_err();
        assert!(matches!(&error, CatalogError::SecretInAudit { field } if field == "Password"), "{error:?}");
        tx.commit().await.unwrap();

        for sql in ["UPDATE tenantry.audit SET actor = 'x'", "DELETE FROM tenantry.audit", "TRUNCATE tenantry.audit"] {
            let error = registry.admin.batch_execute(sql).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "23001", "{sql}");
        }
        let tx = registry.catalog.snapshot().await.unwrap();
        let of_a = AuditFilter { subject: Some("tenant/a".into()), ..AuditFilter::default() };
        let newest = tx.audit_records(&of_a, 1).await.unwrap();
        let before = AuditFilter { before: Some(newest[0].id), ..of_a };
        let rest = tx.audit_records(&before, 10).await.unwrap();
        assert_eq!((newest.len(), rest.len()), (1, 1));
        assert!(rest[0].id < newest[0].id);
    }
}

on_each_version! {
    async fn one_operation_at_a_time_holds_a_name(postgres) {
        let catalog = registry(postgres).await.catalog;
        let held = catalog.lock("tenant/acme").await.unwrap();
        let other = catalog.lock("tenant/globex").await.unwrap();
        let error = catalog.lock("tenant/acme").await.unwrap_err();
        assert!(matches!(error, CatalogError::Locked { .. }), "{error:?}");
        held.release().await.unwrap();
        catalog.lock("tenant/acme").await.unwrap().release().await.unwrap();
        other.release().await.unwrap();
    }
}
