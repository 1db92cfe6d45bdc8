//! Who appears in the demo: four tenants, two logins, and the names of what holds them.

use tenantry_core::TenancyModel;

pub(super) const CATALOG: &str = "tenantry";
pub(super) const CLUSTER: &str = "main";
pub(super) const POOL: &str = "app";
/// May act for every tenant; each connection names one.
pub(super) const LOGIN: &str = "app";
/// Bound to one tenant, whatever it asks for.
pub(super) const BOUND_LOGIN: &str = "acme_app";
/// Known to everybody who reads this: good enough on the loopback interface of a demo, and for nothing else.
pub(super) const PASSWORD: &str = "demo";

/// A tenant of the demo.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) model: TenancyModel,
    pub(super) plan: &'static str,
    pub(super) domain: &'static str,
    /// Its rows.
    pub(super) rows: &'static str,
}

pub(super) const TENANTS: [Role; 4] = [
    Role {
        key: "acme",
        name: "Acme Corp",
        model: TenancyModel::Shared,
        plan: "starter",
        domain: "acme.example.com",
        rows: include_str!("../../../../examples/sample/data/acme.sql"),
    },
    Role {
        key: "umbrella",
        name: "Umbrella Health",
        model: TenancyModel::Shared,
        plan: "starter",
        domain: "umbrella.example.com",
        rows: include_str!("../../../../examples/sample/data/umbrella.sql"),
    },
    Role {
        key: "globex",
        name: "Globex",
        model: TenancyModel::Schema,
        plan: "business",
        domain: "globex.example.com",
        rows: include_str!("../../../../examples/sample/data/globex.sql"),
    },
    Role {
        key: "initech",
        name: "Initech",
        model: TenancyModel::Database,
        plan: "enterprise",
        domain: "initech.example.com",
        rows: include_str!("../../../../examples/sample/data/initech.sql"),
    },
];

/// The model of a tenant of the demo.
pub(super) fn model_of(key: &str) -> Option<TenancyModel> {
    TENANTS.iter().find(|role| role.key == key).map(|role| role.model)
}
