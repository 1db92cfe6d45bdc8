//! The registry: clusters, databases, tenants, plans, placements, logins and the audit trail, kept in PostgreSQL.
//!
//! [`Catalog`] and [`Tx`] are for whoever changes it (operations, the command line); [`Feed`] turns it into route
//! snapshots for gateways. It holds no secret but login verifiers, and it is never read on the query path.

pub mod audit;
pub mod catalog;
pub mod cluster;
pub mod config;
mod connection;
pub mod database;
pub mod domain;
pub mod error;
pub mod feed;
pub mod gateway;
mod limits;
pub mod login;
pub mod migrate;
pub mod placement;
pub mod plan;
mod queries;
mod row;
pub mod schema_version;
mod suggest;
pub mod tenant;
pub mod tx;

pub use audit::{AuditEntry, AuditFilter, AuditRecord};
pub use catalog::{Catalog, OperationLock};
pub use cluster::{Cluster, NewCluster, PasswordSource};
pub use config::CatalogConfig;
pub use database::{Database, DatabaseKind, DatabaseState, LimitsOf, NewDatabase};
pub use error::{CatalogError, ServerError};
pub use feed::{Feed, FeedHandle, FeedOptions, FeedStatus};
pub use gateway::Gateway;
pub use limits::LimitsOverride;
pub use login::{Login, NewLogin};
pub use migrate::{MIGRATIONS, Migrated, Migration};
pub use plan::{NewPlan, Plan};
pub use queries::queries;
pub use schema_version::{NewSchemaVersion, SchemaVersion};
pub use tenant::{BroughtTenant, NewTenant, Tenant, TenantFilter};
pub use tx::Tx;
