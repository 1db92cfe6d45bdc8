use super::*;
use crate::{Epoch, SqlIdent, TenancyModel};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The wall clock may jump: whether a login is open depends on what it says now, and on nothing that was true before.
#[test]
fn a_login_is_open_until_its_end_whichever_way_the_clock_jumps() {
    use std::time::{Duration, SystemTime};
    let end = SystemTime::UNIX_EPOCH + Duration::from_hours(1_000);
    let access = LoginAccess { valid_until: Some(end), ..LoginAccess::default() };
    let second = Duration::from_secs(1);
    for (now, open) in [(end - second, true), (end, false), (end + second, false), (end - second, true)] {
        assert_eq!(access.is_open(now), open);
        assert!(!LoginAccess { disabled: true, ..access.clone() }.is_open(now));
        assert!(LoginAccess::default().is_open(now));
    }
    assert!(access.is_open(SystemTime::UNIX_EPOCH));
}

fn tenant(id: i64, key: &str, domains: &[&str]) -> Arc<TenantRoute> {
    Arc::new(TenantRoute {
        id: TenantId::new(id),
        key: TenantKey::new(key).unwrap(),
        state: TenantState::Active,
        placement: Some(Placement {
            model: TenancyModel::Shared,
            database: DatabaseId::new(1),
            schema: SqlIdent::new("public").unwrap(),
            epoch: Epoch::FIRST,
        }),
        limits: Limits::default(),
        domains: domains.iter().map(|d| Domain::new(*d).unwrap()).collect(),
    })
}

#[test]
fn a_renamed_tenant_is_found_by_its_new_key_only() {
    let table =
        RouteTable::empty().with_changes(1, [RouteChange::Tenant(tenant(1, "acme", &["a.example.com"]))]);
    let renamed = table.with_changes(2, [RouteChange::Tenant(tenant(1, "apex", &[]))]);
    assert_eq!(renamed.tenant_by_key("apex").unwrap().id, TenantId::new(1));
    assert!(renamed.tenant_by_key("acme").is_none());
    assert!(renamed.tenant_by_domain("a.example.com").is_none());
    // The old snapshot still answers as it did.
    assert_eq!(table.tenant_by_key("acme").unwrap().id, TenantId::new(1));
}

#[test]
fn a_key_that_passes_to_another_tenant_in_one_batch_stays_with_it() {
    let table = RouteTable::empty().with_changes(
        1,
        [RouteChange::Tenant(tenant(1, "one", &[])), RouteChange::Tenant(tenant(2, "two", &[]))],
    );
    let swapped = table.with_changes(
        2,
        [RouteChange::Tenant(tenant(2, "one", &[])), RouteChange::Tenant(tenant(1, "two", &[]))],
    );
    assert_eq!(swapped.tenant_by_key("one").unwrap().id, TenantId::new(2));
    assert_eq!(swapped.tenant_by_key("two").unwrap().id, TenantId::new(1));
}

proptest! {
    /// Whatever changes arrive in whatever batches, the table answers like one built from the final state.
    #[test]
    fn incremental_changes_equal_the_final_state(
        steps in prop::collection::vec((1_i64..6, prop::option::of(0_usize..8)), 1..40)
    ) {
        let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let mut table = RouteTable::empty();
        let mut model: BTreeMap<i64, usize> = BTreeMap::new();
        for (revision, (id, key)) in (1_i64..).zip(&steps) {
            let change = match key {
                // The catalog keeps keys unique, so a change that would double one can't arrive.
                Some(key) if model.iter().any(|(other, taken)| taken == key && other != id) => continue,
                Some(key) => {
                    model.insert(*id, *key);
                    RouteChange::Tenant(tenant(*id, keys[*key], &[]))
                }
                None => {
                    model.remove(id);
                    RouteChange::TenantGone(TenantId::new(*id))
                }
            };
            table = table.with_changes(revision, [change]);
        }
        prop_assert_eq!(table.tenant_count(), model.len());
        for (index, key) in keys.iter().enumerate() {
            let expected = model.iter().find(|(_, k)| **k == index).map(|(id, _)| TenantId::new(*id));
            prop_assert_eq!(table.tenant_by_key(key).map(|t| t.id), expected);
        }
    }
}
