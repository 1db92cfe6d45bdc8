//! Tenants: creating, finding, listing, placing, ending.

use crate::{active, ident, key, new_database, on_each_version, pool, registry, shared_in};
use serde_json::json;
use std::collections::BTreeSet;
use tenantry_catalog::{
    AuditEntry, AuditFilter, BroughtTenant, CatalogError, DatabaseKind, LimitsOverride, NewPlan, NewTenant,
    TenantFilter,
};
use tenantry_core::{Domain, Epoch, ErrorKind, Limits, Placement, TenancyModel, TenantId, TenantState};

fn acme() -> NewTenant {
    NewTenant {
        name: "Acme Inc.".into(),
        plan: Some("small".into()),
        limits: LimitsOverride { connections: Some(3), ..LimitsOverride::default() },
        settings: json!({"colour": "red"}),
        domains: vec![Domain::new("us.acme.com").unwrap(), Domain::new("acme.com").unwrap()],
        ..NewTenant::new(key("acme"))
    }
}

fn small() -> NewPlan {
    let limits = Limits {
        connections: 5,
        statement_timeout_ms: 1_000,
        transactions_per_minute: 60,
        ..Limits::default()
    };
    NewPlan { name: "small".into(), model: TenancyModel::Shared, limits }
}

on_each_version! {
    async fn creating_with_the_same_arguments_finds_the_tenant(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        tx.upsert_plan(&small()).await.unwrap();
        let made = tx.create_tenant(&acme()).await.unwrap();
        assert_eq!(made.state, TenantState::Provisioning);
        assert_eq!(made.limits, Limits { connections: 3, ..small().limits });
        assert_eq!(made.domains, ["acme.com", "us.acme.com"].map(|d| Domain::new(d).unwrap()));
        tx.set_tenant_state(made.id, TenantState::Provisioning, TenantState::Active).await.unwrap();
        let again = tx.create_tenant(&acme()).await.unwrap();
        assert_eq!((again.id, again.uuid, again.state), (made.id, made.uuid, TenantState::Active));

        let other = NewTenant { name: "Acme".into(), domains: Vec::new(), ..acme() };
        let error = tx.create_tenant(&other).await.unwrap_err();
        assert_eq!(error.to_string(), r#"tenant "acme" exists with another name, another domains"#);
        assert_eq!(error.kind(), ErrorKind::Conflict);
        tx.commit().await.unwrap();
    }
}

on_each_version! {
    async fn two_creators_at_once_get_one_tenant(postgres) {
        let catalog = registry(postgres).await.catalog;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let catalog = catalog.clone();
            tasks.spawn(async move {
                let tx = catalog.transaction().await.unwrap();
                let made = tx.create_tenant(&NewTenant::new(key("acme"))).await.unwrap();
                tx.commit().await.unwrap();
                made.id
            });
        }
        let ids = tasks.join_all().await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}

on_each_version! {
    async fn an_unknown_tenant_comes_with_a_suggestion(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        for name in ["acme", "globex", "initech"] {
            tx.create_tenant(&NewTenant::new(key(name))).await.unwrap();
        }
        let error = tx.tenant(&key("globx")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownTenant);
        assert_eq!(error.hint().as_deref(), Some(r#"did you mean "globex"?"#));
        assert_eq!(tx.tenant(&key("umbrella")).await.unwrap_err().hint(), None);
    }
}

on_each_version! {
    async fn lists_are_filtered_and_paged(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        for number in 0..7 {
            active(&tx, &pool, &format!("t-{number}")).await;
        }
        tx.create_tenant(&NewTenant::new(key("unfinished"))).await.unwrap();
        tx.commit().await.unwrap();

        let tx = catalog.snapshot().await.unwrap();
        let mut filter = TenantFilter {
            states: vec![TenantState::Active],
            model: Some(TenancyModel::Shared),
            cluster: Some("main".into()),
            key_prefix: Some("t-".into()),
            ..TenantFilter::default()
        };
        let mut keys = Vec::new();
        loop {
            let page = tx.tenants(&filter, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.after = Some(last.key.clone());
            keys.extend(page.into_iter().map(|tenant| tenant.key.to_string()));
        }
        assert_eq!(keys, (0..7).map(|number| format!("t-{number}")).collect::<Vec<_>>());

        let pending = tx.pending_tenants(10).await.unwrap();
        assert_eq!(pending.iter().map(|tenant| tenant.key.as_str()).collect::<Vec<_>>(), ["unfinished"]);
        let elsewhere = TenantFilter { cluster: Some("other".into()), ..TenantFilter::default() };
        assert!(tx.tenants(&elsewhere, 10).await.unwrap().is_empty());
        let planned = TenantFilter { plan: Some("small".into()), ..TenantFilter::default() };
        assert!(tx.tenants(&planned, 10).await.unwrap().is_empty());
    }
}

on_each_version! {
    async fn states_change_from_where_they_are_expected(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        let acme = active(&tx, &pool, "acme").await;
        for _ in 0..2 {
            tx.set_tenant_state(acme.id, TenantState::Active, TenantState::Suspended).await.unwrap();
        }
        let error = tx.set_tenant_state(acme.id, TenantState::Active, TenantState::Dropping).await.unwrap_err();
        assert_eq!(error.to_string(), r#"tenant "acme" is suspended, not active"#);
        let nobody = tx.set_tenant_state(TenantId::new(99), TenantState::Active, TenantState::Dropping).await;
        assert!(matches!(nobody, Err(CatalogError::Unknown { .. })));
    }
}

on_each_version! {
    async fn a_deleted_tenant_leaves_its_trail_and_never_its_id(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        let acme = active(&tx, &pool, "acme").await;
        let domain = Domain::new("acme.com").unwrap();
        tx.add_domain(acme.id, &domain).await.unwrap();
        let entry = AuditEntry {
            actor: "cli:ada".into(),
            action: "tenant.drop".into(),
            subject: "tenant/acme".into(),
            tenant: Some(acme.id),
            details: json!({}),
        };
        tx.audit(&entry).await.unwrap();
        let error = tx.delete_tenant(acme.id).await.unwrap_err();
        assert!(matches!(error, CatalogError::WrongState { .. }), "{error:?}");
        tx.set_tenant_state(acme.id, TenantState::Active, TenantState::Dropping).await.unwrap();
        assert!(tx.delete_tenant(acme.id).await.unwrap());
        assert!(!tx.delete_tenant(acme.id).await.unwrap());

        let next = tx.create_tenant(&NewTenant::new(key("acme"))).await.unwrap();
        assert!(next.id > acme.id);
        assert_ne!(next.uuid, acme.uuid);
        assert_eq!((next.domains, next.placement), (Vec::new(), None));
        let trail = AuditFilter { tenant: Some(acme.id), ..AuditFilter::default() };
        assert_eq!(tx.audit_records(&trail, 10).await.unwrap().len(), 1);
        tx.delete_database(pool.id).await.unwrap();
    }
}

on_each_version! {
    async fn an_epoch_only_grows(postgres) {
        let registry = registry(postgres).await;
        let tx = registry.catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        let acme = active(&tx, &pool, "acme").await;
        tx.set_placement(acme.id, &shared_in(&pool)).await.unwrap();
        assert_eq!(tx.raise_epoch(acme.id, Epoch::FIRST).await.unwrap(), Epoch::new(2));
        let error = tx.raise_epoch(acme.id, Epoch::FIRST).await.unwrap_err();
        assert!(matches!(error, CatalogError::StaleEpoch { found: 2, asked: 2 }), "{error:?}");
        tx.commit().await.unwrap();

        let own_schema = |epoch| Placement {
            model: TenancyModel::Schema,
            schema: ident("t_1"),
            epoch: Epoch::new(epoch),
            ..shared_in(&pool)
        };
        for epoch in [1, 2] {
            let tx = registry.catalog.transaction().await.unwrap();
            let error = tx.set_placement(acme.id, &own_schema(epoch)).await.unwrap_err();
            assert!(matches!(error, CatalogError::StaleEpoch { found: 2, .. }), "{error:?}");
        }
        let tx = registry.catalog.transaction().await.unwrap();
        tx.set_placement(acme.id, &own_schema(3)).await.unwrap();
        tx.commit().await.unwrap();
        // Not even by hand, nor by way of a deletion.
        for sql in ["UPDATE tenantry.placements SET epoch = 2", "DELETE FROM tenantry.placements"] {
            assert!(registry.admin.batch_execute(sql).await.is_err(), "{sql}");
        }
        let tx = registry.catalog.snapshot().await.unwrap();
        assert_eq!(tx.placement(acme.id).await.unwrap(), Some(own_schema(3)));
    }
}

on_each_version! {
    async fn a_placement_fits_its_database_and_shares_no_schema(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let pool = pool(&tx).await;
        let cluster = tx.cluster("main").await.unwrap();
        let own = tx.upsert_database(&new_database(&cluster, "t1", DatabaseKind::Tenant)).await.unwrap();
        let ids = [
            tx.create_tenant(&NewTenant::new(key("one"))).await.unwrap().id,
            tx.create_tenant(&NewTenant::new(key("two"))).await.unwrap().id,
        ];
        tx.commit().await.unwrap();
        let schema = Placement { model: TenancyModel::Schema, schema: ident("t_1"), ..shared_in(&pool) };
        let database = Placement { model: TenancyModel::Database, database: own.id, ..shared_in(&pool) };

        let refused = async |first: &Placement, second: &Placement| {
            let tx = catalog.transaction().await.unwrap();
            tx.set_placement(ids[0], first).await.unwrap();
            tx.set_placement(ids[1], second).await.unwrap_err()
        };
        assert!(matches!(refused(&schema, &schema).await, CatalogError::Taken { what: "schema", .. }));
        assert!(matches!(refused(&database, &database).await, CatalogError::Taken { what: "database", .. }));
        let misfit = Placement { database: own.id, ..shared_in(&pool) };
        assert!(matches!(refused(&schema, &misfit).await, CatalogError::Invalid { .. }));
        let in_public = Placement { model: TenancyModel::Schema, ..shared_in(&pool) };
        assert!(matches!(refused(&schema, &in_public).await, CatalogError::Invalid { .. }));
    }
}

on_each_version! {
    async fn keys_and_domains_belong_to_one_tenant(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let one = tx.create_tenant(&NewTenant::new(key("one"))).await.unwrap();
        let two = tx.create_tenant(&NewTenant::new(key("two"))).await.unwrap();
        let domain = Domain::new("shop.example.com").unwrap();
        for _ in 0..2 {
            tx.add_domain(one.id, &domain).await.unwrap();
        }
        let error = tx.add_domain(two.id, &domain).await.unwrap_err();
        assert!(matches!(error, CatalogError::Taken { what: "domain", .. }), "{error:?}");
        assert!(!tx.remove_domain(two.id, &domain).await.unwrap());
        assert!(tx.remove_domain(one.id, &domain).await.unwrap());
        tx.add_domain(two.id, &domain).await.unwrap();
        tx.rename_tenant(one.id, &key("three")).await.unwrap();
        assert_eq!(tx.tenant(&key("three")).await.unwrap().id, one.id);
        let error = tx.rename_tenant(one.id, &key("two")).await.unwrap_err();
        assert!(matches!(error, CatalogError::Taken { what: "tenant key", .. }), "{error:?}");
    }
}

on_each_version! {
    async fn tenants_with_rows_are_brought_together(postgres) {
        let catalog = registry(postgres).await.catalog;
        let tx = catalog.transaction().await.unwrap();
        let there = tx.create_tenant(&NewTenant::new(key("there"))).await.unwrap();
        let database = pool(&tx).await;
        let placement = shared_in(&database);
        let brought = |id: i64, text: &str| BroughtTenant {
            id: Some(TenantId::new(id)),
            uuid: None,
            key: key(text),
            name: text.to_uppercase(),
        };
        let many = [brought(5_000, "a"), brought(5_001, "there"), brought(there.id.get(), "b"), brought(5_002, "c")];
        let ids: Vec<TenantId> = many.iter().filter_map(|one| one.id).collect();
        tx.bring_tenants(&many, &placement).await.unwrap();
        let found = tx.tenants_by_identity(&ids, &[]).await.unwrap();
        let keys: Vec<&str> = found.iter().map(|tenant| tenant.key.as_str()).collect();
        assert_eq!(keys, ["there", "a", "c"], "somebody has the other key, and the other id");
        assert_eq!((found[1].name.as_str(), found[1].placement.as_ref()), ("A", Some(&placement)));
        assert!(found[0].placement.is_none());
        // Again: nothing is made twice.
        tx.bring_tenants(&many[..1], &placement).await.unwrap();
        assert_eq!(tx.tenants_by_identity(&[], &[found[1].uuid]).await.unwrap(), found[1..2]);
        assert_eq!(tx.taken_keys(&[key("a"), key("b")]).await.unwrap(), BTreeSet::from([key("a")]));
        // Ids that are given out later are greater, and those that were reserved are nobody's.
        let reserved = tx.reserve_tenant_ids(3).await.unwrap();
        let later = tx.create_tenant(&NewTenant::new(key("later"))).await.unwrap();
        assert_eq!(reserved.iter().map(|id| id.get()).collect::<Vec<_>>(), [5_003, 5_004, 5_005]);
        assert_eq!(later.id.get(), 5_006);
        tx.activate_tenants_of(database.id).await.unwrap();
        let states = tx.tenants_by_identity(&ids, &[]).await.unwrap();
        let active: Vec<bool> = states.iter().map(|tenant| tenant.state == TenantState::Active).collect();
        assert_eq!(active, [false, true, true], "of that database alone");
    }
}
