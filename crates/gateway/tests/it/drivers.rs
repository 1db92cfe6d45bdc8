//! Real peers through the gateway, in every tenancy model: psql, pgbench, and the drivers and object mappers of Python,
//! Node.js, Java and Rust.
//!
//! What a peer does is in its script beside this folder (`tests/drivers/`): it works as one tenant, beside another of
//! the same model, over one server connection. Here it is given its tables, and a deadline.

mod messages;
pub(crate) mod peer;
mod peers;
mod pgbench;
mod psql;
mod rust;
mod scripts;
mod sqlx;
mod tables;

/// The same test in every model: `$test` is given the model's pair of tenants.
macro_rules! in_every_model {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn shared() {
                super::$name(&crate::drivers::peer::Pair::of(tenantry_core::TenancyModel::Shared)).await;
            }

            #[tokio::test]
            async fn schema() {
                super::$name(&crate::drivers::peer::Pair::of(tenantry_core::TenancyModel::Schema)).await;
            }

            #[tokio::test]
            async fn database() {
                super::$name(&crate::drivers::peer::Pair::of(tenantry_core::TenancyModel::Database)).await;
            }
        }
    )+};
}
pub(crate) use in_every_model;
